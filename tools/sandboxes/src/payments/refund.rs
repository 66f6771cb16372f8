//! Refunds.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::error::StripeError;
use super::form::Params;
use super::listing::Listed;

const REASONS: [&str; 3] = ["duplicate", "fraudulent", "requested_by_customer"];

/// Parameters of Stripe's that are understood: <https://docs.stripe.com/api/refunds/create>.
const PARAMETERS: [&str; 4] = ["amount", "metadata[*]", "payment_intent", "reason"];

/// A refund that is asked for.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct RefundRequest {
    pub(super) payment_intent: String,
    /// Minor units; `None`: all that is left.
    pub(super) amount: Option<i64>,
    pub(super) reason: Option<String>,
    pub(super) metadata: BTreeMap<String, String>,
}

impl RefundRequest {
    /// Reads the parameters.
    pub(super) fn parse(params: &Params) -> Result<RefundRequest, StripeError> {
        params.only(&PARAMETERS)?;
        let reason = params.text("/reason").map(str::to_owned);
        if reason
            .as_ref()
            .is_some_and(|reason| !REASONS.contains(&reason.as_str()))
        {
            return Err(
                StripeError::invalid(format!("Invalid reason: must be one of {REASONS:?}")).about("reason"),
            );
        }
        let amount = params.integer("/amount")?;
        if amount.is_some_and(|amount| amount < 1) {
            let error = StripeError::invalid("This value must be greater than or equal to 1.");
            return Err(error.code("parameter_invalid_integer").about("amount"));
        }
        Ok(RefundRequest {
            payment_intent: params.required("/payment_intent")?.to_owned(),
            amount,
            reason,
            metadata: params.metadata("/metadata")?,
        })
    }
}

/// A refund that was made.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Refund {
    pub(super) id: String,
    /// Minor units.
    pub(super) amount: i64,
    pub(super) currency: String,
    pub(super) payment_intent: String,
    pub(super) charge: String,
    /// Unix seconds.
    pub(super) created: u64,
    pub(super) reason: Option<String>,
    pub(super) metadata: BTreeMap<String, String>,
    /// `pending`, `succeeded` or `failed`.
    pub(super) status: &'static str,
}

impl Listed for Refund {
    fn id(&self) -> &str {
        &self.id
    }

    fn created(&self) -> u64 {
        self.created
    }
}

impl Refund {
    /// As it is on the wire.
    pub(super) fn json(&self) -> Value {
        json!({
            "id": self.id,
            "object": "refund",
            "amount": self.amount,
            "balance_transaction": null,
            "charge": self.charge,
            "created": self.created,
            "currency": self.currency,
            "metadata": self.metadata,
            "payment_intent": self.payment_intent,
            "reason": self.reason,
            "receipt_number": null,
            "failure_reason": (self.status == "failed").then_some("expired_or_canceled_card"),
            "status": self.status,
        })
    }
}
