//! Paying an order, and giving payments back.

use jiff::Timestamp;

use crate::{Event, Money, Order, ParkedReason, Status};

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

/// A payment to be given back in full; its idempotency key at the provider follows from `payment_id`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refund {
    /// The provider's name for the payment.
    pub payment_id: String,
    /// What was taken.
    pub amount: Money,
    /// Why it is given back.
    pub reason: RefundReason,
    /// How far it got.
    pub state: RefundState,
}

/// How far a refund got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefundState {
    /// To be done.
    Due,
    /// Done, under the provider's name for the refund.
    Done {
        /// The provider's name for it.
        refund_id: String,
    },
    /// The provider will never do it: a human decides.
    Refused {
        /// What the provider said, for operators.
        reason: String,
    },
}

/// Why a payment is given back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefundReason {
    /// The order had ended before the money came.
    OrderEnded,
    /// The order was paid already.
    PaidTwice,
    /// The warehouse refused the order for good.
    RejectedByWarehouse,
    /// Another amount than was agreed, and the order is set aside for one such payment already.
    AmountDiffers,
    /// A reason of a newer release, by its name.
    Unknown(String),
}

impl RefundReason {
    /// Every reason that this release gives.
    pub const KNOWN: [Self; 4] = [
        Self::OrderEnded,
        Self::PaidTwice,
        Self::RejectedByWarehouse,
        Self::AmountDiffers,
    ];

    /// The reason's stable name, as stored and logged.
    pub fn name(&self) -> &str {
        match self {
            Self::OrderEnded => "order_ended",
            Self::PaidTwice => "paid_twice",
            Self::RejectedByWarehouse => "rejected_by_warehouse",
            Self::AmountDiffers => "amount_differs",
            Self::Unknown(name) => name,
        }
    }

    /// The reason of that name.
    pub fn of_name(name: &str) -> Self {
        let known = Self::KNOWN.into_iter().find(|reason| reason.name() == name);
        known.unwrap_or_else(|| Self::Unknown(name.to_owned()))
    }
}

/// Why an order cannot be paid now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PaymentRefused {
    /// It is paid, or has ended.
    #[error("the order is {}", .0.name())]
    NotPayable(Status),
    /// Its stock cannot be held long enough for a payment.
    #[error("the order's reservation is about to end")]
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// It pays the order.
    Paid(Order),
    /// It pays nothing and is to be given back.
    RefundDue(Order),
    /// Its amount is not the order's: a human decides.
    Parked(Order),
    /// It is known already.
    Known(Order),
}

impl Order {
    /// What can be done for a shopper who wants to pay: the live page, the pending attempt, or a new one.
    ///
    /// # Errors
    /// [`PaymentRefused`] where the order cannot be paid (any more).
    pub fn attempt_for(self, now: Timestamp) -> Result<Self, PaymentRefused> {
        if self.status != Status::Placed || self.parked.is_some() {
            return Err(PaymentRefused::NotPayable(self.status));
        }
        let live = self
            .payment
            .as_ref()
            .is_some_and(|attempt| attempt.state != AttemptState::Failed);
        match (live, now < self.reserved_until) {
            (true, true) => Ok(self),
            // The page's end is the reservation's: whether it was paid in its last second is for the provider to tell.
            (true, false) => Err(PaymentRefused::ReservationEnding),
            (false, _) if self.can_start_attempt(now) => Ok(self.start_attempt(now)),
            (false, _) => Err(PaymentRefused::ReservationEnding),
        }
    }

    /// Applies a payment that the provider reports, as often as it does.
    pub fn settle(self, report: ReportedPayment, now: Timestamp) -> Settlement {
        if self.knows_payment(&report.payment_id) {
            return Settlement::Known(self);
        }
        let ReportedPayment { payment_id, amount } = report;
        if amount != self.quote.total && self.parked.is_none() {
            let reason = ParkedReason::AmountDiffers {
                payment_id,
                captured: amount,
            };
            return Settlement::Parked(self.park(reason, now));
        }
        let capture = Capture {
            payment_id,
            amount,
            at: now,
        };
        if amount != self.quote.total {
            return Settlement::RefundDue(self.owing(capture, RefundReason::AmountDiffers, now));
        }
        if self.capture.is_some() {
            return Settlement::RefundDue(self.owing(capture, RefundReason::PaidTwice, now));
        }
        match self.clone().on(Event::PaymentCaptured, now) {
            Ok(mut order) => {
                order.capture = Some(capture);
                Settlement::Paid(order)
            }
            Err(_) => Settlement::RefundDue(self.owing(capture, RefundReason::OrderEnded, now)),
        }
    }

    fn owing(mut self, capture: Capture, reason: RefundReason, now: Timestamp) -> Self {
        self.owe_refund(capture, reason, now);
        self
    }

    fn knows_payment(&self, payment_id: &str) -> bool {
        let parked = self.parked.as_ref().is_some_and(|parked| {
            let ParkedReason::AmountDiffers { payment_id: own, .. } = &parked.reason;
            own == payment_id
        });
        let captured = self
            .capture
            .as_ref()
            .is_some_and(|capture| capture.payment_id == payment_id);
        parked || captured || self.refunds.iter().any(|refund| refund.payment_id == payment_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn why_a_payment_is_given_back_is_found_by_its_stable_name() {
        let known = RefundReason::KNOWN;
        let names: Vec<_> = known.iter().map(RefundReason::name).collect();
        assert_eq!(
            names,
            [
                "order_ended",
                "paid_twice",
                "rejected_by_warehouse",
                "amount_differs"
            ]
        );
        assert!(
            known
                .iter()
                .all(|reason| RefundReason::of_name(reason.name()) == *reason)
        );
        assert_eq!(RefundReason::of_name("unheard-of").name(), "unheard-of");
    }
}
