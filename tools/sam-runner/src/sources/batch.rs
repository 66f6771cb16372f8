//! A batch of messages as the event that Lambda sends, and what the answer says about each message.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html> and
//! <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html>

use crate::engines::sqs::ReceivedMessage;
use crate::runtime::REGION;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::HashSet;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Record<'e> {
    #[serde(flatten)]
    message: &'e ReceivedMessage,
    event_source: &'static str,
    #[serde(rename = "eventSourceARN")]
    event_source_arn: &'e str,
    aws_region: &'static str,
}

/// The JSON of the event.
pub(super) fn event(messages: &[ReceivedMessage], queue_arn: &str) -> Bytes {
    let record = |message| Record {
        message,
        event_source: "aws:sqs",
        event_source_arn: queue_arn,
        aws_region: REGION,
    };
    let records: Vec<_> = messages.iter().map(record).collect();
    json!({ "Records": records }).to_string().into()
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Failures {
    #[serde(default)]
    batch_item_failures: Option<Vec<Failure>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Failure {
    item_identifier: String,
}

/// The ids of the messages that failed, by the function's answer; an error when the whole batch did. Nothing, `null`,
/// `{}` and an empty list all mean success; a malformed list or an id that was not in the batch fails all of it.
pub(super) fn failures(answer: &[u8], messages: &[ReceivedMessage]) -> Result<HashSet<String>, String> {
    if answer.is_empty() {
        return Ok(HashSet::new());
    }
    let report: Option<Failures> = serde_json::from_slice(answer)
        .map_err(|error| format!("its answer names no failures properly ({error})"))?;
    let failures = report.and_then(|report| report.batch_item_failures);
    let failed: HashSet<String> = failures
        .into_iter()
        .flatten()
        .map(|failure| failure.item_identifier)
        .collect();
    let in_batch = |id: &String| messages.iter().any(|message| message.message_id == *id);
    match failed.iter().find(|id| !in_batch(id)) {
        Some(stranger) => Err(format!(
            "its answer names `{stranger}`, which was not in the batch"
        )),
        None => Ok(failed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;
    use std::collections::BTreeMap;

    fn message(id: &str) -> ReceivedMessage {
        ReceivedMessage {
            message_id: id.to_owned(),
            receipt_handle: format!("handle of {id}"),
            body: "{}".to_owned(),
            attributes: BTreeMap::from([("ApproximateReceiveCount".to_owned(), "1".to_owned())]),
            message_attributes: json!({}),
            md5_of_body: "99914b932bd37a50b983c5e7c90ae93b".to_owned(),
        }
    }

    #[test]
    fn a_batch_becomes_the_documented_event() {
        let event: Value =
            serde_json::from_slice(&event(&[message("a")], "arn:aws:sqs:r:0:q")).expect("JSON");
        assert_eq!(
            event,
            json!({"Records": [{
                "messageId": "a", "receiptHandle": "handle of a", "body": "{}",
                "attributes": {"ApproximateReceiveCount": "1"}, "messageAttributes": {},
                "md5OfBody": "99914b932bd37a50b983c5e7c90ae93b", "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:r:0:q", "awsRegion": "eu-central-1"
            }]})
        );
    }

    #[test]
    fn nothing_named_is_success() {
        for answer in [
            "",
            "null",
            "{}",
            r#"{"batchItemFailures":[]}"#,
            r#"{"batchItemFailures":null}"#,
        ] {
            assert_eq!(
                failures(answer.as_bytes(), &[message("a")]),
                Ok(HashSet::new()),
                "{answer}"
            );
        }
    }

    #[test]
    fn only_what_is_named_failed() {
        let answer = br#"{"batchItemFailures":[{"itemIdentifier":"b"}]}"#;
        assert_eq!(
            failures(answer, &[message("a"), message("b")]),
            Ok(HashSet::from(["b".to_owned()]))
        );
    }

    #[test]
    fn an_answer_that_makes_no_sense_fails_the_whole_batch() {
        for answer in [
            "{",
            "7",
            r#"{"batchItemFailures":[{"itemIdentifier":""}]}"#,
            r#"{"batchItemFailures":[{"itemIdentifier":null}]}"#,
            r#"{"batchItemFailures":[{"id":"a"}]}"#,
            r#"{"batchItemFailures":[{"itemIdentifier":"stranger"}]}"#,
        ] {
            assert!(failures(answer.as_bytes(), &[message("a")]).is_err(), "{answer}");
        }
    }
}
