//! SQS's errors, under the two names each has: the JSON protocol's, and the older query protocol's, which SDKs still read.

use axum::Json;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// Why a call failed, in SQS's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(super) struct SqsError {
    kind: Kind,
    message: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Kind {
    json: &'static str,
    query: &'static str,
}

macro_rules! kinds {
    ($($make:ident: $json:literal, $query:literal;)+) => {
        impl SqsError {
            $(
                pub(super) fn $make(message: impl Into<String>) -> SqsError {
                    SqsError { kind: Kind { json: $json, query: $query }, message: message.into() }
                }
            )+
        }
    };
}

kinds! {
    receipt_handle_invalid: "com.amazonaws.sqs#ReceiptHandleIsInvalid", "ReceiptHandleIsInvalid";
    message_not_in_flight: "com.amazonaws.sqs#MessageNotInflight", "AWS.SimpleQueueService.MessageNotInflight";
    message_contents: "com.amazonaws.sqs#InvalidMessageContents", "InvalidMessageContents";
    empty_batch: "com.amazonaws.sqs#EmptyBatchRequest", "AWS.SimpleQueueService.EmptyBatchRequest";
    too_many_entries: "com.amazonaws.sqs#TooManyEntriesInBatchRequest",
        "AWS.SimpleQueueService.TooManyEntriesInBatchRequest";
    entry_ids_not_distinct: "com.amazonaws.sqs#BatchEntryIdsNotDistinct",
        "AWS.SimpleQueueService.BatchEntryIdsNotDistinct";
    entry_id_invalid: "com.amazonaws.sqs#InvalidBatchEntryId", "AWS.SimpleQueueService.InvalidBatchEntryId";
    batch_too_long: "com.amazonaws.sqs#BatchRequestTooLong", "AWS.SimpleQueueService.BatchRequestTooLong";
    purge_in_progress: "com.amazonaws.sqs#PurgeQueueInProgress", "AWS.SimpleQueueService.PurgeQueueInProgress";
    attribute_name: "com.amazonaws.sqs#InvalidAttributeName", "InvalidAttributeName";
    attribute_value: "com.amazonaws.sqs#InvalidAttributeValue", "InvalidAttributeValue";
    queue_exists: "com.amazonaws.sqs#QueueNameExists", "QueueAlreadyExists";
    resource_not_found: "com.amazonaws.sqs#ResourceNotFoundException", "ResourceNotFoundException";
    unsupported: "com.amazonaws.sqs#UnsupportedOperation", "AWS.SimpleQueueService.UnsupportedOperation";
    over_limit: "com.amazonaws.sqs#OverLimit", "OverLimit";
    parameter: "com.amazon.coral.service#InvalidParameterValueException", "InvalidParameterValue";
    malformed: "com.amazon.coral.service#SerializationException", "MalformedInput";
    unknown_operation: "com.amazon.coral.service#UnknownOperationException", "InvalidAction";
    internal: "com.amazon.coral.service#InternalFailure", "InternalFailure";
    no_such_queue: "com.amazonaws.sqs#QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue";
}

impl SqsError {
    pub(super) fn queue_does_not_exist() -> SqsError {
        SqsError::no_such_queue("The specified queue does not exist.")
    }

    /// The query protocol's code, which also names errors inside a batch.
    pub(super) fn code(&self) -> &'static str {
        self.kind.query
    }

    fn is_ours(&self) -> bool {
        self.kind.query == "InternalFailure"
    }
}

impl From<rusqlite::Error> for SqsError {
    fn from(error: rusqlite::Error) -> SqsError {
        tracing::error!(%error, "the queues cannot be read or written");
        SqsError::internal("The queues cannot be read or written.")
    }
}

impl IntoResponse for SqsError {
    fn into_response(self) -> Response {
        let (status, fault) = if self.is_ours() {
            (StatusCode::INTERNAL_SERVER_ERROR, "Receiver")
        } else {
            (StatusCode::BAD_REQUEST, "Sender")
        };
        let body = json!({ "__type": self.kind.json, "message": self.message });
        let mut response = (status, Json(body)).into_response();
        if let Ok(error) = HeaderValue::from_str(&format!("{};{fault}", self.kind.query)) {
            response.headers_mut().insert("x-amzn-query-error", error);
        }
        response
    }
}
