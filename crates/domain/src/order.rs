//! An order: what was agreed, where it stands, and what is still to be done for it.

use jiff::{SignedDuration, Timestamp};

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
/// A checkout that reserves in steps has answered or died by then.
const RESERVING_GRACE: SignedDuration = SignedDuration::from_mins(2);
/// By then most shoppers have paid, or gone.
const FIRST_LOOK: SignedDuration = SignedDuration::from_mins(5);
/// By then a webhook should have told of a payment; else the provider is asked.
const PAYMENT_GRACE: SignedDuration = SignedDuration::from_mins(2);
/// By then a queued order should have reached the warehouse; else it is queued again.
const FORWARD_GRACE: SignedDuration = SignedDuration::from_mins(5);
/// The pause after a first failed try; it doubles with each further one.
const FIRST_BACKOFF: SignedDuration = SignedDuration::from_secs(30);
/// The longest pause between tries.
const LONGEST_BACKOFF: SignedDuration = SignedDuration::from_mins(15);

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
    /// When the reconciler looks at it next; `None` where nothing is to be done.
    pub due_at: Option<Timestamp>,
    /// Failed tries of what is due, in a row.
    pub tries: u32,
    /// What happened, oldest first.
    pub history: Vec<HistoryEntry>,
}

/// What is still to be done for an order, by the reconciler or whoever comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// Reserving was left half done: withdraw the order.
    Withdraw,
    /// Nobody pays: expire the order when its reservation has ended.
    CloseWindow,
    /// Somebody may have paid: ask the provider.
    AskProvider,
    /// Paid: get it to the warehouse.
    Forward,
    /// Put the stock of the next lines back.
    GiveStockBack,
    /// Give a payment back.
    Refund,
    /// Nothing is held any more: forget the order that never was.
    Remove,
}

/// In which line a due order waits: each is worked off by itself, so that neither holds up the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// For the reconciler to bring something to its end.
    Mending,
    /// For the warehouse, which may be down for weeks.
    Forwarding,
}

/// One thing that happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HistoryEntry {
    /// When.
    pub at: Timestamp,
    /// What.
    pub event: HistoryEvent,
}

/// What can be in an order's history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HistoryEvent {
    /// The order entered this state.
    Became(Status),
    /// A payment page was asked for.
    PaymentStarted,
    /// A payment is to be given back.
    RefundDue,
    /// A payment was given back.
    Refunded,
}

impl HistoryEvent {
    /// The event's stable name, as stored and shown.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Became(status) => status.name(),
            Self::PaymentStarted => "payment_started",
            Self::RefundDue => "refund_due",
            Self::Refunded => "refunded",
        }
    }

    /// The event of that name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::PaymentStarted, Self::RefundDue, Self::Refunded]
            .into_iter()
            .find(|event| event.name() == name)
            .or_else(|| Status::parse(name).map(Self::Became))
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
        Self {
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
            due_at: Some(now + RESERVING_GRACE),
            tries: 0,
            history: Vec::new(),
        }
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
        self.tries = 0;
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
            self.tries = 0;
            self.reschedule(now);
        }
        self
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
            .filter(|refund| refund.state != RefundState::Due)
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
        self.tries = 0;
        self.reschedule(now);
        self
    }

    /// Whether the reservation may be prolonged once more for a payment that starts now.
    pub fn can_start_attempt(&self, now: Timestamp) -> bool {
        now + LEAST_PAYMENT_PAGE <= self.reserved_until.max(self.placed_at + LONGEST_RESERVATION)
    }

    /// The provider opened the payment page of the last attempt, under its own name for it.
    #[must_use]
    pub fn attempt_opened(mut self, session_id: String) -> Self {
        if let Some(attempt) = &mut self.payment {
            attempt.state = AttemptState::Open { session_id };
        }
        self
    }

    /// The provider has no page for the last attempt, and never will.
    #[must_use]
    pub fn attempt_failed(mut self, now: Timestamp) -> Self {
        if let Some(attempt) = &mut self.payment {
            attempt.state = AttemptState::Failed;
        }
        self.tries = 0;
        self.reschedule(now);
        self
    }

    /// What is still to be done, most urgent first.
    pub fn work(&self) -> Vec<Work> {
        let mut work = Vec::new();
        match self.status {
            Status::Reserving => work.push(Work::Withdraw),
            Status::Placed if self.parked.is_some() => {}
            Status::Placed => {
                let started = self
                    .payment
                    .as_ref()
                    .is_some_and(|attempt| attempt.state != AttemptState::Failed);
                work.push(if started {
                    Work::AskProvider
                } else {
                    Work::CloseWindow
                });
            }
            Status::Paid => work.push(Work::Forward),
            _ => {}
        }
        if self.status.gives_stock_back() && self.held > 0 {
            work.push(Work::GiveStockBack);
        }
        if self.due_refund().is_some() {
            work.push(Work::Refund);
        }
        if self.status == Status::Withdrawn && work.is_empty() {
            work.push(Work::Remove);
        }
        work
    }

    /// In which line it waits while something is due.
    pub fn lane(&self) -> Lane {
        // A refund that is due beside it must not wait for the warehouse.
        if self.status == Status::Paid && self.due_refund().is_none() {
            Lane::Forwarding
        } else {
            Lane::Mending
        }
    }

    /// Nobody has paid yet, and the reservation goes on: nothing is to be done before its end.
    #[must_use]
    pub fn left_until_window_closes(mut self) -> Self {
        self.due_at = Some(self.reserved_until);
        self
    }

    /// A try at what is due did not succeed: the next one after a pause that doubles from try to try.
    #[must_use]
    pub fn retry_later(mut self, now: Timestamp) -> Self {
        let doubled = 2_i32.saturating_pow(self.tries.min(10));
        self.tries = self.tries.saturating_add(1);
        let mut next = now + (FIRST_BACKOFF * doubled).min(LONGEST_BACKOFF);
        if self.status == Status::Placed && now < self.reserved_until {
            next = next.min(self.reserved_until);
        }
        self.due_at = Some(next);
        self
    }

    /// The order was queued for the warehouse: look again if it has not arrived by then.
    #[must_use]
    pub fn queued(mut self, now: Timestamp) -> Self {
        self.due_at = Some(now + FORWARD_GRACE);
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
                self.tries = 0;
                self.reschedule(now);
                Ok(self)
            }
            Step::NoOp | Step::Contradicts => Err(Unmoved {
                status: self.status,
                event,
            }),
        }
    }

    /// When to ask for a payment that begins now. Where the first look is about to come anyway it is soon enough: another time would be two
    /// more writes, to the index of what is due.
    fn after_grace(&self, now: Timestamp) -> Timestamp {
        let soon = now + PAYMENT_GRACE..=now + FIRST_LOOK;
        self.due_at
            .filter(|due| soon.contains(due))
            .unwrap_or(now + PAYMENT_GRACE)
    }

    /// When to look again, now that what is to be done has changed.
    fn reschedule(&mut self, now: Timestamp) {
        self.due_at = self.work().first().map(|work| match work {
            Work::Withdraw => now + RESERVING_GRACE,
            Work::CloseWindow if self.payment.is_none() => now + FIRST_LOOK,
            Work::CloseWindow => self.reserved_until,
            Work::AskProvider => self.after_grace(now).min(self.reserved_until),
            Work::Forward if self.due_refund().is_none() => now + FORWARD_GRACE,
            Work::Forward | Work::GiveStockBack | Work::Refund | Work::Remove => now,
        });
    }
}
