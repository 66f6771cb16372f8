//! Events: what happened, as it was when it happened.

use serde_json::{Value, json};

/// The version of Stripe's API whose objects these are.
pub(super) const API_VERSION: &str = "2026-10-28.endive";

/// Event types that are sent as webhooks; others are listed only.
const SENT: [&str; 7] = [
    "checkout.session.completed",
    "checkout.session.expired",
    "checkout.session.async_payment_succeeded",
    "checkout.session.async_payment_failed",
    "charge.refunded",
    "charge.dispute.created",
    "refund.failed",
];

/// Event types that the sandbox makes: those that are sent, and others.
pub(super) const KINDS: [&str; 10] = [
    "charge.dispute.created",
    "charge.refunded",
    "checkout.session.async_payment_failed",
    "checkout.session.async_payment_succeeded",
    "checkout.session.completed",
    "checkout.session.expired",
    "payment_intent.payment_failed",
    "refund.created",
    "refund.failed",
    "refund.updated",
];

/// An event.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Event {
    pub(super) id: String,
    pub(super) kind: &'static str,
    /// Unix seconds.
    pub(super) created: u64,
    /// JSON text, since there are many, and few are asked for.
    object: String,
}

impl Event {
    /// Something that happened to `object`, shown as it is now.
    pub(super) fn new(kind: &'static str, object: &Value, now: u64) -> Event {
        Event {
            id: super::new_id("evt_", 24),
            kind,
            created: now,
            object: object.to_string(),
        }
    }

    /// Whether the shop's webhook gets it.
    pub(super) fn is_sent(&self) -> bool {
        SENT.contains(&self.kind)
    }

    /// As it is on the wire.
    pub(super) fn json(&self) -> Value {
        let object: Value = serde_json::from_str(&self.object).expect("what was JSON is JSON");
        json!({
            "id": self.id,
            "object": "event",
            "api_version": API_VERSION,
            "created": self.created,
            "data": { "object": object },
            "livemode": false,
            "pending_webhooks": u8::from(self.is_sent()),
            "request": { "id": null, "idempotency_key": null },
            "type": self.kind,
        })
    }
}
