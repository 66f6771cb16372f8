//! What goes wrong at the payment provider, and between it and the shop.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::chance::check_probability;

/// The faults in force, as `GET /sandbox/faults` shows them.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(super) struct Faults {
    /// How many more times each webhook is sent.
    pub(super) duplicate_webhooks: u32,
    /// Whether webhooks overtake each other: each is held back for a random time of up to half a second.
    pub(super) shuffle_webhooks: bool,
    /// The share of webhooks that are lost for good. `/v1/events` knows them all the same.
    pub(super) drop_webhooks: f64,
    /// How long each webhook is held back.
    pub(super) delay_ms: u64,
    /// The API answers nobody: 503, or a broken connection.
    pub(super) down: bool,
    /// The share of API calls that meet a 500 and have no effect.
    pub(super) error_rate: f64,
    /// The share of API calls that take effect, but whose answer is lost.
    pub(super) lose_answers: f64,
}

impl Faults {
    /// How long every webhook is held back.
    pub(super) fn delay(&self) -> Duration {
        Duration::from_millis(self.delay_ms)
    }
}

/// A change: what is not named stays as it is.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FaultsChange {
    duplicate_webhooks: Option<u32>,
    shuffle_webhooks: Option<bool>,
    drop_webhooks: Option<f64>,
    delay_ms: Option<u64>,
    down: Option<bool>,
    error_rate: Option<f64>,
    lose_answers: Option<f64>,
    /// Starts chance over, so that the same calls meet the same faults.
    pub(super) seed: Option<u64>,
}

/// A webhook is not sent more often than this, whatever is asked for.
const MOST_DUPLICATES: u32 = 1000;

impl FaultsChange {
    /// What is wrong with the change, if anything is.
    pub(super) fn check(&self) -> Result<(), String> {
        if self.duplicate_webhooks.is_some_and(|n| n > MOST_DUPLICATES) {
            return Err(format!("duplicate_webhooks is {MOST_DUPLICATES} at most"));
        }
        check_probability("drop_webhooks", self.drop_webhooks)?;
        check_probability("error_rate", self.error_rate)?;
        check_probability("lose_answers", self.lose_answers)
    }

    /// The faults with this change.
    pub(super) fn apply(&self, to: &Faults) -> Faults {
        Faults {
            duplicate_webhooks: self.duplicate_webhooks.unwrap_or(to.duplicate_webhooks),
            shuffle_webhooks: self.shuffle_webhooks.unwrap_or(to.shuffle_webhooks),
            drop_webhooks: self.drop_webhooks.unwrap_or(to.drop_webhooks),
            delay_ms: self.delay_ms.unwrap_or(to.delay_ms),
            down: self.down.unwrap_or(to.down),
            error_rate: self.error_rate.unwrap_or(to.error_rate),
            lose_answers: self.lose_answers.unwrap_or(to.lose_answers),
        }
    }
}
