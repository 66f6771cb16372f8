//! Paying an order.

use jiff::{SignedDuration, Timestamp};

use super::reservation::LONGEST_HOLD;
use crate::{Event, HistoryEntry, HistoryEvent, Money, Order, ParkedReason, RefundReason, Status};

/// The least time a payment page lives: Stripe's 30 minutes (`expires_at` of a Checkout Session), and one for the way there.
const LEAST_PAYMENT_PAGE: SignedDuration = SignedDuration::from_mins(31);

/// An attempt to pay. The provider's idempotency key follows from the order's id and the attempt's number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentAttempt {
    /// From 1.
    pub number: u32,
    /// When it was stored, before the provider was called.
    pub started_at: Timestamp,
    /// When its payment page ends, and with it the reservation.
    pub expires_at: Timestamp,
    /// How far it got.
    pub state: AttemptState,
}

/// How far an attempt to pay got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AttemptState {
    /// The provider was asked, or is about to be; its answer is not known.
    Opening,
    /// The provider opened a payment page. Its address is the provider's to tell: it is long, and whoever has it can pay.
    Open {
        /// The provider's name for the page.
        session_id: String,
    },
    /// The provider has no page for it, and never will.
    Failed,
}

/// A payment that the provider took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capture {
    /// The provider's name for it.
    pub payment_id: String,
    /// What was taken.
    pub amount: Money,
    /// When the shop heard of it.
    pub at: Timestamp,
}

/// Why an order cannot be paid now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PaymentRefused {
    /// It is paid, or has ended.
    #[error("the order is {}", .0.name())]
    NotPayable(Status),
    /// Its stock cannot be held long enough for a payment page: 45 minutes in all, and a page lives for half an hour at least.
    #[error("it is too late to open a payment page")]
    ReservationEnding,
}

/// What the provider tells of a payment, by a verified message or when asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportedPayment {
    /// The provider's name for it.
    pub payment_id: String,
    /// What was taken.
    pub amount: Money,
}

/// What a reported payment means for an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// It pays the order.
    Paid,
    /// It pays nothing and is to be given back.
    RefundDue,
    /// Its amount is not the order's: a human decides.
    Parked,
    /// It is known already: the order stays as it is.
    Known,
}

impl Order {
    /// What can be done for a shopper who wants to pay: the live page, the pending attempt, or a new one.
    ///
    /// # Errors
    /// [`PaymentRefused`] where the order cannot be paid (any more).
    pub fn attempt_for(self, now: Timestamp) -> Result<Self, PaymentRefused> {
        if self.0.status != Status::Placed || self.0.parked.is_some() {
            return Err(PaymentRefused::NotPayable(self.0.status));
        }
        let live = self
            .payment()
            .is_some_and(|attempt| attempt.state != AttemptState::Failed);
        match (live, now < self.0.reserved_until) {
            (true, true) => Ok(self),
            // The page's end is the reservation's: whether it was paid in its last second is for the provider to tell.
            (true, false) => Err(PaymentRefused::ReservationEnding),
            (false, _) if self.can_start_attempt(now) => Ok(self.start_attempt(now)),
            (false, _) => Err(PaymentRefused::ReservationEnding),
        }
    }

    /// A new attempt to pay, to be stored before the provider is called. The reservation ends with the payment page.
    #[must_use]
    pub fn start_attempt(mut self, now: Timestamp) -> Self {
        let number = self.payment().map_or(1, |last| last.number + 1);
        self.0.reserved_until = self.0.reserved_until.max(now + LEAST_PAYMENT_PAGE);
        self.0.payment = Some(PaymentAttempt {
            number,
            started_at: now,
            expires_at: self.0.reserved_until,
            state: AttemptState::Opening,
        });
        // Told once in a row: a provider that fails for hours must not grow the order without bound.
        let started = |last: &HistoryEntry| last.event == HistoryEvent::PaymentStarted;
        if !self.0.history.last().is_some_and(started) {
            self.note(HistoryEvent::PaymentStarted, now);
        }
        self.reschedule(now);
        self
    }

    /// Whether a payment page that opens now ends in time. An order that the release before placed keeps its longer reservation.
    pub fn can_start_attempt(&self, now: Timestamp) -> bool {
        now + LEAST_PAYMENT_PAGE <= self.0.reserved_until.max(self.0.placed_at + LONGEST_HOLD)
    }

    /// The provider opened the payment page of the last attempt, under its own name for it. Where another run took the attempt for failed
    /// meanwhile, the provider must be asked again before the order may expire.
    #[must_use]
    pub fn attempt_opened(mut self, session_id: String) -> Self {
        if let Some(attempt) = &mut self.0.payment {
            attempt.state = AttemptState::Open { session_id };
            let started_at = attempt.started_at;
            self.0.reserved_until = self.0.reserved_until.max(attempt.expires_at);
            self.reschedule(started_at);
        }
        self
    }

    /// The provider has no page for the last attempt, and never will.
    #[must_use]
    pub fn attempt_failed(mut self, now: Timestamp) -> Self {
        if let Some(attempt) = &mut self.0.payment {
            attempt.state = AttemptState::Failed;
        }
        self.hold_without_page(now);
        self.reschedule(now);
        self
    }

    /// Applies a payment that the provider reports, as often as it does.
    pub fn settle(self, report: ReportedPayment, now: Timestamp) -> (Self, Settlement) {
        // What went back before it was told of is a payment all the same, but nothing is owed for it.
        let is_back = self.was_taken_back(&report.payment_id);
        if self.knows_payment(&report.payment_id) && !is_back {
            return (self, Settlement::Known);
        }
        let ReportedPayment { payment_id, amount } = report;
        if amount != self.0.quote.total && self.0.parked.is_none() {
            let reason = ParkedReason::AmountDiffers {
                payment_id,
                captured: amount,
            };
            return (self.park(reason, now), Settlement::Parked);
        }
        let capture = Capture {
            payment_id,
            amount,
            at: now,
        };
        let reason = if amount != self.0.quote.total {
            RefundReason::AmountDiffers
        } else if self.0.capture.is_some() {
            RefundReason::PaidTwice
        } else if let Ok(mut order) = self.clone().on(Event::PaymentCaptured, now) {
            order.0.capture = Some(capture);
            order.reschedule(now);
            return (order, Settlement::Paid);
        } else {
            RefundReason::OrderEnded
        };
        if is_back {
            return (self, Settlement::Known);
        }
        (self.owe_refund(capture, reason, now), Settlement::RefundDue)
    }

    fn knows_payment(&self, payment_id: &str) -> bool {
        let parked = self.parked().is_some_and(|parked| {
            let ParkedReason::AmountDiffers { payment_id: own, .. } = &parked.reason;
            own == payment_id
        });
        let captured = self
            .capture()
            .is_some_and(|capture| capture.payment_id == payment_id);
        parked
            || captured
            || self
                .0
                .refunds
                .iter()
                .any(|refund| refund.payment_id == payment_id)
    }
}
