//! What is wrong with the warehouse today.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::faults::probability;

/// The faults in force, as `GET /sandbox/faults` shows them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Faults {
    /// Down: the connection breaks, or a 503 comes.
    pub(super) down: bool,
    /// How long an order takes.
    pub(super) latency_ms: u64,
    /// The share of orders that meet a 500 and are not taken.
    #[serde(deserialize_with = "probability")]
    pub(super) error_rate: f64,
    /// The share of orders that are taken, but whose answer is lost.
    #[serde(deserialize_with = "probability")]
    pub(super) lose_answers: f64,
    /// Calls answered a second; 0 for any number.
    pub(super) rate_per_s: u32,
    /// Articles that are refused for good.
    pub(super) reject_skus: BTreeSet<String>,
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
}
