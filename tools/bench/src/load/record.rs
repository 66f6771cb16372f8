//! Latencies and failures by kind of request.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use kontor::replay::Refused;

/// Longer ones are counted as this.
const LONGEST_US: u64 = 60_000_000;

/// What is being answered, and what is not.
#[derive(Default)]
pub(super) struct Record(Mutex<Answers>);

/// What was answered in a period, how fast, and what was not.
#[derive(Default)]
pub(super) struct Answers {
    pub(super) kinds: BTreeMap<String, Latencies>,
    /// By the kind and why: the status and the problem's code, or that nothing came.
    pub(super) failures: BTreeMap<String, usize>,
}

/// Microseconds, with three significant digits.
pub(super) struct Latencies(Histogram<u64>);

impl Default for Latencies {
    fn default() -> Self {
        Self(Histogram::new_with_bounds(1, LONGEST_US, 3).expect("bounds that a histogram can have"))
    }
}

impl Record {
    pub(super) fn answered(&self, kind: &str, took: Duration) {
        let took = u64::try_from(took.as_micros()).unwrap_or(LONGEST_US);
        self.change(|answers| {
            let latencies = answers.kinds.entry(kind.to_owned()).or_default();
            latencies.0.saturating_record(took);
        });
    }

    pub(super) fn failed(&self, kind: &str, why: &str) {
        self.change(|answers| *answers.failures.entry(format!("{kind}: {why}")).or_default() += 1);
    }

    /// A request that was due at an instant has its answer, or none.
    pub(super) fn ended<T>(&self, kind: &str, due: Instant, answer: Result<T, Refused>) {
        match answer {
            Ok(_) => self.answered(kind, due.elapsed()),
            Err(Refused(why)) => self.failed(kind, &why),
        }
    }

    /// All since the last call.
    pub(super) fn take(&self) -> Answers {
        self.change(std::mem::take)
    }

    fn change<T>(&self, change: impl FnOnce(&mut Answers) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Answers {
    /// Adds those of another period.
    pub(super) fn add(&mut self, more: Self) {
        for (kind, latencies) in more.kinds {
            self.kinds.entry(kind).or_default().0 += latencies.0;
        }
        for (failure, count) in more.failures {
            *self.failures.entry(failure).or_default() += count;
        }
    }

    /// Those of all kinds together.
    pub(super) fn all(&self) -> Latencies {
        let mut all = Latencies::default();
        self.kinds.values().for_each(|latencies| all.0 += &latencies.0);
        all
    }
}

impl Latencies {
    pub(super) fn count(&self) -> u64 {
        self.0.len()
    }

    #[expect(clippy::cast_precision_loss, reason = "microseconds of at most a minute")]
    pub(super) fn ms(&self, quantile: f64) -> f64 {
        self.0.value_at_quantile(quantile) as f64 / 1_000.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_add_up_to_quantiles_of_each_kind_and_of_all() {
        let (record, mut answers) = (Record::default(), Answers::default());
        for milliseconds in 1..=100 {
            record.answered("product", Duration::from_millis(milliseconds));
        }
        answers.add(record.take());
        record.answered("search", Duration::from_hours(1));
        let period = record.take();
        assert_eq!([period.all().count(), record.take().all().count()], [1, 0]);
        answers.add(period);
        let (all, product) = (answers.all(), &answers.kinds["product"]);
        assert_eq!(
            [all.count(), product.count(), answers.kinds["search"].count()],
            [101, 100, 1]
        );
        for (found, expected) in [
            (product.ms(0.5), 50.0),
            (product.ms(0.99), 99.0),
            (all.ms(1.0), 60_000.0),
        ] {
            assert!((found / expected - 1.0).abs() < 0.002, "{found}");
        }
    }

    #[test]
    fn failures_are_counted_by_reason_and_are_no_latencies() {
        let (record, mut answers) = (Record::default(), Answers::default());
        for _ in 0..2 {
            record.ended(
                "checkout",
                Instant::now(),
                Err::<(), _>(Refused("503".to_owned())),
            );
            answers.add(record.take());
        }
        assert_eq!(
            answers.failures,
            BTreeMap::from([("checkout: 503".to_owned(), 2)])
        );
        assert_eq!(answers.all().count(), 0);
    }
}
