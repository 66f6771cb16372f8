//! Queueing one paid order for the warehouse again.

use std::fmt;

use anyhow::Context;
use app::ports::{Committed, OrderQueue, Orders};
use app::{Decision, decide_order};
use domain::{JobKind, Order, OrderId, Status};
use jiff::Timestamp;
use serde::Serialize;

use crate::shop::CircuitShown;
use crate::{Outcome, Report, Shop};

/// What was done for an order, or would be.
#[derive(Clone, Debug, Serialize)]
pub struct Resend {
    /// Its id.
    pub order_id: String,
    /// Its state; `None` where there is no such order.
    pub status: Option<&'static str>,
    /// Whether a message was sent.
    pub sent: bool,
    /// Whether nothing was to be done but telling.
    pub dry_run: bool,
    /// Why it is not to be sent.
    pub refused: Option<Refused>,
    /// The warehouse's number for it.
    pub erp_number: Option<String>,
    circuit: CircuitShown,
}

/// Why an order is not to be sent to the warehouse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Refused {
    /// There is no such order.
    Unknown,
    /// It is not paid (any more, or yet).
    NotPaid,
    /// The warehouse has it.
    Forwarded,
    /// Its payment went back without the shop.
    TakenBack,
}

impl Refused {
    fn of(order: Option<&Order>) -> Option<Self> {
        if order.is_some_and(|order| order.status() == Status::Paid && order.is_taken_back()) {
            return Some(Self::TakenBack);
        }
        match order.map(Order::status) {
            None => Some(Self::Unknown),
            Some(Status::Paid) => None,
            Some(Status::Forwarded | Status::Shipped | Status::Delivered) => Some(Self::Forwarded),
            Some(_) => Some(Self::NotPaid),
        }
    }
}

impl Shop {
    /// Queues a paid order for the warehouse, a rejected one too, as the reconciler does with those that are due; where it is in the queue already, the warehouse
    /// still gets it once. A dry run only tells what would be done.
    ///
    /// # Errors
    /// Where the store or the queue does not answer.
    pub async fn resend(&self, id: OrderId, dry_run: bool, now: Timestamp) -> anyhow::Result<Resend> {
        let order = self.orders.get(id).await.context("the table of orders")?;
        let refused = Refused::of(order.as_ref());
        let report = Resend {
            order_id: id.to_string(),
            status: order.as_ref().map(|order| order.status().name()),
            sent: refused.is_none() && !dry_run,
            dry_run,
            refused,
            erp_number: order
                .as_ref()
                .and_then(|order| order.erp_number().map(str::to_owned)),
            circuit: self.circuit_at(now).await?,
        };
        if let Some(mut order) = order.filter(|_| report.sent) {
            if order.is_rejected() {
                order = decide_order(&self.orders, &move || now, id, &Decision::Retry).await?;
            }
            self.queue.send(id).await?;
            self.note_queued(order, now).await?;
        }
        Ok(report)
    }

    /// The reconciler need not queue it as well. Where a refund is due beside it, that must not wait; where another was quicker, its word
    /// stands.
    async fn note_queued(&self, order: Order, now: Timestamp) -> anyhow::Result<()> {
        if order.job(&JobKind::Forward).is_some() {
            let noted: Committed = self
                .orders
                .commit(order.queued(now), Vec::new())
                .await
                .context("the order was queued, and stays due as before")?;
            drop(noted);
        }
        Ok(())
    }
}

impl Report for Resend {
    fn outcome(&self) -> Outcome {
        if self.refused.is_some() {
            Outcome::Refused
        } else {
            Outcome::Well
        }
    }
}

impl fmt::Display for Resend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (id, status) = (&self.order_id, self.status.unwrap_or_default());
        match (self.refused, self.dry_run) {
            (Some(Refused::Unknown), _) => writeln!(f, "There is no order {id}."),
            (Some(Refused::NotPaid), _) => writeln!(
                f,
                "Order {id} is {status}, not paid: nothing for the warehouse. Nothing was done."
            ),
            (Some(Refused::Forwarded), _) => writeln!(
                f,
                "Order {id} is {status}; the warehouse has it as {}. Nothing was done.",
                self.erp_number.as_deref().unwrap_or("-")
            ),
            (Some(Refused::TakenBack), _) => writeln!(
                f,
                "The payment of order {id} went back without the shop. Nothing was done; `order refund` gives it up."
            ),
            (None, true) => {
                writeln!(
                    f,
                    "Order {id} is paid: it would be queued for the warehouse. Nothing was done."
                )?;
                writeln!(f, "{}", self.circuit)
            }
            (None, false) => {
                writeln!(f, "Order {id} is queued for the warehouse.")?;
                writeln!(f, "{}", self.circuit)
            }
        }
    }
}
