//! Batches of an SQS event source with `ReportBatchItemFailures`: each record is read and processed by itself, one after the
//! other, and only those that failed come again; a panic is one record's failure, too.

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{Error, clock, invocations, metrics, telemetry};

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
    /// Processes a record, and names the outcome for the log. A record that fails comes again.
    fn consume(&self, record: &Record) -> impl Future<Output = Result<&'static str, Error>>;
}

/// An event of the source: its records as they came.
#[derive(Debug, Deserialize)]
pub struct Batch {
    #[serde(rename = "Records", default)]
    records: Vec<Value>,
}

/// Processes batches until Lambda ends the process, or its interface fails. `operation` is the work's name among the metrics. A
/// record takes `longest`: with less left before Lambda's deadline none is begun, and the rest comes again.
pub async fn serve(operation: &str, consumer: impl Consume, longest: SignedDuration) -> Result<(), Error> {
    let consumer = &consumer;
    invocations::run(async |event: &str, context| {
        let batch = invocations::read(event)?;
        let work = process_batch(
            consumer,
            batch,
            clock::from_milliseconds(context.deadline) - longest,
        );
        let work = telemetry::scope("request_id", context.request_id, work);
        // Where no record could be told apart, the whole batch failed.
        let failures = |failed: &Option<Vec<String>>| failed.as_ref().map_or(1, Vec::len);
        let failed = metrics::measured(operation, failures, work).await;
        let failed = failed.ok_or_else(|| invocations::failed("NoId", "a record of the batch has no id"))?;
        Ok(answer(&failed))
    })
    .await
}

fn answer(failed: &[String]) -> Value {
    let failures = failed.iter().map(|id| json!({"itemIdentifier": id}));
    json!({"batchItemFailures": failures.collect::<Vec<_>>()})
}

/// Processes one batch, as [`serve`] does; none of its records is begun after `last_begin`. The ids of those that must come again;
/// `None` for all of them, where one has no id: SQS never sends such a record.
pub async fn process_batch(
    consumer: &impl Consume,
    batch: Batch,
    last_begin: Timestamp,
) -> Option<Vec<String>> {
    let mut failed = Vec::new();
    for record in &batch.records {
        let Some(id) = record["messageId"].as_str() else {
            tracing::error!("a record has no id; its whole batch comes again");
            return None;
        };
        let done = process_record(consumer, record, last_begin);
        if !telemetry::scope("message_id", id.to_owned(), done).await {
            failed.push(id.to_owned());
        }
    }
    Some(failed)
}

async fn process_record(consumer: &impl Consume, record: &Value, last_begin: Timestamp) -> bool {
    if clock::now() > last_begin {
        tracing::warn!("a record is left for later: too little time is left");
        return false;
    }
    let work = Box::pin(async {
        let body = record["body"].as_str().ok_or("the record has no text")?;
        let receives = record["attributes"]["ApproximateReceiveCount"].as_str();
        // Where it is not known, it may have been received before.
        let receives = receives.and_then(|n| n.parse().ok()).unwrap_or(u32::MAX);
        consumer
            .consume(&Record {
                body: body.to_owned(),
                receives,
            })
            .await
    });
    let (outcome, duration_ms) = invocations::guarded(work).await;
    match outcome.flatten() {
        Ok(outcome) => {
            tracing::info!(outcome, duration_ms, "worked off");
            true
        }
        Err(error) => {
            let error = telemetry::chain(error.as_ref());
            tracing::error!(error, duration_ms, "a record failed; it comes again");
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Consumer;

    impl Consume for Consumer {
        async fn consume(&self, record: &Record) -> Result<&'static str, Error> {
            tokio::task::yield_now().await;
            assert_ne!(record.body, "panic", "at the worst moment");
            let is_good = record.body == "good" && record.receives == 1;
            is_good.then_some("done").ok_or_else(|| "no".into())
        }
    }

    /// The bodies of a batch, the seconds left to begin one, and the positions of the records that come again.
    const BATCHES: &str = "
        one poison message fails alone               | good bad 7 panic good | 60 | 1 2 3
        one whose count is unknown may be a repeated | good uncounted        | 60 | 1
        with too little time left the rest is later  | good good             | -1 | 0 1
        without an id the batch comes again          | good nameless         | 60 | all
        an empty batch is done                       |                       | 60 |
    ";

    #[test]
    fn only_what_failed_comes_again() {
        for [name, bodies, left, expected] in crate::cases(BATCHES) {
            let record = |(n, body): (usize, &str)| {
                let (id, count) = (n.to_string(), u8::from(body != "uncounted").to_string());
                let body = if body == "7" { json!(7) } else { json!(body) };
                let id = Some(id).filter(|_| body != "nameless");
                json!({"messageId": id, "body": body, "attributes": {"ApproximateReceiveCount": count}})
            };
            let records: Vec<_> = bodies.split_terminator(' ').enumerate().map(record).collect();
            let batch = serde_json::from_str(&json!({"Records": records}).to_string());
            let last_begin = clock::now() + SignedDuration::from_secs(left.parse().expect("seconds"));
            let failed = process_batch(&Consumer, batch.expect("a batch"), last_begin);
            let failed = crate::block_on(failed).map_or("all".to_owned(), |ids| ids.join(" "));
            assert_eq!(failed, expected, "{name}");
        }
        let expected = json!({"batchItemFailures": [{"itemIdentifier": "m"}]});
        assert_eq!(answer(&["m".to_owned()]), expected, "what Lambda takes");
    }
}
