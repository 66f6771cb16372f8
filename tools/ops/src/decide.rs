//! A human's decision about an order that the warehouse rejected, or acknowledged illegibly.

use std::fmt;

use anyhow::Context;
use app::{DecideError, Decision, decide_order};
use domain::{JobKind, OrderId};
use jiff::Timestamp;
use serde::Serialize;

use crate::{Outcome, Report, Shop};

/// What became of a decision.
#[derive(Clone, Debug, Serialize)]
pub struct Decided {
    /// The order's id.
    pub order_id: String,
    /// Why nothing was done, if nothing was.
    pub refused: Option<String>,
    /// Its state now, where the decision was stored.
    pub status: Option<&'static str>,
    /// When it is given up, and paid back.
    pub refunded_at: Option<String>,
    /// The warehouse's number for it.
    pub erp_number: Option<String>,
    /// Whether who had its access token is shut out.
    pub access_revoked: bool,
}

impl Shop {
    /// Stores a decision about an order that waits for one.
    ///
    /// # Errors
    /// Where the store does not answer.
    pub async fn decide(&self, id: OrderId, decision: &Decision, now: Timestamp) -> anyhow::Result<Decided> {
        let decided = match decide_order(&self.orders, &move || now, id, decision).await {
            Err(DecideError::Store(error)) => return Err(error).context("the table of orders"),
            decided => decided,
        };
        let order = decided.as_ref().ok();
        let settled = order.and_then(|order| order.job(&JobKind::SettleRejection));
        Ok(Decided {
            order_id: id.to_string(),
            status: order.map(|order| order.status().name()),
            refunded_at: settled.map(|job| job.due_at.to_string()),
            erp_number: order.and_then(|order| order.erp_number()).map(str::to_owned),
            access_revoked: order.is_some() && matches!(decision, Decision::RevokeAccess(_)),
            refused: decided.as_ref().err().map(ToString::to_string),
        })
    }
}

impl Report for Decided {
    fn outcome(&self) -> Outcome {
        if self.refused.is_some() {
            Outcome::Refused
        } else {
            Outcome::Well
        }
    }
}

impl fmt::Display for Decided {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = &self.order_id;
        match (&self.refused, &self.refunded_at, &self.erp_number) {
            (Some(reason), _, _) => writeln!(f, "Order {id}: {reason}. Nothing was done."),
            _ if self.access_revoked => {
                writeln!(f, "Order {id} is shown to nobody who had its access token.")
            }
            (_, Some(at), _) => writeln!(
                f,
                "Order {id} is given up and paid back at {at}, by the reconciler's next run then."
            ),
            (_, _, Some(number)) => writeln!(
                f,
                "Order {id} is at the warehouse as {number}; nothing is paid back."
            ),
            (None, None, None) => writeln!(f, "Order {id} is forwarded once more."),
        }
    }
}
