//! What an order is made of, and how it is read.

use jiff::Timestamp;

use super::{Capture, HistoryEntry, Order, Parked, PaymentAttempt, Refund, Status, WarehouseIssue};
use crate::carried::Carried;
use crate::jobs::Job;
use crate::order_id::{Fingerprint, OrderId};
use crate::{AccessToken, Address, Customer, Quote};

/// All that the shop knows of an order: what a store keeps. Only [`Order::restore`] makes an order of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderParts {
    /// Derived from the shopper's idempotency key.
    pub id: OrderId,
    /// The version of the stored order that this one was read from, 0 where none is stored yet.
    pub version: u64,
    /// Where it stands.
    pub status: Status,
    /// Of the request that placed it.
    pub fingerprint: Fingerprint,
    /// Who has it may see and pay the order. `None` where the release before placed it, and nobody has stored its token yet.
    pub access_token: Option<AccessToken>,
    /// When the shopper asked for it.
    pub placed_at: Timestamp,
    /// Who ordered.
    pub customer: Customer,
    /// Where it goes.
    pub shipping_address: Address,
    /// Lines and amounts as agreed.
    pub quote: Quote,
    /// The stock of the first so many lines is held for this order.
    pub held: usize,
    /// Until when the stock is held for an unpaid order.
    pub reserved_until: Timestamp,
    /// The last attempt to pay.
    pub payment: Option<PaymentAttempt>,
    /// The payment that paid it.
    pub capture: Option<Capture>,
    /// Payments to be given back, or given back.
    pub refunds: Vec<Refund>,
    /// The warehouse's number for it.
    pub erp_number: Option<String>,
    /// What keeps the paid order from the warehouse and asks for a human.
    pub warehouse_issue: Option<WarehouseIssue>,
    /// Set aside for a human.
    pub parked: Option<Parked>,
    /// What is still to be done, each kind with its own time.
    pub jobs: Vec<Job>,
    /// What happened, oldest first.
    pub history: Vec<HistoryEntry>,
    /// What a newer release stored with it.
    pub carried: Carried,
}

/// Parts that no order can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidOrder {
    /// More lines are held than there are.
    #[error("the order holds more lines than it has")]
    HeldBeyondLines,
    /// It is paid, and by nothing.
    #[error("the order is paid and has no payment")]
    PaidWithoutCapture,
}

impl Order {
    /// The order of parts that were stored.
    ///
    /// Not checked, since a newer release may store it otherwise: that an order holds all its lines from placed to delivered, that it was paid
    /// its total, and that no payment has two refunds. This release's transitions see to these.
    ///
    /// # Errors
    /// [`InvalidOrder`] where going on would break a promise.
    pub fn restore(parts: OrderParts) -> Result<Self, InvalidOrder> {
        if parts.held > parts.quote.lines.len() {
            return Err(InvalidOrder::HeldBeyondLines);
        }
        if parts.status.was_paid() && parts.capture.is_none() {
            return Err(InvalidOrder::PaidWithoutCapture);
        }
        Ok(Self(parts))
    }

    /// What it is made of.
    pub fn into_parts(self) -> OrderParts {
        self.0
    }

    /// The order as a write stores it: under the next version.
    #[must_use]
    pub fn next_version(mut self) -> Self {
        self.0.version += 1;
        self
    }

    /// See [`OrderParts::id`].
    pub fn id(&self) -> OrderId {
        self.0.id
    }

    /// See [`OrderParts::version`].
    pub fn version(&self) -> u64 {
        self.0.version
    }

    /// See [`OrderParts::status`].
    pub fn status(&self) -> Status {
        self.0.status
    }

    /// See [`OrderParts::fingerprint`].
    pub fn fingerprint(&self) -> Fingerprint {
        self.0.fingerprint
    }

    /// See [`OrderParts::access_token`].
    pub fn access_token(&self) -> Option<&AccessToken> {
        self.0.access_token.as_ref()
    }

    /// See [`OrderParts::placed_at`].
    pub fn placed_at(&self) -> Timestamp {
        self.0.placed_at
    }

    /// See [`OrderParts::customer`].
    pub fn customer(&self) -> &Customer {
        &self.0.customer
    }

    /// See [`OrderParts::shipping_address`].
    pub fn shipping_address(&self) -> &Address {
        &self.0.shipping_address
    }

    /// See [`OrderParts::quote`].
    pub fn quote(&self) -> &Quote {
        &self.0.quote
    }

    /// See [`OrderParts::held`].
    pub fn held(&self) -> usize {
        self.0.held
    }

    /// See [`OrderParts::reserved_until`].
    pub fn reserved_until(&self) -> Timestamp {
        self.0.reserved_until
    }

    /// See [`OrderParts::payment`].
    pub fn payment(&self) -> Option<&PaymentAttempt> {
        self.0.payment.as_ref()
    }

    /// See [`OrderParts::capture`].
    pub fn capture(&self) -> Option<&Capture> {
        self.0.capture.as_ref()
    }

    /// See [`OrderParts::refunds`].
    pub fn refunds(&self) -> &[Refund] {
        &self.0.refunds
    }

    /// See [`OrderParts::erp_number`].
    pub fn erp_number(&self) -> Option<&str> {
        self.0.erp_number.as_deref()
    }

    /// See [`OrderParts::warehouse_issue`].
    pub fn warehouse_issue(&self) -> Option<&WarehouseIssue> {
        self.0.warehouse_issue.as_ref()
    }

    /// See [`OrderParts::parked`].
    pub fn parked(&self) -> Option<&Parked> {
        self.0.parked.as_ref()
    }

    /// See [`OrderParts::jobs`].
    pub fn jobs(&self) -> &[Job] {
        &self.0.jobs
    }

    /// See [`OrderParts::history`].
    pub fn history(&self) -> &[HistoryEntry] {
        &self.0.history
    }

    /// See [`OrderParts::carried`].
    pub fn carried(&self) -> &Carried {
        &self.0.carried
    }
}
