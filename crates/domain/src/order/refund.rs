//! Giving payments back.

use jiff::Timestamp;

use crate::{Capture, HistoryEvent, JobKind, Money, Order};

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

impl Order {
    /// Notes that `capture` is to be given back.
    pub(crate) fn owe_refund(mut self, capture: Capture, reason: RefundReason, now: Timestamp) -> Self {
        let Capture {
            payment_id, amount, ..
        } = capture;
        self.0.refunds.push(Refund {
            payment_id,
            amount,
            reason,
            state: RefundState::Due,
        });
        self.note(HistoryEvent::RefundDue, now);
        self.reschedule(now);
        self
    }

    /// The next payment to be given back.
    pub fn due_refund(&self) -> Option<&Refund> {
        self.0
            .refunds
            .iter()
            .find(|refund| refund.state == RefundState::Due)
    }

    /// The provider gave `payment_id` back, under its own name for the refund.
    #[must_use]
    pub fn refunded(mut self, payment_id: &str, refund_id: String, now: Timestamp) -> Self {
        let due = |refund: &&mut Refund| refund.payment_id == payment_id && refund.state == RefundState::Due;
        if let Some(refund) = self.0.refunds.iter_mut().find(due) {
            refund.state = RefundState::Done { refund_id };
            self.note(HistoryEvent::Refunded, now);
            self.finish_job(&JobKind::Refund);
            self.reschedule(now);
        }
        self
    }

    /// The provider will never give `payment_id` back: a human decides. The order goes on as if nothing were due for it.
    #[must_use]
    pub fn refund_refused(mut self, payment_id: &str, reason: String, now: Timestamp) -> Self {
        let due = |refund: &&mut Refund| refund.payment_id == payment_id && refund.state == RefundState::Due;
        if let Some(refund) = self.0.refunds.iter_mut().find(due) {
            refund.state = RefundState::Refused { reason };
            self.finish_job(&JobKind::Refund);
            self.reschedule(now);
        }
        self
    }

    /// All that was given back so far, in the order's currency.
    pub fn total_refunded(&self) -> Money {
        let done = self
            .0
            .refunds
            .iter()
            .filter(|refund| matches!(refund.state, RefundState::Done { .. }))
            .map(|refund| refund.amount)
            .filter(|amount| amount.currency() == self.0.quote.total.currency());
        Money::sum(self.0.quote.total.currency(), done).unwrap_or(self.0.quote.total)
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
