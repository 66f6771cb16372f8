//! Latencies and failures by kind of request.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

/// Longer ones are counted as this.
const LONGEST_US: u64 = 60_000_000;
/// All kinds together.
const ALL: &str = "all";

/// What was answered, how fast, and what was not.
#[derive(Default)]
pub(super) struct Record(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    kinds: BTreeMap<&'static str, Latency>,
    /// Since the last look, all kinds together.
    lately: Latency,
    failures: BTreeMap<String, u64>,
}

/// Microseconds, with three significant digits.
#[derive(Clone)]
struct Latency(Histogram<u64>);

impl Default for Latency {
    fn default() -> Self {
        Self(Histogram::new_with_bounds(1, LONGEST_US, 3).expect("bounds that a histogram can have"))
    }
}

/// How fast a kind of request was answered.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Latencies {
    pub(super) request: String,
    pub(super) count: u64,
    pub(super) p50_ms: f64,
    pub(super) p99_ms: f64,
    pub(super) p999_ms: f64,
    pub(super) max_ms: f64,
}

impl Record {
    pub(super) fn answered(&self, kind: &'static str, took: Duration) {
        let took = u64::try_from(took.as_micros()).unwrap_or(LONGEST_US);
        let mut inner = self.inner();
        for kind in [ALL, kind] {
            inner.kinds.entry(kind).or_default().0.saturating_record(took);
        }
        inner.lately.0.saturating_record(took);
    }

    /// `why` is the status and the problem's code, or the error of the connection.
    pub(super) fn failed(&self, kind: &str, why: &str) {
        let failure = format!("{kind}: {why}");
        *self.inner().failures.entry(failure).or_default() += 1;
    }

    /// Of all kinds since the last call.
    pub(super) fn since_last(&self) -> Latencies {
        std::mem::take(&mut self.inner().lately).named(ALL)
    }

    /// Of all kinds together, then of each.
    pub(super) fn latencies(&self) -> Vec<Latencies> {
        let mut each = self.inner().kinds.clone();
        let all = each.remove(ALL).unwrap_or_default().named(ALL);
        let each = each.iter().map(|(kind, latency)| latency.named(kind));
        std::iter::once(all).chain(each).collect()
    }

    /// How often each kind failed, and why.
    pub(super) fn failures(&self) -> BTreeMap<String, u64> {
        self.inner().failures.clone()
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Latency {
    fn named(&self, request: &str) -> Latencies {
        #[expect(clippy::cast_precision_loss, reason = "microseconds of at most a minute")]
        let ms = |quantile| self.0.value_at_quantile(quantile) as f64 / 1_000.0;
        Latencies {
            request: request.to_owned(),
            count: self.0.len(),
            p50_ms: ms(0.5),
            p99_ms: ms(0.99),
            p999_ms: ms(0.999),
            max_ms: ms(1.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_of_each_kind_and_of_all() {
        let record = Record::default();
        for milliseconds in 1..=100 {
            record.answered("product", Duration::from_millis(milliseconds));
        }
        record.answered("search", Duration::from_hours(1));
        let [all, product, search] = &record.latencies()[..] else {
            panic!("two kinds and all");
        };
        assert_eq!((all.count, product.count, search.count), (101, 100, 1));
        assert!((product.p50_ms - 50.0).abs() < 0.1, "{product:?}");
        assert!((product.p99_ms - 99.0).abs() < 0.1, "{product:?}");
        assert!((all.max_ms - 60_000.0).abs() < 100.0, "at most a minute: {all:?}");
    }

    #[test]
    fn an_interval_begins_at_the_last_look() {
        let record = Record::default();
        record.answered("product", Duration::from_millis(5));
        assert_eq!([record.since_last().count, record.since_last().count], [1, 0]);
        assert_eq!(record.latencies()[0].count, 1);
    }

    #[test]
    fn failures_are_counted_by_reason_and_are_no_latencies() {
        let record = Record::default();
        record.failed("checkout", "503");
        record.failed("checkout", "503");
        assert_eq!(
            record.failures(),
            BTreeMap::from([("checkout: 503".to_owned(), 2)])
        );
        assert_eq!(record.latencies()[0].count, 0);
    }
}
