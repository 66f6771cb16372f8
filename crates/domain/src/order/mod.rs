//! An order: what was agreed, where it stands, and what is still to be done for it.

mod fulfilment;
mod history;
mod parts;
mod payment;
mod refund;
mod reservation;
mod schedule;
mod status;

pub use fulfilment::{IssueKind, WarehouseIssue, is_erp_number};
pub use history::{HistoryEntry, HistoryEvent};
pub use parts::{InvalidOrder, OrderParts};
pub use payment::{
    AttemptState, Capture, DelayedPayment, PaymentAttempt, PaymentRefused, ReportedPayment, Settlement,
};
pub use refund::{Refund, RefundReason, RefundState, Reversal, TakenBack};
pub use reservation::{HOLD_WHILE_SOLD_OUT, LINES_PER_STEP, LONGEST_HOLD, StockChange};
pub use schedule::FIRST_LOOK;
pub use status::{Event, Status, Step};

use jiff::{SignedDuration, Timestamp};

use crate::carried::Carried;
use crate::order_id::{Fingerprint, OrderId};
use crate::{AccessToken, Address, Customer, Money, Quote};
use reservation::HOLD_WITHOUT_PAGE;

/// An order: made by [`Order::draft`] or [`Order::restore`], changed by its own transitions only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order(OrderParts);

/// An order set aside: the machine must not decide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parked {
    /// Since when.
    pub at: Timestamp,
    /// Why.
    pub reason: ParkedReason,
}

/// Why an order was set aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ParkedReason {
    /// The provider captured another amount or currency than was agreed.
    AmountDiffers {
        /// The provider's name of the payment.
        payment_id: String,
        /// What was captured.
        captured: Money,
    },
    /// A payment is on its way, by a method that the shop did not offer, or for longer than it may be.
    Delayed {
        /// The provider's name of the payment.
        payment_id: String,
        /// What is on its way.
        amount: Money,
    },
}

impl ParkedReason {
    /// The provider's name of the payment that it is about.
    pub fn payment_id(&self) -> &str {
        let (Self::AmountDiffers { payment_id, .. } | Self::Delayed { payment_id, .. }) = self;
        payment_id
    }
}

/// An event that does not move an order of this state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{event:?} does not move an order that is {}", status.name())]
pub struct Unmoved {
    /// The order's state.
    pub status: Status,
    /// The event.
    pub event: Event,
}

impl Order {
    /// A new order of which nothing is reserved or stored yet.
    pub fn draft(
        id: OrderId,
        fingerprint: Fingerprint,
        access_token: AccessToken,
        customer: Customer,
        shipping_address: Address,
        quote: Quote,
        now: Timestamp,
    ) -> Self {
        let mut draft = Self(OrderParts {
            id,
            version: 0,
            status: Status::Reserving,
            fingerprint,
            access_token: Some(access_token),
            placed_at: now,
            customer,
            shipping_address,
            quote,
            held: 0,
            reserved_until: now + HOLD_WITHOUT_PAGE,
            payment: None,
            capture: None,
            refunds: Vec::new(),
            erp_number: None,
            warehouse_issue: None,
            parked: None,
            jobs: Vec::new(),
            history: Vec::new(),
            carried: Carried::default(),
        });
        draft.reschedule(now);
        draft
    }

    /// The same draft once more, after a life of this id that was placed at `after` and is gone: its time tells them apart, and is a later
    /// one whatever the clock says.
    #[must_use]
    pub fn drafted_anew(self, after: Timestamp, now: Timestamp) -> Self {
        let placed_at = now.max(after + SignedDuration::from_millis(1));
        let mut draft = Self(OrderParts {
            placed_at,
            reserved_until: placed_at + HOLD_WITHOUT_PAGE,
            jobs: Vec::new(),
            ..self.0
        });
        draft.reschedule(placed_at);
        draft
    }

    /// Lets in who has this token, and nobody else any more.
    #[must_use]
    pub fn with_access_token(mut self, token: AccessToken) -> Self {
        self.0.access_token = Some(token);
        self
    }

    /// Sets the order aside for a human.
    pub(crate) fn park(mut self, reason: ParkedReason, now: Timestamp) -> Self {
        self.0.parked = Some(Parked { at: now, reason });
        self.reschedule(now);
        self
    }

    /// Whether a human must decide: about the order itself, about a refund that the provider refused for good or a payment that is disputed, about
    /// a paid order that is not sent, since its payment went back without the shop, or since the warehouse rejected the order or acknowledged
    /// it illegibly.
    pub fn needs_human(&self) -> bool {
        let refused = |refund: &Refund| matches!(refund.state, RefundState::Refused { .. });
        let stopped = self.is_taken_back() || self.0.warehouse_issue.is_some();
        let stopped = self.0.status == Status::Paid && stopped;
        self.0.parked.is_some() || stopped || self.0.refunds.iter().any(refused)
    }

    /// Moves the order by the one table.
    pub(crate) fn on(mut self, event: Event, now: Timestamp) -> Result<Self, Unmoved> {
        match self.0.status.on(event) {
            Step::To(next) => {
                self.0.status = next;
                if next.is_public() {
                    self.note(HistoryEvent::Became(next), now);
                }
                self.reschedule(now);
                Ok(self)
            }
            Step::NoOp | Step::Contradicts => Err(Unmoved {
                status: self.0.status,
                event,
            }),
        }
    }
}
