//! Lambda's Runtime API: one invocation after the other, as AWS describes it for custom runtimes.
//!
//! Not `lambda_runtime::run`: that one writes the trace's id of every invocation into the environment of the process, where glibc keeps
//! all values for good. Nothing here reads it.

use std::any::type_name;
use std::error::Error as StdError;

use ::http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use lambda_runtime_api_client::body::Body;
use lambda_runtime_api_client::{PooledClient, build_request};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::clock::Deadline;

const PATH: &str = "/2018-06-01/runtime/invocation";
const REQUEST_ID: &str = "lambda-runtime-aws-request-id";
const DEADLINE: &str = "lambda-runtime-deadline-ms";
const ERROR_TYPE: &str = "lambda-runtime-function-error-type";
/// Not sent by every version of Lambda. What came with an invocation goes back with its answer, which is refused where it comes too late.
const INVOCATION_ID: &str = "lambda-runtime-invocation-id";

/// What a function is asked.
#[derive(Debug)]
pub(crate) struct Invocation<P> {
    pub(crate) request_id: String,
    pub(crate) deadline: Deadline,
    pub(crate) payload: P,
}

/// What Lambda is told of an invocation that failed.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Failed {
    error_type: String,
    error_message: String,
}

/// Hands `function` one invocation after the other, until Lambda ends the process.
///
/// # Errors
/// Where `AWS_LAMBDA_RUNTIME_API` is not set, or that interface fails.
pub(crate) async fn serve<P, A, E>(function: impl AsyncFn(Invocation<P>) -> Result<A, E>) -> Result<(), Error>
where
    P: DeserializeOwned,
    A: Serialize,
    E: StdError,
{
    let host = std::env::var("AWS_LAMBDA_RUNTIME_API").map_err(|_| "AWS_LAMBDA_RUNTIME_API is not set")?;
    let lambda = PooledClient::builder().with_endpoint(host.try_into()?).build();
    loop {
        next(&lambda, &function).await?;
    }
}

/// One invocation, from being asked to having answered.
async fn next<P, A, E>(
    lambda: &PooledClient,
    function: &impl AsyncFn(Invocation<P>) -> Result<A, E>,
) -> Result<(), Error>
where
    P: DeserializeOwned,
    A: Serialize,
    E: StdError,
{
    let ask = build_request().uri(format!("{PATH}/next")).body(Body::empty())?;
    let (status, headers, event) = call(lambda, ask).await?;
    if !status.is_success() {
        return Err(format!("Lambda answers {status} when asked for an invocation").into());
    }
    let request_id = text(&headers, REQUEST_ID)?.to_owned();
    let deadline = Deadline::from_millisecond(text(&headers, DEADLINE)?.parse()?);
    let outcome = match serde_json::from_slice(event.as_ref()) {
        Ok(payload) => {
            let invocation = Invocation {
                request_id: request_id.clone(),
                deadline,
                payload,
            };
            function(invocation).await.map_err(|error| Failed {
                error_type: type_name::<E>().to_owned(),
                error_message: error.to_string(),
            })
        }
        Err(error) => Err(unreadable(&error)),
    };
    let mut tell = build_request().method(Method::POST);
    if let Some(id) = headers.get(INVOCATION_ID) {
        tell = tell.header(INVOCATION_ID, id);
    }
    let at = |what: &str| format!("{PATH}/{request_id}/{what}");
    let (tell, told) = match outcome {
        Ok(answer) => (tell.uri(at("response")), serde_json::to_vec(&answer)?),
        Err(failed) => (
            tell.uri(at("error")).header(ERROR_TYPE, "unhandled"),
            serde_json::to_vec(&failed)?,
        ),
    };
    let (status, ..) = call(lambda, tell.body(Body::from(told))?).await?;
    if status.is_server_error() {
        return Err(format!("Lambda answers {status} to what came of an invocation").into());
    }
    if !status.is_success() {
        // Too large, or too late.
        tracing::error!(http.status = status.as_u16(), "Lambda does not take the answer");
    }
    Ok(())
}

/// The whole answer, so that the connection serves again.
async fn call(
    lambda: &PooledClient,
    request: Request<Body>,
) -> Result<(StatusCode, HeaderMap, impl AsRef<[u8]> + use<>), Error> {
    let (head, body) = Response::into_parts(lambda.call(request).await?);
    Ok((head.status, head.headers, body.collect().await?.to_bytes()))
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Result<&'a str, Error> {
    let value = headers
        .get(name)
        .ok_or_else(|| format!("an invocation without {name}"))?;
    Ok(value.to_str()?)
}

/// Where, and not what: an event may hold anything.
fn unreadable(error: &serde_json::Error) -> Failed {
    let column = error.column();
    tracing::error!(column, "an event that cannot be read");
    Failed {
        error_type: "Unreadable".to_owned(),
        error_message: format!("the event cannot be read from column {column} on"),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use http_body_util::Full;
    use hyper::body::Bytes;
    use hyper::service::service_fn;
    use hyper_util::rt::TokioIo;
    use jiff::SignedDuration;
    use serde_json::{Value, json};
    use tokio::net::TcpListener;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("the disk is full")]
    struct DiskFull;

    /// What was told: path, headers, body.
    type Told = Arc<Mutex<Vec<(String, HeaderMap, Value)>>>;

    /// A Lambda that has one event for whoever asks, and takes what it is told with `taken`.
    async fn a_lambda(event: &'static str, asked: StatusCode, taken: StatusCode) -> (PooledClient, Told) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let at = listener.local_addr().expect("an address").to_string();
        let told = Told::default();
        let notes = Arc::clone(&told);
        tokio::spawn(async move {
            let (connection, _) = listener.accept().await.expect("a connection");
            let answer = service_fn(move |request: Request<hyper::body::Incoming>| {
                let notes = Arc::clone(&notes);
                async move {
                    let (head, body) = request.into_parts();
                    let (status, body) = if head.method == Method::GET {
                        (asked, event)
                    } else {
                        let body = body.collect().await.expect("a body").to_bytes();
                        let body = serde_json::from_slice(&body).expect("JSON");
                        let note = (head.uri.path().to_owned(), head.headers, body);
                        notes.lock().expect("notes").push(note);
                        (taken, "")
                    };
                    let answer = Response::builder()
                        .status(status)
                        .header(REQUEST_ID, "r7")
                        .header(DEADLINE, "60000")
                        .header(INVOCATION_ID, "i7")
                        .header("lambda-runtime-trace-id", "Root=1-5-6");
                    answer.body(Full::new(Bytes::from_static(body.as_bytes())))
                }
            });
            let served = hyper::server::conn::http1::Builder::new();
            let _ = served.serve_connection(TokioIo::new(connection), answer).await;
        });
        let lambda = PooledClient::builder().with_endpoint(at.try_into().expect("a URI"));
        (lambda.build(), told)
    }

    async fn greet(asked: Invocation<Value>) -> Result<Value, DiskFull> {
        let name = asked.payload["name"].as_str().ok_or(DiskFull)?;
        Ok(json!({"hello": name, "by": asked.deadline.less(SignedDuration::ZERO).as_millisecond()}))
    }

    #[tokio::test]
    async fn an_answer_goes_back_under_the_ids_of_its_invocation() {
        let (lambda, told) = a_lambda(r#"{"name": "Ada"}"#, StatusCode::OK, StatusCode::ACCEPTED).await;
        for _ in 0..2 {
            next(&lambda, &greet).await.expect("answered");
        }
        let told = told.lock().expect("notes");
        assert_eq!(told.len(), 2);
        let (path, headers, answer) = &told[1];
        assert_eq!(path, "/2018-06-01/runtime/invocation/r7/response");
        assert_eq!(headers[INVOCATION_ID], "i7");
        assert_eq!(*answer, json!({"hello": "Ada", "by": 60_000}));
    }

    #[tokio::test]
    async fn a_failure_is_told_by_its_kind_and_in_its_words() {
        let (lambda, told) = a_lambda("{}", StatusCode::OK, StatusCode::ACCEPTED).await;
        next(&lambda, &greet).await.expect("told");
        let told = told.lock().expect("notes");
        let (path, headers, failed) = &told[0];
        assert_eq!(path, "/2018-06-01/runtime/invocation/r7/error");
        assert_eq!(headers[ERROR_TYPE], "unhandled");
        let kind = "lambda_kit::invocations::tests::DiskFull";
        assert_eq!(
            *failed,
            json!({"errorType": kind, "errorMessage": "the disk is full"})
        );
    }

    #[tokio::test]
    async fn an_event_that_cannot_be_read_is_told_without_what_it_says() {
        let (lambda, told) = a_lambda(r#"{"name": Ada}"#, StatusCode::OK, StatusCode::ACCEPTED).await;
        next(&lambda, &greet).await.expect("told");
        let told = told.lock().expect("notes");
        let (path, _, failed) = &told[0];
        assert!(path.ends_with("/error"), "{path}");
        assert_eq!(
            failed["errorMessage"],
            "the event cannot be read from column 10 on"
        );
    }

    #[tokio::test]
    async fn an_answer_that_is_not_taken_is_not_the_end_but_a_failing_lambda_is() {
        let (lambda, _) = a_lambda("{}", StatusCode::OK, StatusCode::PAYLOAD_TOO_LARGE).await;
        next(&lambda, &greet).await.expect("goes on");
        for (asked, taken) in [
            (StatusCode::OK, StatusCode::INTERNAL_SERVER_ERROR),
            (StatusCode::INTERNAL_SERVER_ERROR, StatusCode::ACCEPTED),
        ] {
            let (lambda, _) = a_lambda("{}", asked, taken).await;
            assert!(next(&lambda, &greet).await.is_err(), "{asked} {taken}");
        }
    }

    #[tokio::test]
    async fn an_invocation_leaves_nothing_in_the_environment() {
        let (lambda, _) = a_lambda("{}", StatusCode::OK, StatusCode::ACCEPTED).await;
        let environment = || std::env::vars_os().collect::<Vec<_>>();
        let before = environment();
        next(&lambda, &greet).await.expect("answered");
        assert_eq!(environment(), before);
    }
}
