//! What is wrong with the warehouse today.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

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
    /// How it writes its numbers.
    pub(super) numbers: Numbers,
    /// A proxy before it answers every call with this status and a page; 0 for none.
    #[serde(deserialize_with = "status")]
    pub(super) proxy_status: u16,
}

/// How the warehouse writes its number for an order. Only `plain` is as documented.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Numbers {
    /// `{"erp_number": "K0000001"}`.
    Plain,
    /// After a byte order mark.
    Bom,
    /// As a JSON number, without its letter.
    Number,
    /// Between blanks.
    Padded,
    /// Not at all.
    Missing,
}

/// Reads a status that a proxy can answer with, or 0.
fn status<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u16, D::Error> {
    match u16::deserialize(deserializer)? {
        status @ (0 | 200..=999) => Ok(status),
        other => Err(D::Error::custom(format!("{other} is no status"))),
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
            numbers: Numbers::Plain,
            proxy_status: 0,
        }
    }
}
