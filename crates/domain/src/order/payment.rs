//! Paying an order.

use jiff::{SignedDuration, Timestamp};

use super::reservation::LONGEST_HOLD;
use crate::{
    Event, HistoryEntry, HistoryEvent, Money, Order, Parked, ParkedReason, RefundReason, Reversal, Status,
    TakenBack,
};

/// The least time a payment page lives: Stripe's 30 minutes (`expires_at` of a Checkout Session), and one for the way there.
const LEAST_PAYMENT_PAGE: SignedDuration = SignedDuration::from_mins(31);

/// A payment may be on its way for so long: the 14 business days that a SEPA direct debit may take
/// (docs.stripe.com/payments/sepa-debit), which are 18 days and up to three holidays.
const LONGEST_PENDING: SignedDuration = SignedDuration::from_hours(21 * 24);

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
    /// Its payment page has ended, perhaps paid in its last second: that is for the provider to tell.
    #[error("its payment page has ended")]
    PageEnded,
}

/// What the provider tells of a payment, by a verified message or when asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportedPayment {
    /// The provider's name for it.
    pub payment_id: String,
    /// What was taken.
    pub amount: Money,
}

/// A payment that confirms in days, as the provider tells of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DelayedPayment {
    /// The number of the attempt to pay that it is of.
    pub attempt: u32,
    /// The provider's name for its page.
    pub session_id: String,
    /// The payment: what is, or was, on its way.
    pub payment: ReportedPayment,
    /// Whether the page offered a method that confirms in days.
    pub was_offered: bool,
}

/// What a reported payment means for an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// It pays the order.
    Paid,
    /// It is on its way, and may pay the order.
    Pending,
    /// It failed on its way, and the order is cancelled.
    Cancelled,
    /// It failed, and had set the order aside, which goes on.
    Resumed,
    /// It pays nothing and is to be given back.
    RefundDue,
    /// It is not what was agreed: a human decides.
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
            // The page's end is the reservation's.
            (true, false) => Err(PaymentRefused::PageEnded),
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
        let (order, _) = self.without_delay(&report.payment_id, now);
        let ReportedPayment { payment_id, amount } = report;
        if amount != order.0.quote.total && order.0.parked.is_none() {
            let reason = ParkedReason::AmountDiffers {
                payment_id,
                captured: amount,
            };
            return (order.park(reason, now), Settlement::Parked);
        }
        let capture = Capture {
            payment_id,
            amount,
            at: now,
        };
        let reason = if amount != order.0.quote.total {
            RefundReason::AmountDiffers
        } else if order.0.capture.is_some() {
            RefundReason::PaidTwice
        } else if let Ok(mut paid) = order.clone().on(Event::PaymentCaptured, now) {
            paid.0.capture = Some(capture);
            paid.reschedule(now);
            return (paid, Settlement::Paid);
        } else {
            RefundReason::OrderEnded
        };
        if is_back {
            return (order, Settlement::Known);
        }
        (order.owe_refund(capture, reason, now), Settlement::RefundDue)
    }

    /// Notes that a payment is on its way, as often as the provider tells. Stock stays held until it arrives or fails. After some weeks a human is
    /// asked: given up, the order would be paid all the same by money that comes unheard of.
    pub fn payment_delayed(self, delayed: DelayedPayment, now: Timestamp) -> (Self, Settlement) {
        let is_late = self.0.status == Status::PaymentPending && now >= self.0.reserved_until;
        let is_news = is_late || self.0.status == Status::Placed;
        if !is_news || self.0.parked.is_some() {
            return (self, Settlement::Known);
        }
        let DelayedPayment {
            attempt,
            session_id,
            payment: ReportedPayment { payment_id, amount },
            was_offered,
        } = delayed;
        if is_late || !was_offered {
            let reason = ParkedReason::Delayed { payment_id, amount };
            return (self.park(reason, now), Settlement::Parked);
        }
        let Ok(mut order) = self.clone().on(Event::PaymentDelayed, now) else {
            return (self, Settlement::Known);
        };
        order.0.reserved_until = now + LONGEST_PENDING;
        // From now on this attempt is the one to ask for, whatever was begun since.
        let started_at = order.payment().map_or(now, |last| last.started_at);
        order.0.payment = Some(PaymentAttempt {
            number: attempt,
            started_at,
            expires_at: self.0.reserved_until,
            state: AttemptState::Open { session_id },
        });
        (order.payment_seen_open(now), Settlement::Pending)
    }

    /// Notes that a payment failed on its way, as often as the provider tells: the order is cancelled, unless another attempt goes on. Where the
    /// provider had told that this very payment was taken, the order is kept from the warehouse.
    pub fn payment_failed(self, failed: DelayedPayment, now: Timestamp) -> (Self, Settlement) {
        let paid_by = self.capture().map(|capture| &capture.payment_id);
        if paid_by == Some(&failed.payment.payment_id) {
            return match self.clone().taken_back(failed.payment, TakenBack::Failed, now) {
                Reversal::Stopped(order) | Reversal::TooLate(order) => (order, Settlement::Parked),
                Reversal::Known(_) | Reversal::Noted(_) | Reversal::TooEarly => (self, Settlement::Known),
            };
        }
        let (order, is_resumed) = self.without_delay(&failed.payment.payment_id, now);
        let is_last = order.payment().is_some_and(|last| last.number == failed.attempt);
        let mut cancelled = order.clone();
        cancelled.note(HistoryEvent::PaymentFailed, now);
        match cancelled.on(Event::PaymentFailed, now) {
            Ok(cancelled) if is_last && order.0.parked.is_none() => (cancelled, Settlement::Cancelled),
            _ if is_resumed => (order, Settlement::Resumed),
            _ => (order, Settlement::Known),
        }
    }

    /// The order, set aside no more by that payment's delay, and whether it was.
    fn without_delay(mut self, payment_id: &str, now: Timestamp) -> (Self, bool) {
        let own = |parked: &Parked| matches!(&parked.reason, ParkedReason::Delayed { payment_id: own, .. } if own == payment_id);
        let was_set_aside = self.0.parked.as_ref().is_some_and(own);
        if was_set_aside {
            self.0.parked = None;
            self.reschedule(now);
        }
        (self, was_set_aside)
    }

    fn knows_payment(&self, payment_id: &str) -> bool {
        let parked = self.parked().is_some_and(|parked| match &parked.reason {
            ParkedReason::AmountDiffers { payment_id: own, .. } => own == payment_id,
            ParkedReason::Delayed { .. } => false,
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
