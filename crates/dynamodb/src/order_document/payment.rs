//! How attempts to pay, captures and what is set aside for a human are stored.

use domain::{AttemptState, Capture, Currency, Money, Parked, ParkedReason, PaymentAttempt, Status};
use serde::{Deserialize, Serialize};

use super::document::time;

#[derive(Serialize, Deserialize)]
pub(super) struct StoredAttempt {
    #[serde(rename = "n")]
    pub(super) number: u32,
    #[serde(rename = "s")]
    started_at: i64,
    #[serde(rename = "e")]
    expires_at: i64,
    #[serde(rename = "i", default, skip_serializing_if = "Option::is_none")]
    session: Option<String>,
    #[serde(rename = "f", default, skip_serializing_if = "std::ops::Not::not")]
    failed: bool,
    /// Its payment is on its way.
    #[serde(rename = "w", default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) pending: bool,
}

impl StoredAttempt {
    pub(super) fn of(attempt: &PaymentAttempt, status: Status) -> Self {
        Self {
            number: attempt.number,
            started_at: attempt.started_at.as_millisecond(),
            expires_at: attempt.expires_at.as_millisecond(),
            session: match &attempt.state {
                AttemptState::Open { session_id } => Some(session_id.clone()),
                AttemptState::Opening | AttemptState::Failed => None,
            },
            failed: attempt.state == AttemptState::Failed,
            pending: status == Status::PaymentPending,
        }
    }

    pub(super) fn into_attempt(self) -> Option<PaymentAttempt> {
        let state = match (self.session, self.failed) {
            (Some(session_id), _) => AttemptState::Open { session_id },
            (None, true) => AttemptState::Failed,
            (None, false) => AttemptState::Opening,
        };
        let (started_at, expires_at) = (time(self.started_at)?, time(self.expires_at)?);
        Some(PaymentAttempt {
            number: self.number,
            started_at,
            expires_at,
            state,
        })
    }
}

#[derive(Serialize, Deserialize)]
pub(super) struct StoredCapture {
    #[serde(rename = "i")]
    payment_id: String,
    #[serde(rename = "a")]
    amount: i64,
    #[serde(rename = "u")]
    currency: String,
    #[serde(rename = "t")]
    at: i64,
}

impl StoredCapture {
    pub(super) fn of(capture: &Capture) -> Self {
        Self {
            payment_id: capture.payment_id.clone(),
            amount: capture.amount.minor(),
            currency: capture.amount.currency().code().to_owned(),
            at: capture.at.as_millisecond(),
        }
    }

    pub(super) fn into_capture(self) -> Option<Capture> {
        let amount = Money::new(self.amount, Currency::parse(&self.currency)?);
        Some(Capture {
            payment_id: self.payment_id,
            amount,
            at: time(self.at)?,
        })
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum StoredParking {
    AmountDiffers {
        at: i64,
        payment_id: String,
        amount: i64,
        currency: String,
        /// See [`stored_currency`].
        #[serde(default, skip_serializing_if = "Option::is_none")]
        other: Option<String>,
        /// The payment is on its way, by a method that was not offered: to the release before another amount, which it leaves to a human, too.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        delayed: bool,
    },
}

/// The currency of a payment as it is stored, and the true one where the shop sells nothing in it: the release before reads the first only.
pub(super) fn stored_currency(currency: Currency) -> (String, Option<String>) {
    match currency {
        Currency::Other(_) => (Currency::Eur.code().to_owned(), Some(currency.code().to_owned())),
        known => (known.code().to_owned(), None),
    }
}

pub(super) fn currency_of(stored: &str, other: Option<&str>) -> Option<Currency> {
    other.map_or_else(
        || Currency::parse(stored),
        |code| Some(Currency::of_payment(code)),
    )
}

impl StoredParking {
    pub(super) fn of(parked: &Parked) -> Self {
        let (payment_id, amount, delayed) = match &parked.reason {
            ParkedReason::AmountDiffers { payment_id, captured } => (payment_id, captured, false),
            ParkedReason::Delayed { payment_id, amount } => (payment_id, amount, true),
        };
        let (currency, other) = stored_currency(amount.currency());
        Self::AmountDiffers {
            at: parked.at.as_millisecond(),
            payment_id: payment_id.clone(),
            amount: amount.minor(),
            currency,
            other,
            delayed,
        }
    }

    pub(super) fn into_parked(self) -> Option<Parked> {
        let Self::AmountDiffers {
            at,
            payment_id,
            amount,
            currency,
            other,
            delayed,
        } = self;
        let amount = Money::new(amount, currency_of(&currency, other.as_deref())?);
        let reason = if delayed {
            ParkedReason::Delayed { payment_id, amount }
        } else {
            let captured = amount;
            ParkedReason::AmountDiffers { payment_id, captured }
        };
        Some(Parked {
            at: time(at)?,
            reason,
        })
    }
}
