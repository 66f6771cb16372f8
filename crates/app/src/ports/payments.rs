use std::future::Future;

use domain::{DelayedPayment, Order, OrderId, PaymentAttempt, Refund, ReportedPayment};

use super::Cause;

/// A payment page at the provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentSession {
    /// The provider's name for it.
    pub id: String,
    /// Where the shopper pays.
    pub redirect_url: String,
}

/// What became of asking for a payment page.
#[derive(Debug)]
pub enum Opened {
    /// The page is open.
    Open(PaymentSession),
    /// Nobody has a page for this attempt, or will get one: the next attempt may.
    Failed(Cause),
    /// The provider takes no payment for this order: neither by this attempt nor by another.
    Refused(Cause),
    /// There may be a page.
    Unknown(Cause),
}

/// How an attempt to pay stands at the provider.
#[derive(Debug)]
pub enum SessionState {
    /// Paid.
    Paid(ReportedPayment),
    /// The page waits for the shopper.
    Open {
        /// The provider's name for the page.
        session_id: String,
    },
    /// The shopper is done, and the payment on its way.
    Delayed(DelayedPayment),
    /// The payment that was on its way did not arrive.
    Failed(DelayedPayment),
    /// The page was closed or ran out unpaid.
    Expired,
    /// The provider never opened a page for this attempt.
    Absent,
    /// No usable answer.
    Unknown(Cause),
}

/// What became of giving a payment back.
#[derive(Debug)]
pub enum RefundOutcome {
    /// Given back, now or before.
    Done {
        /// The provider's name for the refund.
        refund_id: String,
    },
    /// The provider will not now: later it may.
    Refused(Cause),
    /// The provider never will: trying again changes nothing.
    RefusedForGood(Cause),
    /// It may have been given back.
    Unknown(Cause),
}

/// The payment provider. Every call may be repeated: it has one effect at most.
pub trait PaymentProvider: Sync {
    /// Opens the payment page of `attempt`, which is stored already. MUST answer with the same page for the same attempt. Where the provider
    /// keeps a failure as its answer for this attempt, MUST look for the page, and answer [`Opened::Failed`] where it finds none.
    fn open(&self, order: &Order, attempt: &PaymentAttempt) -> impl Future<Output = Opened> + Send;

    /// Looks how `attempt` stands, whether or not its page's name is known.
    fn look_up(&self, order: OrderId, attempt: &PaymentAttempt) -> impl Future<Output = SessionState> + Send;

    /// Closes a page, so that it cannot be paid any more. MUST answer [`SessionState::Expired`] only if that is certain, and
    /// [`SessionState::Paid`] or [`SessionState::Delayed`] where the shopper was quicker.
    fn close(&self, session_id: &str) -> impl Future<Output = SessionState> + Send;

    /// The order that a payment is for; `None` where it is not this shop's.
    fn order_of(&self, payment_id: &str) -> impl Future<Output = Result<Option<OrderId>, Cause>> + Send;

    /// Gives `refund` back in full. With `tried_before` MUST look for an earlier success first, and then MUST get past a failure that the provider
    /// keeps as its answer.
    fn refund(
        &self,
        order: OrderId,
        refund: &Refund,
        tried_before: bool,
    ) -> impl Future<Output = RefundOutcome> + Send;
}
