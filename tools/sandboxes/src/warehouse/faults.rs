//! What is wrong with the warehouse today.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::chance::check_probability;

/// The faults in force, as `GET /sandbox/faults` shows them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Faults {
    /// Nobody answers: the connection breaks, or a 503 comes.
    pub(super) down: bool,
    /// How long an order takes.
    pub(super) latency_ms: u64,
    /// The share of orders that meet a 500 and are not taken.
    pub(super) error_rate: f64,
    /// The share of orders that are taken, but whose answer is lost.
    pub(super) lose_answers: f64,
    /// Calls answered a second; 0 for any number.
    pub(super) rate_per_s: u32,
    /// Articles that are refused for good.
    pub(super) reject_skus: BTreeSet<String>,
}

/// A change: what is not named stays as it is.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FaultsChange {
    down: Option<bool>,
    latency_ms: Option<u64>,
    error_rate: Option<f64>,
    lose_answers: Option<f64>,
    rate_per_s: Option<u32>,
    reject_skus: Option<BTreeSet<String>>,
    /// Starts chance over, so that the same calls meet the same faults.
    pub(super) seed: Option<u64>,
}

impl FaultsChange {
    /// What is wrong with the change, if anything is.
    pub(super) fn check(&self) -> Result<(), String> {
        check_probability("error_rate", self.error_rate)?;
        check_probability("lose_answers", self.lose_answers)
    }
}

impl Faults {
    /// A warehouse in order.
    pub(super) fn new(latency: Duration, rate_per_s: u32) -> Faults {
        Faults {
            down: false,
            latency_ms: u64::try_from(latency.as_millis()).unwrap_or(u64::MAX),
            error_rate: 0.0,
            lose_answers: 0.0,
            rate_per_s,
            reject_skus: BTreeSet::new(),
        }
    }

    /// Takes a change over.
    pub(super) fn change(&mut self, change: FaultsChange) {
        take(&mut self.down, change.down);
        take(&mut self.latency_ms, change.latency_ms);
        take(&mut self.error_rate, change.error_rate);
        take(&mut self.lose_answers, change.lose_answers);
        take(&mut self.rate_per_s, change.rate_per_s);
        take(&mut self.reject_skus, change.reject_skus);
    }
}

fn take<T>(field: &mut T, change: Option<T>) {
    if let Some(value) = change {
        *field = value;
    }
}
