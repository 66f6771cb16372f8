//! An order: what was agreed, where it stands, and what is still to be done for it.

use jiff::{SignedDuration, Timestamp};

use crate::carried::Carried;
use crate::jobs::{Job, JobKind};
use crate::order_id::{Fingerprint, OrderId};
use crate::payment::{AttemptState, Capture, PaymentAttempt, Refund, RefundReason, RefundState};
use crate::reservation::{StockChange, give_back_next, take_next};
use crate::{Address, Customer, Event, Money, Quote, Status, Step};

/// How long stock stays reserved for an order that nobody starts to pay.
const PAYMENT_WINDOW: SignedDuration = SignedDuration::from_mins(45);
/// The least time a payment page lives: Stripe's 30 minutes (`expires_at` of a Checkout Session), and one for the way there.
const LEAST_PAYMENT_PAGE: SignedDuration = SignedDuration::from_mins(31);
/// Starting to pay again and again holds stock no longer than this.
const LONGEST_RESERVATION: SignedDuration = SignedDuration::from_hours(6);

/// An order and all that the shop knows of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// Derived from the shopper's idempotency key.
    pub id: OrderId,
    /// The version of the stored order that this one was read from, 0 where none is stored yet.
    pub version: u64,
    /// Where it stands.
    pub status: Status,
    /// Of the request that placed it.
    pub fingerprint: Fingerprint,
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
    /// Set aside for a human.
    pub parked: Option<Parked>,
    /// What is still to be done, each kind with its own time: see [`Job`].
    pub jobs: Vec<Job>,
    /// What happened, oldest first.
    pub history: Vec<HistoryEntry>,
    /// What a newer release stored with it.
    pub carried: Carried,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryEntry {
    /// When.
    pub at: Timestamp,
    /// What.
    pub event: HistoryEvent,
}

/// What can be in an order's history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HistoryEvent {
    /// The order entered this state.
    Became(Status),
    /// A payment page was asked for.
    PaymentStarted,
    /// A payment is to be given back.
    RefundDue,
    /// A payment was given back.
    Refunded,
    /// An event of a newer release, by its name: carried unchanged.
    Unknown(String),
}

impl HistoryEvent {
    /// The event's stable name, as stored and shown.
    pub fn name(&self) -> &str {
        match self {
            Self::Became(status) => status.name(),
            Self::PaymentStarted => "payment_started",
            Self::RefundDue => "refund_due",
            Self::Refunded => "refunded",
            Self::Unknown(name) => name,
        }
    }

    /// The event of that name.
    pub fn of_name(name: &str) -> Self {
        [Self::PaymentStarted, Self::RefundDue, Self::Refunded]
            .into_iter()
            .find(|event| event.name() == name)
            .or_else(|| Status::parse(name).map(Self::Became))
            .unwrap_or_else(|| Self::Unknown(name.to_owned()))
    }
}

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
        customer: Customer,
        shipping_address: Address,
        quote: Quote,
        now: Timestamp,
    ) -> Self {
        let mut draft = Self {
            id,
            version: 0,
            status: Status::Reserving,
            fingerprint,
            placed_at: now,
            customer,
            shipping_address,
            quote,
            held: 0,
            reserved_until: now + PAYMENT_WINDOW,
            payment: None,
            capture: None,
            refunds: Vec::new(),
            erp_number: None,
            parked: None,
            jobs: Vec::new(),
            history: Vec::new(),
            carried: Carried::default(),
        };
        draft.reschedule(now);
        draft
    }

    /// The same draft once more, after a life of this id that was placed at `after` and is gone: its time tells them apart, and is a later
    /// one whatever the clock says.
    #[must_use]
    pub fn drafted_anew(self, after: Timestamp, now: Timestamp) -> Self {
        let placed_at = now.max(after + SignedDuration::from_millis(1));
        Self::draft(
            self.id,
            self.fingerprint,
            self.customer,
            self.shipping_address,
            self.quote,
            placed_at,
        )
    }

    /// Holds the next lines; with the last of them the order is placed. The changes belong into the same write.
    ///
    /// # Errors
    /// [`Unmoved`] where the order is not being reserved.
    pub fn reserve_step(mut self, now: Timestamp) -> Result<(Self, Vec<StockChange>), Unmoved> {
        if self.status != Status::Reserving {
            return Err(Unmoved {
                status: self.status,
                event: Event::StockReserved,
            });
        }
        let (held, changes) = take_next(&self.quote.lines, self.held);
        self.held = held;
        if held == self.quote.lines.len() {
            // Steps may have taken a while: the shopper's time to pay begins now.
            self.reserved_until = now + PAYMENT_WINDOW;
            self = self.on(Event::StockReserved, now)?;
        }
        Ok((self, changes))
    }

    /// Gives the stock of the last lines back. The changes belong into the same write.
    pub fn give_back_step(mut self, now: Timestamp) -> (Self, Vec<StockChange>) {
        if !self.status.gives_stock_back() {
            return (self, Vec::new());
        }
        let (held, changes) = give_back_next(&self.quote.lines, self.held);
        self.held = held;
        self.reschedule(now);
        (self, changes)
    }

    /// Reserving failed: what is held goes back, step by step.
    ///
    /// # Errors
    /// [`Unmoved`] where the order is not being reserved.
    pub fn withdraw(self, now: Timestamp) -> Result<Self, Unmoved> {
        self.on(Event::ReservationFailed, now)
    }

    /// The reservation ended and nobody paid.
    ///
    /// # Errors
    /// [`Unmoved`] where the order is not waiting for a payment.
    pub fn expire(self, now: Timestamp) -> Result<Self, Unmoved> {
        self.on(Event::PaymentWindowClosed, now)
    }

    /// The shopper gives an unpaid order up.
    ///
    /// # Errors
    /// [`Unmoved`] where the order is not waiting for a payment.
    pub fn cancel(self, now: Timestamp) -> Result<Self, Unmoved> {
        self.on(Event::CancelledByShopper, now)
    }

    /// The warehouse acknowledged the order under its own number.
    ///
    /// # Errors
    /// [`Unmoved`] where the order is not paid, or already forwarded.
    pub fn accepted_by_warehouse(self, erp_number: String, now: Timestamp) -> Result<Self, Unmoved> {
        let mut order = self.on(Event::AcceptedByWarehouse, now)?;
        order.erp_number = Some(erp_number);
        Ok(order)
    }

    /// The warehouse refused the order for good: the payment is to be given back, and the stock.
    ///
    /// # Errors
    /// [`Unmoved`] where the order is not paid.
    pub fn rejected_by_warehouse(self, now: Timestamp) -> Result<Self, Unmoved> {
        let mut order = self.on(Event::RejectedByWarehouse, now)?;
        if let Some(capture) = order.capture.clone() {
            order.owe_refund(capture, RefundReason::RejectedByWarehouse, now);
        }
        Ok(order)
    }

    /// Sets the order aside for a human.
    pub(crate) fn park(mut self, reason: ParkedReason, now: Timestamp) -> Self {
        self.parked = Some(Parked { at: now, reason });
        self.reschedule(now);
        self
    }

    /// Notes that `capture` is to be given back.
    pub(crate) fn owe_refund(&mut self, capture: Capture, reason: RefundReason, now: Timestamp) {
        let Capture {
            payment_id, amount, ..
        } = capture;
        self.refunds.push(Refund {
            payment_id,
            amount,
            reason,
            state: RefundState::Due,
        });
        self.history.push(HistoryEntry {
            at: now,
            event: HistoryEvent::RefundDue,
        });
        self.reschedule(now);
    }

    /// The next payment to be given back.
    pub fn due_refund(&self) -> Option<&Refund> {
        self.refunds
            .iter()
            .find(|refund| refund.state == RefundState::Due)
    }

    /// The provider gave `payment_id` back, under its own name for the refund.
    #[must_use]
    pub fn refunded(mut self, payment_id: &str, refund_id: String, now: Timestamp) -> Self {
        let due = |refund: &&mut Refund| refund.payment_id == payment_id && refund.state == RefundState::Due;
        if let Some(refund) = self.refunds.iter_mut().find(due) {
            refund.state = RefundState::Done { refund_id };
            self.history.push(HistoryEntry {
                at: now,
                event: HistoryEvent::Refunded,
            });
            self.finish_job(&JobKind::Refund);
            self.reschedule(now);
        }
        self
    }

    /// The provider will never give `payment_id` back: a human decides. The order goes on as if nothing were due for it.
    #[must_use]
    pub fn refund_refused(mut self, payment_id: &str, reason: String, now: Timestamp) -> Self {
        let due = |refund: &&mut Refund| refund.payment_id == payment_id && refund.state == RefundState::Due;
        if let Some(refund) = self.refunds.iter_mut().find(due) {
            refund.state = RefundState::Refused { reason };
            self.finish_job(&JobKind::Refund);
            self.reschedule(now);
        }
        self
    }

    /// Whether a human must decide: about the order itself, or about a refund that the provider refused for good.
    pub fn needs_human(&self) -> bool {
        let refused = |refund: &Refund| matches!(refund.state, RefundState::Refused { .. });
        self.parked.is_some() || self.refunds.iter().any(refused)
    }

    /// When it was paid, if it was.
    pub fn paid_at(&self) -> Option<Timestamp> {
        let paid = HistoryEvent::Became(Status::Paid);
        let entry = self.history.iter().find(|entry| entry.event == paid);
        entry.map(|entry| entry.at)
    }

    /// All that was given back so far, in the order's currency.
    pub fn total_refunded(&self) -> Money {
        let done = self
            .refunds
            .iter()
            .filter(|refund| matches!(refund.state, RefundState::Done { .. }))
            .map(|refund| refund.amount)
            .filter(|amount| amount.currency() == self.quote.total.currency());
        Money::sum(self.quote.total.currency(), done).unwrap_or(self.quote.total)
    }

    /// A new attempt to pay, to be stored before the provider is called. The reservation ends with the payment page.
    #[must_use]
    pub fn start_attempt(mut self, now: Timestamp) -> Self {
        let number = self.payment.as_ref().map_or(1, |last| last.number + 1);
        self.reserved_until = self.reserved_until.max(now + LEAST_PAYMENT_PAGE);
        self.payment = Some(PaymentAttempt {
            number,
            started_at: now,
            expires_at: self.reserved_until,
            state: AttemptState::Opening,
        });
        self.history.push(HistoryEntry {
            at: now,
            event: HistoryEvent::PaymentStarted,
        });
        self.reschedule(now);
        self
    }

    /// Whether the reservation may be prolonged once more for a payment that starts now.
    pub fn can_start_attempt(&self, now: Timestamp) -> bool {
        now + LEAST_PAYMENT_PAGE <= self.reserved_until.max(self.placed_at + LONGEST_RESERVATION)
    }

    /// The provider opened the payment page of the last attempt, under its own name for it. Where another run took the attempt for failed
    /// meanwhile, the provider must be asked again before the order may expire.
    #[must_use]
    pub fn attempt_opened(mut self, session_id: String) -> Self {
        if let Some(attempt) = &mut self.payment {
            attempt.state = AttemptState::Open { session_id };
            let started_at = attempt.started_at;
            self.reschedule(started_at);
        }
        self
    }

    /// The provider has no page for the last attempt, and never will.
    #[must_use]
    pub fn attempt_failed(mut self, now: Timestamp) -> Self {
        if let Some(attempt) = &mut self.payment {
            attempt.state = AttemptState::Failed;
        }
        self.reschedule(now);
        self
    }

    /// Moves the order by the one table.
    pub(crate) fn on(mut self, event: Event, now: Timestamp) -> Result<Self, Unmoved> {
        match self.status.on(event) {
            Step::To(next) => {
                self.status = next;
                if next.is_public() {
                    self.history.push(HistoryEntry {
                        at: now,
                        event: HistoryEvent::Became(next),
                    });
                }
                self.reschedule(now);
                Ok(self)
            }
            Step::NoOp | Step::Contradicts => Err(Unmoved {
                status: self.status,
                event,
            }),
        }
    }
}
