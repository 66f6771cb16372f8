//! Mending whatever was left half done.

use std::collections::HashSet;

use domain::{Order, OrderId, PaymentAttempt, Work};
use jiff::Timestamp;

use crate::ports::{
    Clock, Committed, OrderQueue, Orders, PaymentProvider, RefundOutcome, SessionState, StoreError,
};
use crate::release_stock::release_stock;
use crate::settle_payment::{apply_payment, close_window};

/// How many due orders are read at once.
const PAGE: usize = 100;

/// What a run did, in numbers of orders.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reconciled {
    /// Looked at.
    pub examined: u32,
    /// Of those, left as they are for now: an outside system did not answer, or another run was at it.
    pub failed: u32,
}

/// Looks at every due order and does what is due, until none is left or `until` has come. Any number of runs may overlap.
///
/// # Errors
/// [`StoreError`] where the due orders cannot be listed. What fails for one order is logged and does not stop the others.
pub async fn reconcile(
    orders: &impl Orders,
    queue: &impl OrderQueue,
    provider: &impl PaymentProvider,
    clock: &impl Clock,
    until: Timestamp,
) -> Result<Reconciled, StoreError> {
    let mut report = Reconciled::default();
    let mut seen = HashSet::new();
    loop {
        let due: Vec<OrderId> = orders.due(clock.now(), PAGE + seen.len()).await?;
        let fresh: Vec<OrderId> = due.into_iter().filter(|id| seen.insert(*id)).collect();
        if fresh.is_empty() {
            return Ok(report);
        }
        for id in fresh {
            if clock.now() >= until {
                return Ok(report);
            }
            report.examined += 1;
            if let Err(error) = mend(orders, queue, provider, clock, id).await {
                report.failed += 1;
                // Only what is meant to be read: the debug form of a cause may hold a whole answer of the store.
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                tracing::error!(order.id = %id, error = %error, cause = cause.as_deref(), "a due order could not be mended; it stays due");
            }
        }
    }
}

/// Does what is most urgent for one order, if it is still due. What is left stays due for the next run.
async fn mend(
    orders: &impl Orders,
    queue: &impl OrderQueue,
    provider: &impl PaymentProvider,
    clock: &impl Clock,
    id: OrderId,
) -> Result<(), StoreError> {
    let Some(order) = orders.get(id).await? else {
        return Ok(());
    };
    if order.due_at.is_none_or(|due| due > clock.now()) {
        return Ok(());
    }
    for work in order.work() {
        match work {
            Work::Withdraw => return withdraw(orders, clock, order).await,
            Work::CloseWindow => return close_window(orders, clock, order).await.map(drop),
            Work::AskProvider => return ask_provider(orders, queue, provider, clock, order).await,
            Work::GiveStockBack | Work::Remove => return release_stock(orders, clock, order).await,
            Work::Refund => return refund(orders, provider, clock, order).await,
            // A refund that is due beside it must not wait for the warehouse.
            Work::Forward if order.due_refund().is_some() => {}
            Work::Forward => return requeue(orders, queue, clock, order).await,
        }
    }
    Ok(())
}

async fn withdraw(orders: &impl Orders, clock: &impl Clock, order: Order) -> Result<(), StoreError> {
    let now = clock.now();
    let Ok(withdrawn) = order.withdraw(now) else {
        return Ok(());
    };
    let (withdrawn, stock) = withdrawn.give_back_step(now);
    match orders.commit(withdrawn, stock).await? {
        Committed::Done(stored) => release_stock(orders, clock, stored).await,
        Committed::Conflict(_) | Committed::Short(_) => Ok(()),
    }
}

async fn ask_provider(
    orders: &impl Orders,
    queue: &impl OrderQueue,
    provider: &impl PaymentProvider,
    clock: &impl Clock,
    order: Order,
) -> Result<(), StoreError> {
    let Some(attempt) = order.payment.clone() else {
        return Ok(());
    };
    let ended = clock.now() >= order.reserved_until;
    match state_of(provider, order.id, &attempt, ended).await {
        SessionState::Paid(payment) => apply_payment(orders, queue, clock, order, payment)
            .await
            .map(drop),
        SessionState::Expired => close_window(orders, clock, order).await.map(drop),
        SessionState::Absent if ended => close_window(orders, clock, order).await.map(drop),
        SessionState::Absent => keep(orders, order.attempt_failed(clock.now())).await,
        SessionState::Open { .. } => keep(orders, order.retry_later(clock.now())).await,
        SessionState::Unknown(cause) => {
            tracing::warn!(order.id = %order.id, %cause, "the payment provider did not tell how an order stands");
            keep(orders, order.retry_later(clock.now())).await
        }
    }
}

/// How the attempt stands; a page that outlives its reservation is closed first.
async fn state_of(
    provider: &impl PaymentProvider,
    id: OrderId,
    attempt: &PaymentAttempt,
    ended: bool,
) -> SessionState {
    match provider.look_up(id, attempt).await {
        SessionState::Open { session_id } if ended => provider.close(&session_id).await,
        state => state,
    }
}

async fn requeue(
    orders: &impl Orders,
    queue: &impl OrderQueue,
    clock: &impl Clock,
    order: Order,
) -> Result<(), StoreError> {
    if let Err(error) = queue.send(order.id).await {
        return Err(StoreError::Unknown(Box::new(error)));
    }
    keep(orders, order.queued(clock.now())).await
}

async fn refund(
    orders: &impl Orders,
    provider: &impl PaymentProvider,
    clock: &impl Clock,
    order: Order,
) -> Result<(), StoreError> {
    let Some(due) = order.due_refund().cloned() else {
        return Ok(());
    };
    match provider.refund(order.id, &due, order.tries > 0).await {
        RefundOutcome::Done { refund_id } => {
            tracing::info!(order.id = %order.id, reason = due.reason.name(), "a payment was given back");
            keep(orders, order.refunded(&due.payment_id, refund_id, clock.now())).await
        }
        RefundOutcome::Refused(cause) => {
            tracing::error!(order.id = %order.id, %cause, "the payment provider refused a refund");
            keep(orders, order.retry_later(clock.now())).await
        }
        RefundOutcome::Unknown(cause) => {
            tracing::warn!(order.id = %order.id, %cause, "the payment provider did not confirm a refund");
            keep(orders, order.retry_later(clock.now())).await
        }
    }
}

/// Stores what was found. Where another run was quicker, its word stands, and this one's finding is looked for again.
async fn keep(orders: &impl Orders, order: Order) -> Result<(), StoreError> {
    orders.commit(order, Vec::new()).await.map(drop)
}
