//! What goes wrong at the payment provider, and between it and the shop.

use std::time::Duration;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use crate::faults::probability;

/// A webhook is not sent more often than this, whatever is asked for.
const MAX_DUPLICATES: u32 = 1000;

/// The faults in force, as `GET /sandbox/faults` shows them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is switched on by itself")]
pub(super) struct Faults {
    /// How many more times each webhook is sent.
    #[serde(deserialize_with = "duplicates")]
    pub(super) duplicate_webhooks: u32,
    /// Whether webhooks overtake each other: each is held back for a random time of up to half a second.
    pub(super) shuffle_webhooks: bool,
    /// The share of webhooks that are lost for good. `/v1/events` knows them all the same.
    #[serde(deserialize_with = "probability")]
    pub(super) drop_webhooks: f64,
    /// How long each webhook is held back.
    pub(super) delay_ms: u64,
    /// How long each answer of the API takes.
    pub(super) latency_ms: u64,
    /// Refunds are refused for good, as of a payment that was charged back.
    pub(super) refuse_refunds: bool,
    /// Refunds stay `pending` until `/sandbox/refunds/{id}` ends them.
    pub(super) pending_refunds: bool,
    /// How long a list leaves out what was just made: a read after a write may miss it.
    pub(super) list_delay_ms: u64,
    /// The API is down: 503, or a broken connection.
    pub(super) down: bool,
    /// The share of API calls that meet a 500 and have no effect. Under an idempotency key the 500 is kept as the answer, as at Stripe.
    #[serde(deserialize_with = "probability")]
    pub(super) error_rate: f64,
    /// The share of POSTs that take effect and meet a 500 all the same, which is kept, too.
    #[serde(deserialize_with = "probability")]
    pub(super) errors_after_effect: f64,
    /// The share of API calls that meet a 429. It has no effect and is not kept.
    #[serde(deserialize_with = "probability")]
    pub(super) rate_limited: f64,
    /// The share of API calls that take effect, but whose answer is lost.
    #[serde(deserialize_with = "probability")]
    pub(super) lose_answers: f64,
}

impl Faults {
    /// How long every webhook is held back.
    pub(super) fn delay(&self) -> Duration {
        Duration::from_millis(self.delay_ms)
    }

    /// How long each answer of the API takes.
    pub(super) fn latency(&self) -> Duration {
        Duration::from_millis(self.latency_ms)
    }
}

/// Reads how many more times a webhook is sent.
fn duplicates<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    let duplicates = u32::deserialize(deserializer)?;
    if duplicates > MAX_DUPLICATES {
        return Err(D::Error::custom(format!(
            "duplicate_webhooks is {MAX_DUPLICATES} at most"
        )));
    }
    Ok(duplicates)
}
