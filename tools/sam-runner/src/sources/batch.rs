//! A batch of messages as the event that Lambda sends, and what the answer says about each message.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html> and
//! <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html>

use crate::engines::sqs::ReceivedMessage;
use crate::runtime::REGION;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, HashSet};

#[derive(Debug, Serialize)]
struct Event<'e> {
    #[serde(rename = "Records")]
    records: Vec<Record<'e>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Record<'e> {
    message_id: &'e str,
    receipt_handle: &'e str,
    body: &'e str,
    attributes: &'e BTreeMap<String, String>,
    message_attributes: &'e Value,
    md5_of_body: &'e str,
    event_source: &'static str,
    #[serde(rename = "eventSourceARN")]
    event_source_arn: &'e str,
    aws_region: &'static str,
}

/// The JSON of the event.
pub(super) fn event<'m>(messages: &'m [ReceivedMessage], queue_arn: &'m str) -> Bytes {
    let record = |message: &'m ReceivedMessage| {
        let ReceivedMessage {
            message_id,
            receipt_handle,
            body,
            attributes,
            message_attributes,
            md5_of_body,
        } = message;
        Record {
            message_id,
            receipt_handle,
            body,
            attributes,
            message_attributes,
            md5_of_body,
            event_source: "aws:sqs",
            event_source_arn: queue_arn,
            aws_region: REGION,
        }
    };
    let event = Event {
        records: messages.iter().map(record).collect(),
    };
    serde_json::to_vec(&event).expect("texts are always JSON").into()
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
    let failures = report
        .and_then(|report| report.batch_item_failures)
        .unwrap_or_default();
    let failed: HashSet<String> = failures
        .into_iter()
        .map(|failure| failure.item_identifier)
        .collect();
    match failed
        .iter()
        .find(|id| !messages.iter().any(|message| message.message_id == **id))
    {
        Some(stranger) => Err(format!(
            "its answer names `{stranger}`, which was not in the batch"
        )),
        None => Ok(failed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

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
