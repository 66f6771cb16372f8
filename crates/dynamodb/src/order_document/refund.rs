//! How refunds are stored.

use domain::{Money, Refund, RefundReason, RefundState};
use serde::{Deserialize, Serialize};

use super::payment::{currency_of, stored_currency};

#[derive(Serialize, Deserialize)]
pub(super) struct StoredRefund {
    #[serde(rename = "i")]
    payment_id: String,
    #[serde(rename = "a")]
    amount: i64,
    #[serde(rename = "u")]
    currency: String,
    /// See [`stored_currency`].
    #[serde(rename = "o", default, skip_serializing_if = "Option::is_none")]
    other: Option<String>,
    #[serde(rename = "r")]
    reason: String,
    #[serde(rename = "b", default, skip_serializing_if = "Option::is_none")]
    pub(super) refund_id: Option<String>,
    /// Why the provider will never do it. `refund_id` is [`REFUSED`] then.
    #[serde(rename = "x", default, skip_serializing_if = "Option::is_none")]
    pub(super) refused: Option<String>,
}

/// Stands for the provider's name of a refund that it refused for good. The release before knows no such refund: without any name it would ask
/// for the money again, which a human may have given back by then.
const REFUSED: &str = "refused";

impl StoredRefund {
    pub(super) fn of(refund: &Refund) -> Self {
        let (currency, other) = stored_currency(refund.amount.currency());
        Self {
            payment_id: refund.payment_id.clone(),
            amount: refund.amount.minor(),
            currency,
            other,
            reason: refund.reason.name().to_owned(),
            refund_id: match &refund.state {
                RefundState::Due => None,
                RefundState::Refused { .. } => Some(REFUSED.to_owned()),
                RefundState::Done { refund_id } => Some(refund_id.clone()),
            },
            refused: match &refund.state {
                RefundState::Refused { reason } => Some(reason.clone()),
                RefundState::Due | RefundState::Done { .. } => None,
            },
        }
    }

    pub(super) fn into_refund(self) -> Option<Refund> {
        let currency = currency_of(&self.currency, self.other.as_deref())?;
        Some(Refund {
            payment_id: self.payment_id,
            amount: Money::new(self.amount, currency),
            reason: RefundReason::of_name(&self.reason),
            state: match (self.refund_id, self.refused) {
                (_, Some(reason)) => RefundState::Refused { reason },
                (Some(id), None) if id == REFUSED => RefundState::Refused {
                    reason: "its reason was lost while another release ran".to_owned(),
                },
                (Some(refund_id), None) => RefundState::Done { refund_id },
                (None, None) => RefundState::Due,
            },
        })
    }
}
