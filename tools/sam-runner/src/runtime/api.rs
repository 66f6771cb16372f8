//! Lambda's two HTTP interfaces: the Runtime API, which the processes poll, and of the other one Invoke and GetFunctionConfiguration, for `aws
//! lambda invoke` and for readers of a function's configuration.
//!
//! Runtime API: <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>, under a path of its own for each process,
//! so that it is known who asks. Invoke: <https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html>.

use super::pool::{Next, ProcessNumber};
use super::state::Delivery;
use super::{InvokeError, Runtime};
use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use bytes::Bytes;

/// Lambda's limit for synchronous payloads, both ways.
pub(super) const LARGEST_PAYLOAD: usize = 6 * 1024 * 1024;

pub(super) fn router(runtime: Runtime) -> Router {
    Router::new()
        .route(
            "/{function}/{process}/2018-06-01/runtime/invocation/next",
            get(next),
        )
        .route(
            "/{function}/{process}/2018-06-01/runtime/invocation/{request}/response",
            post(respond),
        )
        .route(
            "/{function}/{process}/2018-06-01/runtime/invocation/{request}/error",
            post(fail),
        )
        .route(
            "/{function}/{process}/2018-06-01/runtime/init/error",
            post(init_error),
        )
        .route("/2015-03-31/functions/{name}/invocations", post(invoke))
        .route("/2015-03-31/functions/{name}/configuration", get(configuration))
        .with_state(runtime)
}

async fn next(
    State(runtime): State<Runtime>,
    Path((function, process)): Path<(usize, ProcessNumber)>,
) -> Response {
    let next = runtime
        .pool(function)
        .map_or(Next::Unknown, |pool| pool.next(process));
    let delivery = match next {
        Next::Event(delivery) => Some(delivery),
        Next::Later(receiver) => receiver.await.ok(),
        Next::Unknown => None,
    };
    match delivery {
        Some(delivery) => event(delivery, runtime.arn(function)),
        // It is being ended. Lambda freezes such a process; an error would only make it panic on its way out.
        None => std::future::pending().await,
    }
}

fn event(delivery: Delivery, arn: HeaderValue) -> Response {
    let mut response = Response::new(Body::from(delivery.payload));
    let text = |value: String| HeaderValue::try_from(value).unwrap_or(HeaderValue::from_static(""));
    let trace = trace_id(&delivery.request_id);
    let headers = response.headers_mut();
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    headers.insert(
        "lambda-runtime-deadline-ms",
        text(delivery.deadline_ms.to_string()),
    );
    headers.insert("lambda-runtime-invoked-function-arn", arn);
    headers.insert("lambda-runtime-trace-id", text(trace));
    headers.insert("lambda-runtime-aws-request-id", text(delivery.request_id));
    response
}

/// A trace header in X-Ray's form, out of a request id. Nothing is sampled here.
fn trace_id(request_id: &str) -> String {
    let hex = request_id.replace('-', "");
    let (root, parent) = (hex.as_str(), hex.get(16..).unwrap_or_default());
    let (time, unique) = root.split_at_checked(8).unwrap_or_default();
    format!("Root=1-{time}-{unique};Parent={parent};Sampled=0")
}

async fn respond(
    State(runtime): State<Runtime>,
    Path((function, process, request)): Path<(usize, ProcessNumber, String)>,
    body: Body,
) -> Response {
    let answer = axum::body::to_bytes(body, LARGEST_PAYLOAD)
        .await
        .map_err(|_| InvokeError::ResponseTooLarge);
    let too_large = answer.is_err();
    answered(&runtime, function, process, &request, answer, too_large)
}

async fn fail(
    State(runtime): State<Runtime>,
    Path((function, process, request)): Path<(usize, ProcessNumber, String)>,
    body: Body,
) -> Response {
    let report = axum::body::to_bytes(body, LARGEST_PAYLOAD)
        .await
        .unwrap_or_default();
    answered(
        &runtime,
        function,
        process,
        &request,
        Err(InvokeError::reported(report)),
        false,
    )
}

fn answered(
    runtime: &Runtime,
    function: usize,
    process: ProcessNumber,
    request: &str,
    answer: Result<Bytes, InvokeError>,
    too_large: bool,
) -> Response {
    let known = runtime
        .pool(function)
        .is_some_and(|pool| pool.answer(process, request, answer));
    match (known, too_large) {
        (true, false) => StatusCode::ACCEPTED.into_response(),
        (true, true) => StatusCode::PAYLOAD_TOO_LARGE.into_response(),
        // It was answered before, or its time had run out.
        (false, _) => (StatusCode::BAD_REQUEST, r#"{"errorType":"InvalidRequestID"}"#).into_response(),
    }
}

async fn init_error(
    State(runtime): State<Runtime>,
    Path((function, process)): Path<(usize, ProcessNumber)>,
    report: Bytes,
) -> StatusCode {
    if let Some(pool) = runtime.pool(function) {
        pool.init_failed(process, &report);
    }
    StatusCode::ACCEPTED
}

async fn invoke(
    State(runtime): State<Runtime>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let Ok(payload) = axum::body::to_bytes(body, LARGEST_PAYLOAD).await else {
        return refusal(&InvokeError::RequestTooLarge);
    };
    let name = bare_name(&name).to_owned();
    if !runtime.has(&name) {
        return refusal(&InvokeError::NoSuchFunction(name));
    }
    match headers
        .get("x-amz-invocation-type")
        .and_then(|kind| kind.to_str().ok())
    {
        Some("DryRun") => StatusCode::NO_CONTENT.into_response(),
        Some("Event") => {
            tokio::spawn(async move { runtime.invoke(&name, payload).await });
            StatusCode::ACCEPTED.into_response()
        }
        _ => match runtime.invoke(&name, payload).await {
            Ok(answer) => invoked(answer, None),
            Err(
                error @ (InvokeError::Throttled | InvokeError::NoSuchFunction(_) | InvokeError::Stopping),
            ) => refusal(&error),
            Err(error) => invoked(error.payload(), Some("Unhandled")),
        },
    }
}

async fn configuration(State(runtime): State<Runtime>, Path(name): Path<String>) -> Response {
    let name = bare_name(&name);
    match runtime.configuration(name) {
        Some(configuration) => axum::Json(configuration).into_response(),
        None => refusal(&InvokeError::NoSuchFunction(name.to_owned())),
    }
}

/// An ARN may stand for the name; a version or alias after it means nothing here.
fn bare_name(name: &str) -> &str {
    let name = name.rsplit_once(":function:").map_or(name, |(_, name)| name);
    name.split(':').next().unwrap_or_default()
}

fn invoked(body: Bytes, error: Option<&'static str>) -> Response {
    let mut response = Response::new(Body::from(body));
    response
        .headers_mut()
        .insert("content-type", HeaderValue::from_static("application/json"));
    response
        .headers_mut()
        .insert("x-amz-executed-version", HeaderValue::from_static("$LATEST"));
    if let Some(error) = error {
        response
            .headers_mut()
            .insert("x-amz-function-error", HeaderValue::from_static(error));
    }
    response
}

fn refusal(error: &InvokeError) -> Response {
    let status = match error {
        InvokeError::NoSuchFunction(_) => StatusCode::NOT_FOUND,
        InvokeError::Throttled => StatusCode::TOO_MANY_REQUESTS,
        InvokeError::RequestTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    let mut response = (status, error.payload()).into_response();
    response
        .headers_mut()
        .insert("content-type", HeaderValue::from_static("application/json"));
    if let Ok(kind) = HeaderValue::from_str(error.kind()) {
        response.headers_mut().insert("x-amzn-errortype", kind);
    }
    response
}
