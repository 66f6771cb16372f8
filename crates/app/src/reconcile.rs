//! Mending whatever was left half done.

use std::collections::HashSet;

use domain::{Lane, Money, Order, OrderId, PaymentAttempt, Work};
use jiff::{SignedDuration, Timestamp};

use crate::ports::{
    Clock, Committed, OrderQueue, Orders, PaymentProvider, RefundOutcome, SessionState, StoreError,
};
use crate::release_stock::release_stock;
use crate::settle_payment::{Settled, apply_payment, close_window};

/// How many due orders are read at once.
const PAGE: usize = 100;

/// What a run did: numbers of orders, unless said otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reconciled {
    /// Looked at.
    pub examined: u32,
    /// Of those, left as they are for now: the store did not answer, or was busy.
    pub failed: u32,
    /// How long the one that was due first had been; zero where none was.
    pub oldest: SignedDuration,
    /// What was paid, unnoticed so far: one amount an order.
    pub paid: Vec<Money>,
    /// Expired.
    pub expired: u32,
    /// Set aside for a human.
    pub parked: u32,
    /// Refunds that the provider refused.
    pub refunds_refused: u32,
}

/// What was done about one order, as far as it is counted.
#[derive(Clone, Copy)]
enum Mended {
    Paid(Money),
    Expired,
    Parked,
    RefundRefused,
    Otherwise,
}

impl Reconciled {
    fn add(&mut self, mended: Mended) {
        match mended {
            Mended::Paid(amount) => self.paid.push(amount),
            Mended::Expired => self.expired += 1,
            Mended::Parked => self.parked += 1,
            Mended::RefundRefused => self.refunds_refused += 1,
            Mended::Otherwise => {}
        }
    }
}

/// Looks at every order that is due for mending and does what is due, until none is left or `until` has come. Any number of runs may
/// overlap.
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
        let due: Vec<OrderId> = orders.due(Lane::Mending, clock.now(), PAGE + seen.len()).await?;
        let fresh: Vec<OrderId> = due.into_iter().filter(|id| seen.insert(*id)).collect();
        if fresh.is_empty() {
            return Ok(report);
        }
        for id in fresh {
            if clock.now() >= until {
                return Ok(report);
            }
            report.examined += 1;
            match look_at(orders, queue, provider, clock, id, &mut report.oldest).await {
                Ok(mended) => report.add(mended),
                Err(error) => {
                    report.failed += 1;
                    // Only what is meant to be read: the debug form of a cause may hold a whole answer of the store.
                    let cause = std::error::Error::source(&error).map(ToString::to_string);
                    tracing::error!(order.id = %id, error = %error, cause = cause.as_deref(), "a due order could not be mended; it stays due");
                }
            }
        }
    }
}

/// Does what is due for one order, if it still is; `oldest` is told for how long it was.
async fn look_at(
    orders: &impl Orders,
    queue: &impl OrderQueue,
    provider: &impl PaymentProvider,
    clock: &impl Clock,
    id: OrderId,
    oldest: &mut SignedDuration,
) -> Result<Mended, StoreError> {
    let Some(order) = orders.get(id).await? else {
        return Ok(Mended::Otherwise);
    };
    let now = clock.now();
    let Some(due_at) = order.due_at.filter(|due| *due <= now) else {
        return Ok(Mended::Otherwise);
    };
    *oldest = (*oldest).max(now.duration_since(due_at));
    mend(orders, queue, provider, clock, order).await
}

/// Does what is most urgent for a due order. What is left stays due for the next run.
async fn mend(
    orders: &impl Orders,
    queue: &impl OrderQueue,
    provider: &impl PaymentProvider,
    clock: &impl Clock,
    order: Order,
) -> Result<Mended, StoreError> {
    for work in order.work() {
        let done = match work {
            Work::Withdraw => withdraw(orders, clock, order).await,
            Work::CloseWindow if clock.now() < order.reserved_until => {
                keep(orders, order.left_until_window_closes()).await
            }
            Work::CloseWindow => return expire(orders, clock, order).await,
            Work::AskProvider => return ask_provider(orders, queue, provider, clock, order).await,
            Work::GiveStockBack | Work::Remove => release_stock(orders, clock, order).await,
            Work::Refund => return refund(orders, provider, clock, order).await,
            // In the other lane, unless something else is due as well.
            Work::Forward => continue,
        };
        return done.map(|()| Mended::Otherwise);
    }
    Ok(Mended::Otherwise)
}

async fn expire(orders: &impl Orders, clock: &impl Clock, order: Order) -> Result<Mended, StoreError> {
    Ok(match close_window(orders, clock, order).await? {
        Settled::Expired => Mended::Expired,
        _ => Mended::Otherwise,
    })
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
) -> Result<Mended, StoreError> {
    let Some(attempt) = order.payment.clone() else {
        return Ok(Mended::Otherwise);
    };
    let ended = clock.now() >= order.reserved_until;
    let kept = match state_of(provider, order.id, &attempt, ended).await {
        SessionState::Paid(payment) => {
            let amount = payment.amount;
            return Ok(match apply_payment(orders, queue, clock, order, payment).await? {
                Settled::Paid => Mended::Paid(amount),
                Settled::Parked => Mended::Parked,
                Settled::Expired | Settled::RefundDue | Settled::Known => Mended::Otherwise,
            });
        }
        SessionState::Expired => return expire(orders, clock, order).await,
        SessionState::Absent if ended => return expire(orders, clock, order).await,
        SessionState::Absent => keep(orders, order.attempt_failed(clock.now())).await,
        SessionState::Open { .. } => keep(orders, order.retry_later(clock.now())).await,
        SessionState::Unknown(cause) => {
            tracing::warn!(order.id = %order.id, %cause, "the payment provider did not tell how an order stands");
            keep(orders, order.retry_later(clock.now())).await
        }
    };
    kept.map(|()| Mended::Otherwise)
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

async fn refund(
    orders: &impl Orders,
    provider: &impl PaymentProvider,
    clock: &impl Clock,
    order: Order,
) -> Result<Mended, StoreError> {
    let Some(due) = order.due_refund().cloned() else {
        return Ok(Mended::Otherwise);
    };
    let (next, mended) = match provider.refund(order.id, &due, order.tries > 0).await {
        RefundOutcome::Done { refund_id } => {
            tracing::info!(order.id = %order.id, reason = due.reason.name(), "a payment was given back");
            let next = order.refunded(&due.payment_id, refund_id, clock.now());
            (next, Mended::Otherwise)
        }
        RefundOutcome::Refused(cause) => {
            tracing::error!(order.id = %order.id, %cause, "the payment provider refused a refund");
            (order.retry_later(clock.now()), Mended::RefundRefused)
        }
        RefundOutcome::Unknown(cause) => {
            tracing::warn!(order.id = %order.id, %cause, "the payment provider did not confirm a refund");
            (order.retry_later(clock.now()), Mended::Otherwise)
        }
    };
    keep(orders, next).await?;
    Ok(mended)
}

/// Stores what was found. Where another run was quicker, its word stands, and this one's finding is looked for again.
async fn keep(orders: &impl Orders, order: Order) -> Result<(), StoreError> {
    orders.commit(order, Vec::new()).await.map(drop)
}
