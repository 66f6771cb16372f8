//! Stripe's objects, as far as the shop reads them.

use std::collections::BTreeMap;

use domain::{Currency, Money, OrderId, ReportedPayment};
use serde::Deserialize;

/// A Checkout Session.
#[derive(Debug, Deserialize)]
pub(crate) struct Session {
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) url: Option<String>,
    /// `open`, `complete` or `expired`.
    #[serde(default)]
    pub(crate) status: Option<String>,
    /// `paid`, `unpaid` or `no_payment_required`.
    pub(crate) payment_status: String,
    #[serde(default)]
    amount_total: Option<i64>,
    #[serde(default)]
    currency: Option<String>,
    #[serde(default)]
    client_reference_id: Option<String>,
    #[serde(default)]
    metadata: Option<BTreeMap<String, String>>,
    #[serde(default)]
    payment_intent: Option<String>,
}

impl Session {
    /// The order that it is for; `None` where it is not this shop's.
    pub(crate) fn order(&self) -> Option<OrderId> {
        OrderId::parse(self.client_reference_id.as_deref()?).ok()
    }

    /// The attempt to pay that it is for.
    pub(crate) fn attempt(&self) -> Option<u32> {
        self.metadata.as_ref()?.get("attempt")?.parse().ok()
    }

    pub(crate) fn is_paid(&self) -> bool {
        self.payment_status == "paid"
    }

    /// The payment that was taken on it; `None` where its amount or currency cannot be read.
    pub(crate) fn payment(&self) -> Option<ReportedPayment> {
        let currency = Currency::parse(self.currency.as_deref()?)?;
        let amount = Money::new(self.amount_total?, currency);
        // A session without a payment intent was free of charge, which none of ours is; its own name serves all the same.
        let payment_id = self.payment_intent.clone().unwrap_or_else(|| self.id.clone());
        Some(ReportedPayment { payment_id, amount })
    }
}

/// A page of a list.
#[derive(Debug, Deserialize)]
pub(crate) struct List<T> {
    pub(crate) data: Vec<T>,
    #[serde(default)]
    pub(crate) has_more: bool,
}

/// A refund.
#[derive(Debug, Deserialize)]
pub(crate) struct Refund {
    pub(crate) id: String,
    /// Minor units.
    amount: i64,
    /// `pending`, `requires_action`, `succeeded`, `failed` or `canceled`.
    #[serde(default)]
    status: Option<String>,
}

impl Refund {
    /// Whether all of `amount` (minor units) is on its way back. A part, given back by hand, is not what is due.
    pub(crate) fn returns(&self, amount: i64) -> bool {
        self.amount >= amount
            && !matches!(
                self.status.as_deref(),
                Some("failed" | "canceled" | "requires_action")
            )
    }
}

/// The body of an answer that is no success.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct ErrorBody {
    pub(crate) error: ErrorDetail,
}

/// What went wrong; its message is left out, since it may repeat what was sent.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct ErrorDetail {
    #[serde(default)]
    code: Option<String>,
    #[serde(rename = "type", default)]
    kind: Option<String>,
}

impl ErrorDetail {
    /// Whether the idempotency key was used with other parameters: that call's effect, perhaps a page, exists.
    pub(crate) fn is_of_another_call(&self) -> bool {
        self.kind.as_deref() == Some("idempotency_error")
    }

    pub(crate) fn code(self) -> String {
        self.code
            .or(self.kind)
            .unwrap_or_default()
            .chars()
            .take(64)
            .collect()
    }
}

/// An event, as a webhook brings it.
#[derive(Debug, Deserialize)]
pub(crate) struct Event<'a> {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    #[serde(borrow)]
    pub(crate) data: EventData<'a>,
}

/// The object of an event, unread until it is known to be of interest.
#[derive(Debug, Deserialize)]
pub(crate) struct EventData<'a> {
    #[serde(borrow)]
    pub(crate) object: &'a serde_json::value::RawValue,
}
