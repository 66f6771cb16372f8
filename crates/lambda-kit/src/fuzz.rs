//! What Lambda hands over, byte by byte: `.ci/fuzz` runs these targets for long, `cargo test` replays what was found.

use std::cell::Cell;

use futures_util::FutureExt;
use jiff::{SignedDuration, Timestamp};
use lambda_http::Context;
use serde_json::{Value, json};

use crate::clock::Deadline;
use crate::http::{Handle, MAX_BODY, ReadRequest, ReadResponse, Request, Response, answer_event, empty};
use crate::json::Document;
use crate::sqs::{Batch, Consume, Record, work_off};
use crate::{Error, Problem};

fn assert_the_senders_fault(problem: &Problem) {
    let (status, code) = (problem.status(), problem.code());
    assert!(matches!(status, 400 | 413 | 415 | 422), "{status} {code}");
}

/// Reads all that a request has.
struct Reader;

impl Handle for Reader {
    const ROUTES: &'static [&'static str] = &["GET /api/things", "GET /api/things/{id}"];

    async fn handle(&self, request: &Request) -> Result<Response, Problem> {
        let _ = ["q", "cursor", "limit"].map(|name| request.query(name).map(str::len));
        if let Some(token) = request.bearer_token() {
            assert_eq!(token, token.trim());
        }
        assert!(request.bytes()?.len() <= MAX_BODY);
        let document = request.json().inspect_err(assert_the_senders_fault)?;
        document.finish(|| Some(empty(204)))
    }
}

#[test]
fn http_event() {
    bolero::check!().for_each(|event: &[u8]| {
        let Ok(event) = std::str::from_utf8(event) else {
            return;
        };
        let answer = answer_event(&Reader, event, Context::default());
        let answer = answer.now_or_never().expect("nothing to wait for");
        assert!(answer.code() < 500, "{}", answer.text());
    });
}

/// Each part of an event as odd as can be: what the gateway passes on, and more.
#[test]
fn http_event_by_parts() {
    bolero::check!()
        .with_type::<(String, String, String, String, bool)>()
        .for_each(|(path, query, host, body, is_base64)| {
            let event = json!({
                "routeKey": "$default", "rawPath": path, "rawQueryString": query, "body": body, "isBase64Encoded": is_base64,
                "headers": {"host": host}, "requestContext": {"http": {"method": "GET"}, "domainName": host, "stage": path},
            });
            let event = event.to_string();
            let answer = answer_event(&Reader, &event, Context::default());
            let answer = answer.now_or_never().expect("nothing to wait for");
            assert!(answer.code() < 500, "{}", answer.text());
        });
}

#[test]
fn json_body() {
    bolero::check!().for_each(|body: &[u8]| {
        let document = match Document::parse(body) {
            Ok(document) => document,
            Err(problem) => return assert_the_senders_fault(&problem),
        };
        let (text, number) = (document.root().member("text"), document.root().member("number"));
        let elements = document.root().member("list").elements();
        let texts: Option<Vec<_>> =
            elements.map(|all| all.iter().map(|one| one.text().map(str::len)).collect());
        let read = (text.text(), number.integer(), texts);
        let sent: Value = serde_json::from_slice(body).expect("it was read before");
        match document.finish(|| Some((read.0?, read.1?, read.2?))) {
            Ok((text, number, texts)) => {
                assert_eq!(
                    (sent["text"].as_str(), sent["number"].as_i64()),
                    (Some(text), Some(number))
                );
                assert_eq!(sent["list"].as_array().map(Vec::len), Some(texts.len()));
            }
            Err(problem) => {
                let faults = problem.into_response("").body_json()["errors"].clone();
                for fault in faults.as_array().expect("faults") {
                    let pointer = fault["pointer"].as_str().expect("a pointer");
                    let missing = sent.pointer(pointer).is_none_or(Value::is_null);
                    assert_eq!(missing, fault["code"] == "missing", "{fault}");
                }
            }
        }
    });
}

/// Counts what it works off, and fails at what is bad.
#[derive(Default)]
struct Tally(Cell<usize>);

impl Consume for Tally {
    async fn consume(&self, record: &Record) -> Result<&'static str, Error> {
        if record.body.starts_with("bad") {
            return Err("bad".into());
        }
        self.0.set(self.0.get() + 1);
        Ok("done")
    }
}

#[test]
fn sqs_batch() {
    let deadline = Deadline::new(Timestamp::MAX - SignedDuration::from_hours(48));
    bolero::check!().for_each(|event: &[u8]| {
        let Ok(batch) = serde_json::from_slice::<Batch>(event) else {
            return;
        };
        let Ok(sent) = serde_json::from_slice::<Value>(event) else {
            return;
        };
        let records = sent["Records"].as_array().map_or(&[][..], Vec::as_slice);
        // A list of a struct's members is read like the struct; SQS sends none.
        if sent.is_array() || records.iter().any(Value::is_array) {
            return;
        }
        let tally = Tally::default();
        let worked = work_off(&tally, batch, SignedDuration::ZERO, deadline)
            .now_or_never()
            .expect("nothing to wait for");
        match worked {
            Ok(failures) => {
                let (done, again) = (tally.0.get(), failures.ids());
                assert_eq!(
                    done + again.len(),
                    records.len(),
                    "each record is done or comes again"
                );
                let sent_ids: Vec<_> = records
                    .iter()
                    .filter_map(|record| record["messageId"].as_str())
                    .collect();
                assert!(again.iter().all(|id| sent_ids.contains(id)));
            }
            Err(_) => assert!(records.iter().any(|record| !record["messageId"].is_string())),
        }
    });
}
