//! What was answered, how fast, and what was not.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hdrhistogram::Histogram;

use super::figures::{Failure, Latencies};

/// Longer ones are counted as this.
const LONGEST_US: u64 = 60_000_000;
/// Three significant digits.
const DIGITS: u8 = 3;

/// Latencies by kind of request, in microseconds.
pub(super) struct Record(Mutex<Inner>);

struct Inner {
    kinds: BTreeMap<&'static str, Histogram<u64>>,
    /// Of the current minute, all kinds together.
    lately: Histogram<u64>,
    failures: BTreeMap<(&'static str, String), u64>,
}

impl Record {
    /// Nothing yet.
    pub(super) fn new() -> Self {
        Self(Mutex::new(Inner {
            kinds: BTreeMap::new(),
            lately: histogram(),
            failures: BTreeMap::new(),
        }))
    }

    /// A request that was answered as it should be.
    pub(super) fn answered(&self, kind: &'static str, took: Duration) {
        let took = u64::try_from(took.as_micros()).unwrap_or(LONGEST_US);
        let mut inner = self.inner();
        inner
            .kinds
            .entry(kind)
            .or_insert_with(histogram)
            .saturating_record(took);
        inner.lately.saturating_record(took);
    }

    /// A request that was not.
    pub(super) fn failed(&self, kind: &'static str, why: String) {
        *self.inner().failures.entry((kind, why)).or_default() += 1;
    }

    /// What was answered since the last call, all kinds together.
    pub(super) fn since_last(&self) -> Latencies {
        let mut inner = self.inner();
        let latencies = Latencies::of("", &inner.lately);
        inner.lately.reset();
        latencies
    }

    /// Everything together, then each kind.
    pub(super) fn latencies(&self) -> Vec<Latencies> {
        let inner = self.inner();
        let mut all = histogram();
        for kind in inner.kinds.values() {
            // Histograms of the same bounds always add up.
            let _ = all.add(kind);
        }
        let kinds = inner.kinds.iter();
        std::iter::once(Latencies::of("all", &all))
            .chain(kinds.map(|(kind, of)| Latencies::of(kind, of)))
            .collect()
    }

    /// What failed, by kind and reason.
    pub(super) fn failures(&self) -> Vec<Failure> {
        let failure = |((request, why), count): (&(&str, String), &u64)| Failure {
            request: (*request).to_owned(),
            why: why.clone(),
            count: *count,
        };
        self.inner().failures.iter().map(failure).collect()
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LONGEST_US, DIGITS).expect("bounds that a histogram can have")
}

impl Latencies {
    fn of(request: &str, microseconds: &Histogram<u64>) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "microseconds of at most a minute")]
        let ms = |microseconds: u64| microseconds as f64 / 1_000.0;
        let quantile = |quantile| ms(microseconds.value_at_quantile(quantile));
        Self {
            request: request.to_owned(),
            count: microseconds.len(),
            p50_ms: quantile(0.5),
            p99_ms: quantile(0.99),
            p999_ms: quantile(0.999),
            max_ms: ms(microseconds.max()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_of_each_kind_and_of_all() {
        let record = Record::new();
        for milliseconds in 1..=100 {
            record.answered("product", Duration::from_millis(milliseconds));
        }
        record.answered("search", Duration::from_millis(900));
        let [all, product, search] = &record.latencies()[..] else {
            panic!("two kinds and all");
        };
        assert_eq!((all.count, product.count, search.count), (101, 100, 1));
        assert!((product.p50_ms - 50.0).abs() < 0.1, "{product:?}");
        assert!((product.p99_ms - 99.0).abs() < 0.1, "{product:?}");
        assert!((all.max_ms - 900.0).abs() < 1.0, "{all:?}");
    }

    #[test]
    fn a_minute_begins_where_the_last_one_was_told() {
        let record = Record::new();
        record.answered("product", Duration::from_millis(5));
        assert_eq!(record.since_last().count, 1);
        assert_eq!(record.since_last().count, 0);
        assert_eq!(record.latencies()[0].count, 1);
    }

    #[test]
    fn failures_are_counted_by_kind_and_reason_and_are_no_latencies() {
        let record = Record::new();
        for _ in 0..2 {
            record.failed("checkout", "503".to_owned());
        }
        assert_eq!(
            record
                .failures()
                .iter()
                .map(|failure| failure.count)
                .collect::<Vec<_>>(),
            [2]
        );
        assert_eq!(record.latencies()[0].count, 0);
    }

    #[test]
    fn longer_than_a_minute_is_a_minute() {
        let record = Record::new();
        record.answered("product", Duration::from_hours(1));
        assert!((record.latencies()[0].max_ms - 60_000.0).abs() < 100.0);
    }
}
