//! The wire: `POST /` with `X-Amz-Target: AmazonSQS.OPERATION` and JSON both ways.

mod batches;
mod messages;
mod queues;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::Core;
use super::error::SqsError;
use crate::runtime::new_request_id;

/// A batch of 1 MiB, escaped and in base64.
const LARGEST_REQUEST: usize = 8 * 1024 * 1024;

type Answer = Result<Value, SqsError>;

/// The service's one route. The path doesn't matter: older clients post to the queue's URL.
pub(super) fn router(core: Arc<Core>) -> Router {
    Router::new()
        .route("/", post(handle))
        .route("/{account}/{queue}", post(handle))
        .layer(DefaultBodyLimit::max(LARGEST_REQUEST))
        .with_state(core)
}

async fn handle(State(core): State<Arc<Core>>, headers: HeaderMap, body: Bytes) -> Response {
    let target = headers
        .get("x-amz-target")
        .and_then(|target| target.to_str().ok())
        .unwrap_or_default();
    let operation = target.strip_prefix("AmazonSQS.").unwrap_or_default();
    let trace = headers.get("x-amzn-trace-id").and_then(|id| id.to_str().ok());
    let mut response = match answer(&core, operation, trace, &body).await {
        Ok(answer) => answer.to_string().into_response(),
        Err(error) => error.into_response(),
    };
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/x-amz-json-1.0"),
    );
    if let Ok(id) = HeaderValue::from_str(&new_request_id()) {
        headers.insert("x-amzn-requestid", id);
    }
    response
}

async fn answer(core: &Arc<Core>, operation: &str, trace: Option<&str>, body: &[u8]) -> Answer {
    let body = if body.is_empty() { b"{}" } else { body };
    let call: Value = serde_json::from_slice(body).map_err(|error| unreadable(&error))?;
    // Of the URL only the last segment counts. Whose host it is doesn't matter, as the port may have moved.
    let queue = call["QueueUrl"].as_str().unwrap_or_default();
    let queue = queue.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    match operation {
        "SendMessage" => messages::send(core, queue, parse(&call)?, trace),
        "SendMessageBatch" => batches::send(core, queue, parse(&call)?),
        "ReceiveMessage" => messages::receive(core, queue, parse(&call)?).await,
        "DeleteMessage" => messages::delete(core, queue, &parse(&call)?),
        "DeleteMessageBatch" => batches::each(core, queue, operation, parse(&call)?, messages::delete),
        "ChangeMessageVisibility" => messages::change_visibility(core, queue, &parse(&call)?),
        "ChangeMessageVisibilityBatch" => {
            batches::each(core, queue, operation, parse(&call)?, messages::change_visibility)
        }
        "CreateQueue" => queues::create(core, &parse(&call)?),
        "DeleteQueue" => core.broker().remove(queue).map(|()| json!({})),
        "GetQueueUrl" => queues::get_url(core, &parse(&call)?),
        "GetQueueAttributes" => queues::get_attributes(core, queue, &parse(&call)?),
        "SetQueueAttributes" => queues::set_attributes(core, queue, &parse(&call)?),
        "ListQueues" => queues::list(core, &parse(&call)?),
        "PurgeQueue" => core.broker().purge(queue).map(|()| json!({})),
        "ListDeadLetterSourceQueues" => queues::list_dead_letter_sources(core, queue),
        "StartMessageMoveTask" => queues::start_move_task(core, &parse(&call)?),
        "ListMessageMoveTasks" => queues::list_move_tasks(core, &parse(&call)?),
        _ => Err(SqsError::unknown_operation(format!(
            "The operation '{operation}' is not known here."
        ))),
    }
}

fn parse<T: DeserializeOwned>(call: &Value) -> Result<T, SqsError> {
    T::deserialize(call).map_err(|error| unreadable(&error))
}

fn unreadable(error: &serde_json::Error) -> SqsError {
    SqsError::malformed(format!("The request cannot be read: {error}"))
}

/// The queue's name in its ARN.
fn queue_in_arn(arn: &str) -> Result<&str, SqsError> {
    let mut parts = arn.splitn(6, ':');
    match (parts.next(), parts.next(), parts.next(), parts.nth(2)) {
        (Some("arn"), Some(_), Some("sqs"), Some(name)) => Ok(name),
        _ => Err(SqsError::parameter(format!("'{arn}' is not the ARN of a queue."))),
    }
}

/// A number of seconds within SQS's limits for it.
fn seconds(name: &str, value: i64, most: i64) -> Result<Duration, SqsError> {
    match u64::try_from(value) {
        Ok(seconds) if value <= most => Ok(Duration::from_secs(seconds)),
        _ => Err(SqsError::parameter(format!(
            "Value {value} for parameter {name} is invalid. Reason: {name} must be >= 0 and <= {most}."
        ))),
    }
}
