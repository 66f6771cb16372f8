//! Charges: money that was captured, as itself, as its payment intent, and as what is disputed of it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// Money that was captured.
#[derive(Debug, Clone)]
pub(super) struct Charge {
    pub(super) id: String,
    /// The place of its session.
    pub(super) session: usize,
    pub(super) payment_intent: String,
    /// Minor units.
    pub(super) captured: i64,
    /// Minor units.
    pub(super) refunded: i64,
    pub(super) disputed: bool,
    pub(super) currency: String,
    /// Of `payment_intent_data`, as Stripe copies it to the intent and its charge.
    pub(super) metadata: BTreeMap<String, String>,
    /// Unix seconds.
    pub(super) created: u64,
}

impl Charge {
    /// As it is on the wire.
    pub(super) fn json(&self) -> Value {
        json!({
            "id": self.id,
            "object": "charge",
            "amount": self.captured,
            "amount_captured": self.captured,
            "amount_refunded": self.refunded,
            "captured": true,
            "created": self.created,
            "currency": self.currency,
            "disputed": self.disputed,
            "livemode": false,
            "metadata": self.metadata,
            "paid": true,
            "payment_intent": self.payment_intent,
            "refunded": self.refunded >= self.captured,
            "status": "succeeded",
        })
    }

    /// Its payment intent.
    pub(super) fn intent_json(&self) -> Value {
        json!({
            "id": self.payment_intent,
            "object": "payment_intent",
            "amount": self.captured,
            "amount_received": self.captured,
            "created": self.created,
            "currency": self.currency,
            "latest_charge": self.id,
            "livemode": false,
            "metadata": self.metadata,
            "status": "succeeded",
        })
    }

    /// What the shopper's bank claims back. It has no metadata of the shop's.
    pub(super) fn dispute_json(&self, now: u64) -> Value {
        json!({
            "id": super::new_id("du_", 24),
            "object": "dispute",
            "amount": self.captured,
            "charge": self.id,
            "created": now,
            "currency": self.currency,
            "livemode": false,
            "metadata": {},
            "payment_intent": self.payment_intent,
            "reason": "fraudulent",
            "status": "needs_response",
        })
    }
}
