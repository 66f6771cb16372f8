//! What a replay found.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use comfy_table::{Table, presets};

use super::Followed;
use super::shopper::Visit;

/// How long a step took.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Latencies {
    /// Ascending.
    sorted: Vec<Duration>,
}

/// What became of the orders.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Orders of the file.
    pub orders: usize,
    /// Those that were placed.
    pub placed: usize,
    /// Those that were paid.
    pub paid: usize,
    /// Those that the warehouse has.
    pub forwarded: usize,
    /// Why others were refused, before the payment or after it, with how many.
    pub refused: BTreeMap<String, usize>,
    /// From the first request to the last order's arrival.
    pub took: Duration,
    /// The requests' latencies by step; the last step is from the payment to the warehouse.
    pub steps: Vec<(&'static str, Latencies)>,
}

impl Latencies {
    fn of(mut sorted: Vec<Duration>) -> Self {
        sorted.sort_unstable();
        Self { sorted }
    }

    /// The latency that `permille` of all do not exceed; `None` where there is none.
    pub fn quantile(&self, permille: usize) -> Option<Duration> {
        let last = self.sorted.len().checked_sub(1)?;
        self.sorted
            .get(
                (self.sorted.len() * permille)
                    .div_ceil(1_000)
                    .saturating_sub(1)
                    .min(last),
            )
            .copied()
    }
}

impl Report {
    pub(super) fn of(visits: &[Visit], followed: &Followed, took: Duration) -> Self {
        let step = |name| {
            let steps = visits.iter().flat_map(|visit| &visit.steps);
            let steps = steps.filter(|(step, _)| *step == name).map(|(_, took)| *took);
            (name, Latencies::of(steps.collect()))
        };
        let mut refused = BTreeMap::new();
        for why in visits.iter().filter_map(|visit| visit.refused.clone()) {
            *refused.entry(why).or_default() += 1;
        }
        for status in &followed.lost {
            *refused.entry(format!("paid, then {status}")).or_default() += 1;
        }
        Self {
            orders: visits.len(),
            placed: visits.iter().filter(|visit| visit.placed.is_some()).count(),
            paid: visits.iter().filter(|visit| visit.receipt.is_some()).count(),
            forwarded: followed.arrived.len(),
            refused,
            took,
            steps: vec![
                step("quote"),
                step("checkout"),
                step("payment page"),
                ("paid to forwarded", Latencies::of(followed.arrived.clone())),
            ],
        }
    }

    /// Whether every order that was paid reached the warehouse.
    pub fn is_complete(&self) -> bool {
        self.paid == self.forwarded
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut outcome = Table::new();
        outcome.load_style(presets::UTF8_BORDERS_ONLY).set_header([
            "orders",
            "placed",
            "paid",
            "forwarded",
            "refused",
            "took",
        ]);
        let refused: usize = self.refused.values().sum();
        outcome.add_row([
            self.orders.to_string(),
            self.placed.to_string(),
            self.paid.to_string(),
            self.forwarded.to_string(),
            refused.to_string(),
            shown(Some(self.took)),
        ]);
        writeln!(f, "{outcome}")?;
        let mut latencies = Table::new();
        latencies
            .load_style(presets::UTF8_BORDERS_ONLY)
            .set_header(["step", "median", "p99", "max"]);
        for (step, of) in &self.steps {
            let quantiles = [500, 990, 1_000].map(|permille| shown(of.quantile(permille)));
            latencies.add_row([vec![(*step).to_owned()], quantiles.to_vec()].concat());
        }
        write!(f, "{latencies}")?;
        for (why, count) in &self.refused {
            write!(f, "\nrefused: {count} x {why}")?;
        }
        Ok(())
    }
}

fn shown(latency: Option<Duration>) -> String {
    match latency {
        None => "-".to_owned(),
        Some(latency) if latency < Duration::from_secs(1) => {
            format!("{:.1} ms", latency.as_secs_f64() * 1_000.0)
        }
        Some(latency) => format!("{:.1} s", latency.as_secs_f64()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_of_the_nearest_rank() {
        let latencies = Latencies::of((1..=200).rev().map(Duration::from_millis).collect());
        let found = [500, 990, 1_000].map(|permille| latencies.quantile(permille).map(|l| l.as_millis()));
        assert_eq!(found, [Some(100), Some(198), Some(200)]);
        assert_eq!(Latencies::default().quantile(500), None);
    }

    #[test]
    fn refusals_are_counted_by_their_reason() {
        let refused = Visit {
            refused: Some("409 sold_out".to_owned()),
            ..Visit::default()
        };
        let report = Report::of(
            &[refused.clone(), refused],
            &Followed::default(),
            Duration::from_secs(1),
        );
        assert_eq!(report.refused, BTreeMap::from([("409 sold_out".to_owned(), 2)]));
        assert!(report.to_string().contains("refused: 2 x 409 sold_out"));
    }
}
