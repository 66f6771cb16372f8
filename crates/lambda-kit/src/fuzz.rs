//! What Lambda hands over, byte by byte: `.ci/fuzz` runs these targets for long, `cargo test` replays what was found.

use std::cell::Cell;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::http::ReadResponse;
use crate::http::tests::{Echo, answered};
use crate::json::{self, tests::Wish};
use crate::sqs::{Batch, Consume, Record, process_batch};
use crate::{Error, block_on};

#[test]
fn http_event() {
    bolero::check!().for_each(|event: &[u8]| {
        let code = std::str::from_utf8(event).map_or(0, |event| answered(&Echo, event).code());
        assert!(code < 500, "{code}");
    });
}

/// Each part of an event as odd as can be: what the gateway passes on, and more.
#[test]
fn http_event_by_parts() {
    let parts = bolero::check!().with_type::<([String; 6], bool)>();
    parts.for_each(|([method, path, query, host, header, body], is_base64)| {
        let event = json!({
            "routeKey": "$default", "rawPath": path, "rawQueryString": query, "body": body, "isBase64Encoded": is_base64,
            "headers": {"Host": host, "Authorization": header, "X-Forwarded-Proto": query},
            "requestContext": {"http": {"method": if method.is_empty() { "GET" } else { method }}, "domainName": host, "stage": path},
        });
        let answer = answered(&Echo, &event.to_string());
        assert!(answer.code() < 500, "{}", answer.text());
    });
}

#[test]
fn json_body() {
    bolero::check!().for_each(|body: &[u8]| {
        let (wish, faults) = match json::read::<Wish>(body) {
            Ok(read) => read,
            Err(problem) => return assert!(matches!(problem.status(), 400 | 422)),
        };
        let sent: Value = serde_json::from_slice(body).expect("it was read before");
        match faults.finish(|| Some(wish)) {
            Ok(wish) => {
                let read = json!(wish);
                let same = |at: &str| read.pointer(at) == sent.pointer(at);
                assert!(same("/who/name") && same("/n") && same("/list"), "{read}");
            }
            Err(problem) => {
                let problem = problem.into_response("").body_json();
                for fault in problem["errors"].as_array().expect("faults") {
                    let at = sent.pointer(fault["pointer"].as_str().expect("a pointer"));
                    let is_missing = at.is_none_or(Value::is_null);
                    assert_eq!(is_missing, fault["code"] == "missing", "{fault}");
                }
            }
        }
    });
}

/// Counts what it processes, and fails at what is bad.
struct Tally(Cell<usize>);

impl Consume for Tally {
    async fn consume(&self, record: &Record) -> Result<&'static str, Error> {
        let is_good = !record.body.starts_with("bad");
        self.0.set(self.0.get() + usize::from(is_good));
        is_good.then_some("done").ok_or_else(|| "bad".into())
    }
}

#[test]
fn sqs_batch() {
    bolero::check!().for_each(|event: &[u8]| {
        let sent: Value = serde_json::from_slice(event).unwrap_or_default();
        let batch = serde_json::from_slice::<Batch>(event);
        let records = sent["Records"].as_array().map_or(&[][..], Vec::as_slice);
        // A list of a struct's members is read like the struct; Lambda sends none.
        let Some(batch) = batch.ok().filter(|_| sent.is_object()) else {
            return;
        };
        let tally = Tally(Cell::new(0));
        let ids = records.iter().map(|record| record["messageId"].as_str());
        let ids: Vec<_> = ids.collect();
        let processed = process_batch(&tally, batch, Timestamp::MAX);
        match block_on(processed) {
            Some(again) => {
                // Each is done or comes again.
                assert_eq!(tally.0.get() + again.len(), records.len());
                assert!(again.iter().all(|id| ids.contains(&Some(id))));
            }
            None => assert!(ids.contains(&None)),
        }
    });
}
