//! Batches of an SQS event source with `ReportBatchItemFailures`: each record is read and worked off by itself, one after
//! the other, and only those that failed come again. What is to be done at once is for the source's concurrency to say.
//! A panic is one record's failure, too.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::time::Instant;

use futures_util::FutureExt;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::clock::{self, Deadline};
use crate::{Error, invocations, metrics, telemetry};

/// A message of the queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// What was sent.
    pub body: String,
    /// How often it was received, this time included: from 1.
    pub receives: u32,
}

/// What a function does with a record.
pub trait Consume {
    /// Works a record off, and names what came of it for the log. A record that fails comes again.
    fn consume(&self, record: &Record) -> impl Future<Output = Result<&'static str, Error>>;
}

/// An event of the source: its records as they came.
#[derive(Debug, Deserialize)]
pub struct Batch {
    #[serde(rename = "Records", default)]
    records: Vec<Box<RawValue>>,
}

/// Which records are to come again.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Failures {
    batch_item_failures: Vec<Failure>,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Failure {
    item_identifier: String,
}

impl Failures {
    /// The ids of the messages.
    pub fn ids(&self) -> Vec<&str> {
        self.batch_item_failures
            .iter()
            .map(|failure| failure.item_identifier.as_str())
            .collect()
    }
}

/// A record without an id cannot be told apart from the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a record of the batch has no id")]
pub struct NoId;

/// Works batches off until Lambda ends the process. `operation` is the work's name among the metrics. A record takes `longest`:
/// with less left before Lambda's deadline none is begun, and the rest comes again.
///
/// # Errors
/// Where Lambda's own interface fails.
pub async fn serve(
    operation: &'static str,
    consumer: impl Consume,
    longest: SignedDuration,
) -> Result<(), Error> {
    let consumer = &consumer;
    invocations::run(async |event: &str, context| {
        let batch = invocations::read(event)?;
        let deadline = Deadline::from_millisecond(context.deadline);
        let facts = vec![("request_id", context.request_id)];
        let work = telemetry::scope(facts, work_off(consumer, batch, longest, deadline));
        // Where no record could be told apart, the whole batch failed.
        let failed = |outcome: &Result<Failures, NoId>| outcome.as_ref().map_or(1, |again| again.ids().len());
        let outcome = metrics::measured(operation, failed, work).await;
        outcome.map_err(|error| invocations::failed("NoId", &error))
    })
    .await
}

/// Works one batch off, as [`serve`] does.
///
/// # Errors
/// [`NoId`]: the whole batch comes again. SQS never sends such a record.
pub async fn work_off(
    consumer: &impl Consume,
    batch: Batch,
    longest: SignedDuration,
    deadline: Deadline,
) -> Result<Failures, NoId> {
    let last_begin = deadline.less(longest);
    let mut batch_item_failures = Vec::new();
    for raw in &batch.records {
        if let Some(item_identifier) = one(consumer, raw, last_begin).await? {
            batch_item_failures.push(Failure { item_identifier });
        }
    }
    Ok(Failures { batch_item_failures })
}

/// Works one record off; its id where it must come again.
async fn one(consumer: &impl Consume, raw: &RawValue, last_begin: Timestamp) -> Result<Option<String>, NoId> {
    let id = serde_json::from_str::<Named>(raw.get())
        .map_err(|_| {
            tracing::error!("a record has no id; its whole batch comes again");
            NoId
        })?
        .message_id;
    let facts = vec![("message_id", id.clone())];
    let done = telemetry::scope(facts, try_one(consumer, raw, last_begin)).await;
    Ok((!done).then_some(id))
}

async fn try_one(consumer: &impl Consume, raw: &RawValue, last_begin: Timestamp) -> bool {
    if clock::now() > last_begin {
        tracing::warn!("a record is left for later: too little time is left");
        return false;
    }
    let begun = Instant::now();
    let outcome = match serde_json::from_str::<Wire>(raw.get()) {
        Err(error) => Err(Error::from(error)),
        Ok(wire) => {
            let record = wire.into_record();
            // Nothing of the consumer is left half changed: what it holds is behind its own calls.
            let outcome = AssertUnwindSafe(Box::pin(consumer.consume(&record)))
                .catch_unwind()
                .await;
            outcome.unwrap_or_else(|_| Err("a panic".into()))
        }
    };
    let duration_ms = telemetry::milliseconds(begun);
    match &outcome {
        Ok(outcome) => tracing::info!(outcome, duration_ms, "worked off"),
        Err(error) => {
            let error = telemetry::chain(error.as_ref());
            tracing::error!(error, duration_ms, "a record failed; it comes again");
        }
    }
    outcome.is_ok()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Named {
    message_id: String,
}

#[derive(Deserialize)]
struct Wire {
    body: String,
    #[serde(default)]
    attributes: HashMap<String, String>,
}

impl Wire {
    fn into_record(self) -> Record {
        let receives = self
            .attributes
            .get("ApproximateReceiveCount")
            .and_then(|n| n.parse().ok());
        Record {
            body: self.body,
            // Where it is not told, it may have been received before.
            receives: receives.unwrap_or(u32::MAX),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    struct Consumer;

    impl Consume for Consumer {
        async fn consume(&self, record: &Record) -> Result<&'static str, Error> {
            tokio::task::yield_now().await;
            match record.body.as_str() {
                "bad" => Err("no".into()),
                "panic" => panic!("at the worst moment"),
                _ => Ok("done"),
            }
        }
    }

    fn record(id: &str, body: &str) -> Value {
        json!({"messageId": id, "body": body, "attributes": {"ApproximateReceiveCount": "1"}})
    }

    fn run(records: &Value, left: SignedDuration) -> Result<Vec<String>, NoId> {
        let event = json!({ "Records": records }).to_string();
        let batch: Batch = serde_json::from_str(&event).expect("a batch");
        let longest = SignedDuration::from_secs(5);
        let deadline = Deadline::new(clock::now() + left);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .expect("a runtime");
        let failures = runtime.block_on(work_off(&Consumer, batch, longest, deadline))?;
        Ok(failures.ids().into_iter().map(str::to_owned).collect())
    }

    const AMPLE: SignedDuration = SignedDuration::from_secs(60);

    #[test]
    fn one_poison_message_fails_alone() {
        let records = json!([
            record("1", "good"),
            record("2", "bad"),
            {"messageId": "3", "body": 7},
            record("4", "panic"),
            record("5", "good"),
        ]);
        assert_eq!(
            run(&records, AMPLE),
            Ok(["2", "3", "4"].map(str::to_owned).to_vec())
        );
    }

    #[test]
    fn with_too_little_time_left_the_rest_comes_again() {
        let records = json!([record("1", "good"), record("2", "good")]);
        let failed = run(&records, SignedDuration::from_secs(4));
        assert_eq!(failed, Ok(vec!["1".to_owned(), "2".to_owned()]));
    }

    #[test]
    fn a_record_without_an_id_brings_the_batch_again() {
        let records = json!([record("1", "good"), {"body": "good"}]);
        assert_eq!(run(&records, AMPLE), Err(NoId));
        assert_eq!(run(&json!([]), AMPLE), Ok(Vec::new()));
    }

    #[test]
    fn the_answer_is_what_lambda_takes() {
        let failures = Failures {
            batch_item_failures: vec![Failure {
                item_identifier: "m".to_owned(),
            }],
        };
        let json = serde_json::to_value(&failures).expect("JSON");
        assert_eq!(json, json!({"batchItemFailures": [{"itemIdentifier": "m"}]}));
    }
}
