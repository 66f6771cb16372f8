//! Applying what the payment provider tells.

use domain::{DelayedPayment, Order, OrderId, ReportedPayment, Reversal, Settlement, Status, TakenBack};
use jiff::Timestamp;

use crate::jobs::give_stock_back;
use crate::ports::{
    Cause, Clock, Committed, MAX_CONFLICT_RETRIES, OrderQueue, Orders, PaymentProvider, StoreError,
};

/// A verified message of the provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PaymentNotice {
    /// A payment was taken for an order.
    Captured {
        /// Which order.
        order: OrderId,
        /// The payment.
        payment: ReportedPayment,
    },
    /// The shopper paid by a method that confirms in days.
    Delayed {
        /// Which order.
        order: OrderId,
        /// The payment.
        delayed: DelayedPayment,
    },
    /// A payment that was on its way did not arrive.
    Failed {
        /// Which order.
        order: OrderId,
        /// The payment.
        failed: DelayedPayment,
    },
    /// The payment page of an attempt ended unpaid.
    SessionExpired {
        /// Which order.
        order: OrderId,
        /// The attempt's number.
        attempt: u32,
    },
    /// A payment went back, by the shop's own refund or without the shop.
    TakenBack {
        /// Which order.
        order: OrderId,
        /// The payment.
        payment: ReportedPayment,
        /// How it went back.
        how: TakenBack,
    },
}

impl PaymentNotice {
    /// The order that the message is about.
    pub fn order(&self) -> OrderId {
        match self {
            Self::Captured { order, .. }
            | Self::Delayed { order, .. }
            | Self::Failed { order, .. }
            | Self::SessionExpired { order, .. }
            | Self::TakenBack { order, .. } => *order,
        }
    }
}

/// What a message did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// The order is paid now.
    Paid,
    /// A payment for the order is on its way.
    Pending,
    /// The payment failed, and the order is cancelled now.
    Cancelled,
    /// The order has expired now.
    Expired,
    /// The money will be given back.
    RefundDue,
    /// The order waits for a human.
    Parked,
    /// Nothing that was not known.
    Known,
}

/// Why a message was not applied: it must come again.
#[derive(Debug, thiserror::Error)]
pub enum SettleError {
    /// The order is not there (yet).
    #[error("there is no such order")]
    UnknownOrder,
    /// The provider did not tell which order it is about.
    #[error("the payment provider did not say which order the payment is for")]
    Provider(#[source] Cause),
    /// The order could not be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The message that `payment` is disputed, of which only the provider knows the order; `None` where it is not this shop's.
///
/// # Errors
/// [`SettleError::Provider`].
pub async fn dispute_notice(
    provider: &impl PaymentProvider,
    payment: ReportedPayment,
) -> Result<Option<PaymentNotice>, SettleError> {
    let order = provider.order_of(&payment.payment_id).await;
    let order = order.map_err(SettleError::Provider)?;
    let how = TakenBack::Disputed;
    Ok(order.map(|order| PaymentNotice::TakenBack { order, payment, how }))
}

/// Applies a message, however often and in whatever order it comes, and queues a paid order for the warehouse.
///
/// # Errors
/// [`SettleError`].
pub async fn settle_payment(
    orders: &impl Orders,
    queue: &impl OrderQueue,
    clock: &impl Clock,
    notice: PaymentNotice,
) -> Result<Settled, SettleError> {
    let order = orders
        .get(notice.order())
        .await?
        .ok_or(SettleError::UnknownOrder)?;
    let settled = match notice {
        PaymentNotice::Captured { payment, .. } => {
            apply_payment(orders, queue, clock, order, payment).await?
        }
        PaymentNotice::Delayed { delayed, .. } => apply_delay(orders, queue, clock, order, delayed).await?,
        PaymentNotice::Failed { failed, .. } => apply_failure(orders, queue, clock, order, failed).await?,
        PaymentNotice::SessionExpired { attempt, .. } => {
            let own = order.payment().is_some_and(|last| last.number == attempt);
            // A page on which a payment is on its way does not end.
            if own && order.status() == Status::Placed {
                close_window(orders, clock, order).await?
            } else {
                Settled::Known
            }
        }
        PaymentNotice::TakenBack { payment, how, .. } => {
            apply_reversal(orders, clock, order, &payment, &how).await?
        }
    };
    Ok(settled)
}

/// Notes that a payment went back without the shop. What the warehouse does not have yet is not sent any more.
async fn apply_reversal(
    orders: &impl Orders,
    clock: &impl Clock,
    mut order: Order,
    payment: &ReportedPayment,
    how: &TakenBack,
) -> Result<Settled, StoreError> {
    for _ in 0..MAX_CONFLICT_RETRIES {
        let now = clock.now();
        let (next, what) = match order.taken_back(payment.clone(), how.clone(), now) {
            Reversal::Known(_) => return Ok(Settled::Known),
            // The event comes again.
            Reversal::TooEarly => return Err(StoreError::Busy),
            Reversal::Noted(next) => (next, "is noted"),
            Reversal::Stopped(next) => (next, "keeps the order from the warehouse"),
            Reversal::TooLate(next) => (next, "comes after the order went to the warehouse"),
        };
        match orders.commit(next, Vec::new()).await? {
            Committed::Done(stored) if stored.needs_human() || stored.is_taken_back() => {
                tracing::error!(order.id = %stored.id(), what, "a payment went back without the shop; a human must decide");
                return Ok(Settled::Parked);
            }
            Committed::Done(stored) => {
                tracing::info!(order.id = %stored.id(), what, "a payment went back without the shop");
                return Ok(Settled::Known);
            }
            Committed::Conflict(Some(current)) => order = *current,
            Committed::Conflict(None) | Committed::OutOfStock(_) => return Err(StoreError::Busy),
        }
    }
    Err(StoreError::Busy)
}

/// Applies a payment to an order that was just read.
pub(crate) async fn apply_payment(
    orders: &impl Orders,
    queue: &impl OrderQueue,
    clock: &impl Clock,
    order: Order,
    payment: ReportedPayment,
) -> Result<Settled, StoreError> {
    let settle = move |order: Order, now| order.settle(payment.clone(), now);
    apply(orders, queue, clock, order, settle).await
}

/// Applies that a payment is on its way to an order that was just read.
pub(crate) async fn apply_delay(
    orders: &impl Orders,
    queue: &impl OrderQueue,
    clock: &impl Clock,
    order: Order,
    delayed: DelayedPayment,
) -> Result<Settled, StoreError> {
    let delay = move |order: Order, now| order.payment_delayed(delayed.clone(), now);
    apply(orders, queue, clock, order, delay).await
}

/// Applies that a payment failed on its way to an order that was just read.
pub(crate) async fn apply_failure(
    orders: &impl Orders,
    queue: &impl OrderQueue,
    clock: &impl Clock,
    order: Order,
    failed: DelayedPayment,
) -> Result<Settled, StoreError> {
    let fail = move |order: Order, now| order.payment_failed(failed.clone(), now);
    apply(orders, queue, clock, order, fail).await
}

async fn apply(
    orders: &impl Orders,
    queue: &impl OrderQueue,
    clock: &impl Clock,
    mut order: Order,
    news: impl Fn(Order, Timestamp) -> (Order, Settlement),
) -> Result<Settled, StoreError> {
    for _ in 0..MAX_CONFLICT_RETRIES {
        let now = clock.now();
        let (mut next, settlement) = news(order, now);
        let mut stock = Vec::new();
        let settled = match settlement {
            // It went back before it was told of.
            Settlement::Paid if next.is_taken_back() => Settled::Parked,
            Settlement::Paid => Settled::Paid,
            Settlement::Pending => Settled::Pending,
            Settlement::Cancelled => {
                (next, stock) = next.give_back_step(now);
                Settled::Cancelled
            }
            Settlement::RefundDue => Settled::RefundDue,
            Settlement::Parked => Settled::Parked,
            Settlement::Resumed => Settled::Known,
            Settlement::Known => {
                // Perhaps the run that knew it died before it queued the order.
                if next.status() == Status::Paid {
                    enqueue(queue, next.id()).await;
                }
                return Ok(Settled::Known);
            }
        };
        match orders.commit(next, stock).await? {
            Committed::Done(stored) => {
                match settled {
                    Settled::Paid => enqueue(queue, stored.id()).await,
                    Settled::Cancelled => give_stock_back(orders, clock, stored).await?,
                    Settled::Parked => tracing::error!(
                        order.id = %stored.id(),
                        "a payment is not what was agreed, or has gone back; a human must decide"
                    ),
                    Settled::Pending | Settled::Expired | Settled::RefundDue | Settled::Known => {}
                }
                return Ok(settled);
            }
            Committed::Conflict(Some(current)) => order = *current,
            Committed::Conflict(None) | Committed::OutOfStock(_) => return Err(StoreError::Busy),
        }
    }
    Err(StoreError::Busy)
}

/// Expires an unpaid order whose payment page has certainly ended, and gives its stock back. Where another run has written
/// meanwhile, perhaps a new attempt to pay, the order is left as it is: it stays due.
pub(crate) async fn close_window(
    orders: &impl Orders,
    clock: &impl Clock,
    order: Order,
) -> Result<Settled, StoreError> {
    let now = clock.now();
    if order.parked().is_some() {
        return Ok(Settled::Known);
    }
    let Ok(expired) = order.expire(now) else {
        return Ok(Settled::Known);
    };
    let (expired, stock) = expired.give_back_step(now);
    match orders.commit(expired, stock).await? {
        Committed::Done(stored) => {
            give_stock_back(orders, clock, stored).await?;
            Ok(Settled::Expired)
        }
        Committed::Conflict(_) | Committed::OutOfStock(_) => Ok(Settled::Known),
    }
}

/// The order is stored as due: where the queue fails, the reconciler queues it.
async fn enqueue(queue: &impl OrderQueue, id: OrderId) {
    if let Err(error) = queue.send(id).await {
        tracing::warn!(order.id = %id, error = %error, cause = %error.0, "a paid order could not be queued; the reconciler will");
    }
}
