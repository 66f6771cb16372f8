//! Giving payments back.

use jiff::Timestamp;

use crate::{Capture, HistoryEvent, JobKind, Money, Order, ReportedPayment, Status};

/// A payment that is given back in full, or was by others. Where the shop does it, its idempotency key at the provider follows from `payment_id`.
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
    /// Somebody gave it back at the provider, in its dashboard.
    MadeElsewhere,
    /// The shopper's bank claims it back, at the provider.
    Disputed,
    /// A reason of a newer release, by its name.
    Unknown(String),
}

/// How a payment went back without the shop, as the provider tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TakenBack {
    /// Given back in full, in the provider's dashboard perhaps. The shop's own refunds are told of, too.
    Refunded,
    /// Disputed by the shopper.
    Disputed,
    /// The payment failed after the provider had told that it was taken.
    Failed,
    /// A refund of the shop's own that was on its way failed.
    RefundFailed {
        /// The provider's name for the refund.
        refund_id: String,
        /// Why, for operators.
        reason: String,
    },
}

/// What it means for an order that a payment went back without the shop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reversal {
    /// Nothing that was not known.
    Known(Order),
    /// A refund failed of which the shop does not know yet that it was made: to be told again.
    TooEarly,
    /// It is noted, and the order goes on as it would have.
    Noted(Order),
    /// The order is not sent to the warehouse any more: a human decides.
    Stopped(Order),
    /// The warehouse has the order already: a human decides.
    TooLate(Order),
}

impl RefundReason {
    /// Every reason that this release gives.
    pub const KNOWN: [Self; 6] = [
        Self::OrderEnded,
        Self::PaidTwice,
        Self::RejectedByWarehouse,
        Self::AmountDiffers,
        Self::MadeElsewhere,
        Self::Disputed,
    ];

    /// The reason's stable name, as stored and logged.
    pub fn name(&self) -> &str {
        match self {
            Self::OrderEnded => "order_ended",
            Self::PaidTwice => "paid_twice",
            Self::RejectedByWarehouse => "rejected_by_warehouse",
            Self::AmountDiffers => "amount_differs",
            Self::MadeElsewhere => "made_elsewhere",
            Self::Disputed => "disputed",
            Self::Unknown(name) => name,
        }
    }

    /// The reason of that name.
    pub fn of_name(name: &str) -> Self {
        let known = Self::KNOWN.into_iter().find(|reason| reason.name() == name);
        known.unwrap_or_else(|| Self::Unknown(name.to_owned()))
    }
}

/// The name of a refund of which the shop knows only that it was made.
const BY_HAND: &str = "made_elsewhere";

fn done_by_hand() -> RefundState {
    RefundState::Done {
        refund_id: BY_HAND.to_owned(),
    }
}

impl Order {
    /// Notes that `capture` is to be given back.
    pub(crate) fn owe_refund(mut self, capture: Capture, reason: RefundReason, now: Timestamp) -> Self {
        let Capture {
            payment_id, amount, ..
        } = capture;
        if self.was_taken_back(&payment_id) {
            return self;
        }
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

    /// Notes that `payment` went back without the shop, as often as it is told. A refund of the shop's own, of which the provider tells like of
    /// any other, is known. One that failed after all stays with a human: late news of it would look like a refund by hand.
    pub fn taken_back(mut self, payment: ReportedPayment, how: TakenBack, now: Timestamp) -> Reversal {
        let ReportedPayment { payment_id, amount } = payment;
        let was_refunded = self
            .0
            .history
            .iter()
            .any(|entry| entry.event == HistoryEvent::Refunded);
        let known = self
            .0
            .refunds
            .iter_mut()
            .find(|refund| refund.payment_id == payment_id);
        let (reason, state) = match (known.map(|refund| &mut refund.state), how) {
            (Some(state @ RefundState::Refused { .. }), TakenBack::Refunded) if !was_refunded => {
                *state = done_by_hand();
                self.note(HistoryEvent::Refunded, now);
                return Reversal::Noted(self);
            }
            (Some(RefundState::Due), TakenBack::RefundFailed { .. }) => return Reversal::TooEarly,
            (Some(state), TakenBack::RefundFailed { refund_id, reason }) if matches!(&*state, RefundState::Done { refund_id: own } if *own == refund_id) =>
            {
                *state = RefundState::Refused { reason };
                return Reversal::Noted(self);
            }
            (Some(_), _) | (None, TakenBack::RefundFailed { .. }) => return Reversal::Known(self),
            (None, TakenBack::Refunded) => {
                self.note(HistoryEvent::Refunded, now);
                (RefundReason::MadeElsewhere, done_by_hand())
            }
            (None, TakenBack::Disputed) => {
                self.note(HistoryEvent::Disputed, now);
                let reason = "the shopper's bank claims the payment back".to_owned();
                (RefundReason::Disputed, RefundState::Refused { reason })
            }
            (None, TakenBack::Failed) => {
                self.note(HistoryEvent::PaymentFailed, now);
                let reason = "the payment failed after the provider had confirmed it".to_owned();
                (RefundReason::MadeElsewhere, RefundState::Refused { reason })
            }
        };
        self.0.refunds.push(Refund {
            payment_id,
            amount,
            reason,
            state,
        });
        self.reschedule(now);
        match self.0.status {
            _ if !self.is_taken_back() => Reversal::Noted(self),
            Status::Paid => Reversal::Stopped(self),
            _ => Reversal::TooLate(self),
        }
    }

    /// Whether the payment that paid it went back without the shop: it must not be sent to the warehouse.
    pub fn is_taken_back(&self) -> bool {
        let paid = self.capture();
        paid.is_some_and(|capture| self.was_taken_back(&capture.payment_id))
    }

    /// Whether that payment went back without the shop.
    pub(crate) fn was_taken_back(&self, payment_id: &str) -> bool {
        let elsewhere = |refund: &Refund| {
            let elsewhere = matches!(
                refund.reason,
                RefundReason::MadeElsewhere | RefundReason::Disputed
            );
            elsewhere && refund.payment_id == payment_id
        };
        self.0.refunds.iter().any(elsewhere)
    }

    /// The next payment to be given back: after a failed try another one, where there are several. Not one that went back without the shop,
    /// which the release before may have added.
    pub fn due_refund(&self) -> Option<&Refund> {
        let due =
            |refund: &&Refund| refund.state == RefundState::Due && !self.was_taken_back(&refund.payment_id);
        let due: Vec<_> = self.0.refunds.iter().filter(due).collect();
        let tries = usize::try_from(self.tries(&JobKind::Refund)).unwrap_or_default();
        due.get(tries.checked_rem(due.len())?).copied()
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
                "amount_differs",
                "made_elsewhere",
                "disputed"
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
