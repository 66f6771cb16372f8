//! Lambda's two HTTP interfaces: the Runtime API, which the processes poll, and of the other one Invoke and GetFunctionConfiguration, for `aws
//! lambda invoke` and for readers of a function's configuration.
//!
//! Runtime API: <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>, under a path of its own for each process,
//! so that it is known who asks. Invoke: <https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html>.

use super::pool::{Next, ProcessNumber};
use super::state::{Delivery, Worker};
use super::{Hosted, InvokeError, Runtime};
use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use data_encoding::BASE64;
use serde::Deserialize;
use std::sync::Arc;

/// Lambda's limit for synchronous payloads, both ways.
pub(super) const LARGEST_PAYLOAD: usize = 6 * 1024 * 1024;
/// What Invoke shows of a log.
const LONGEST_TAIL: usize = 4 * 1024;
const JSON: HeaderValue = HeaderValue::from_static("application/json");

pub(super) fn router(runtime: Runtime) -> Router {
    let of_process = Router::new()
        .route("/invocation/next", get(next))
        .route("/invocation/{request}/response", post(respond))
        .route("/invocation/{request}/error", post(fail))
        .route("/init/error", post(init_error));
    let of_function = Router::new()
        .route("/invocations", post(invoke))
        .route("/configuration", get(configuration));
    Router::new()
        .nest("/{function}/{process}/2018-06-01/runtime", of_process)
        .nest("/2015-03-31/functions/{name}", of_function)
        .with_state(runtime)
}

async fn next(
    State(runtime): State<Runtime>,
    Path((function, process)): Path<(usize, ProcessNumber)>,
) -> Response {
    let function = runtime.function(function);
    let delivery = match function.map(|function| function.pool.next(process)) {
        Some(Next::Event(delivery)) => Some(delivery),
        Some(Next::Later(receiver)) => receiver.await.ok(),
        Some(Next::Unknown) | None => None,
    };
    match (function, delivery) {
        (Some(function), Some(delivery)) => event(delivery, function.arn.clone()),
        // It is being ended. Lambda freezes such a process; an error would only make it panic on its way out.
        _ => std::future::pending().await,
    }
}

fn event(delivery: Delivery, arn: HeaderValue) -> Response {
    let text = |value: String| HeaderValue::try_from(value).unwrap_or(HeaderValue::from_static(""));
    let headers = [
        ("content-type", JSON),
        ("lambda-runtime-deadline-ms", delivery.deadline_ms.into()),
        ("lambda-runtime-invoked-function-arn", arn),
        ("lambda-runtime-trace-id", text(trace_id(&delivery.request_id))),
        ("lambda-runtime-aws-request-id", text(delivery.request_id)),
    ];
    (headers, delivery.payload).into_response()
}

/// A trace header in X-Ray's form, out of a request id. Nothing is sampled here.
fn trace_id(request_id: &str) -> String {
    let hex = request_id.replace('-', "");
    let (root, parent) = (hex.as_str(), hex.get(16..).unwrap_or_default());
    let (time, unique) = root.split_at_checked(8).unwrap_or_default();
    format!("Root=1-{time}-{unique};Parent={parent};Sampled=0")
}

type OfRequest = Path<(usize, ProcessNumber, String)>;

async fn respond(State(runtime): State<Runtime>, Path(of): OfRequest, body: Body) -> Response {
    match axum::body::to_bytes(body, LARGEST_PAYLOAD).await {
        Ok(answer) => answered(&runtime, of, Ok(answer), StatusCode::ACCEPTED),
        Err(_) => {
            let error = InvokeError::ResponseTooLarge;
            answered(&runtime, of, Err(error), StatusCode::PAYLOAD_TOO_LARGE)
        }
    }
}

async fn fail(State(runtime): State<Runtime>, Path(of): OfRequest, body: Body) -> Response {
    let report = axum::body::to_bytes(body, LARGEST_PAYLOAD).await;
    let error = InvokeError::reported(report.unwrap_or_default());
    answered(&runtime, of, Err(error), StatusCode::ACCEPTED)
}

fn answered(
    runtime: &Runtime,
    (function, process, request): (usize, ProcessNumber, String),
    answer: Result<Bytes, InvokeError>,
    status: StatusCode,
) -> Response {
    let function = runtime.function(function);
    if function.is_some_and(|function| function.pool.answer(process, &request, answer)) {
        status.into_response()
    } else {
        // It was answered before, or its time had run out.
        (StatusCode::BAD_REQUEST, r#"{"errorType":"InvalidRequestID"}"#).into_response()
    }
}

async fn init_error(
    State(runtime): State<Runtime>,
    Path((function, process)): Path<(usize, ProcessNumber)>,
    report: Bytes,
) -> StatusCode {
    if let Some(function) = runtime.function(function) {
        function.pool.init_failed(process, &report);
    }
    StatusCode::ACCEPTED
}

async fn invoke(
    State(runtime): State<Runtime>,
    Path(name): Path<String>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let Ok(payload) = axum::body::to_bytes(body, LARGEST_PAYLOAD).await else {
        return refusal(&InvokeError::RequestTooLarge);
    };
    let (function, version) = match find(&runtime, &name, &asked) {
        Ok(found) => found,
        Err(error) => return refusal(&error),
    };
    let is = |header: &str, value: &str| headers.get(header).is_some_and(|given| given == value);
    if is("x-amz-invocation-type", "DryRun") {
        return StatusCode::NO_CONTENT.into_response();
    }
    if is("x-amz-invocation-type", "Event") {
        let pool = Arc::clone(&function.pool);
        tokio::spawn(async move { pool.invoke(payload, Worker::default()).await });
        return StatusCode::ACCEPTED.into_response();
    }
    let (answer, log) = if is("x-amz-log-type", "Tail") {
        let (answer, log) = function.invoke_with_log(payload).await;
        (answer, Some(tail(&log)))
    } else {
        (function.pool.invoke(payload, Worker::default()).await, None)
    };
    let (body, error) = match answer {
        Ok(answer) => (answer, None),
        Err(error @ (InvokeError::Throttled | InvokeError::Stopping)) => return refusal(&error),
        Err(error) => (error.payload(), Some([("x-amz-function-error", "Unhandled")])),
    };
    let headers = [
        ("content-type", JSON),
        ("x-amz-executed-version", HeaderValue::from_static(version)),
    ];
    let log = log.map(|log| [("x-amz-log-result", log)]);
    (headers, error, log, body).into_response()
}

async fn configuration(
    State(runtime): State<Runtime>,
    Path(name): Path<String>,
    Query(asked): Query<Asked>,
) -> Response {
    match find(&runtime, &name, &asked) {
        Ok((function, version)) => {
            let mut configuration = function.configuration.clone();
            configuration["Version"] = version.into();
            axum::Json(configuration).into_response()
        }
        Err(error) => refusal(&error),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Asked {
    /// A version or an alias.
    qualifier: Option<String>,
}

/// The function, and which version of it; an ARN may stand for its name, and the qualifier after that.
fn find<'r>(
    runtime: &'r Runtime,
    name: &str,
    asked: &Asked,
) -> Result<(&'r Hosted, &'static str), InvokeError> {
    let name = name.rsplit_once(":function:").map_or(name, |(_, name)| name);
    let (bare, qualifier) = name
        .split_once(':')
        .map_or((name, None), |(name, qualifier)| (name, Some(qualifier)));
    let function = runtime.called(bare);
    let version = function.and_then(|function| function.version(qualifier.or(asked.qualifier.as_deref())));
    function
        .zip(version)
        .ok_or_else(|| InvokeError::NoSuchFunction(name.to_owned()))
}

/// The end of a log, in base64.
fn tail(log: &str) -> String {
    BASE64.encode(&log.as_bytes()[log.len().saturating_sub(LONGEST_TAIL)..])
}

fn refusal(error: &InvokeError) -> Response {
    let status = match error {
        InvokeError::NoSuchFunction(_) => StatusCode::NOT_FOUND,
        InvokeError::Throttled => StatusCode::TOO_MANY_REQUESTS,
        InvokeError::RequestTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    let headers = [
        ("content-type", "application/json"),
        ("x-amzn-errortype", error.kind()),
    ];
    (status, headers, error.payload()).into_response()
}
