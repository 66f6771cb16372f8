//! Keeping the warehouse busy with paid orders that have not reached it.

use std::collections::HashSet;

use domain::{CallPermit, DueIndex, JobKind, OrderId};
use jiff::{SignedDuration, Timestamp};

use crate::ports::{Circuits, Clock, OrderQueue, Orders, QueueError, StoreError};

/// How many due orders are read at once.
const PAGE: usize = 250;

/// What a run did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resent {
    /// How many orders were queued.
    pub sent: usize,
    /// The longest time that one had been due, by its first due time; zero where none was.
    pub oldest: SignedDuration,
}

/// Why no more orders were queued.
#[derive(Debug, thiserror::Error)]
pub enum ResendError {
    /// The due orders could not be listed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The queue did not answer.
    #[error(transparent)]
    Queue(#[from] QueueError),
}

/// Queues paid orders that are due, the longest due first, until `until`.
///
/// At most so many that `backlog` messages wait: enough to keep the warehouse busy until the next run, and no more, since an order that stands
/// in line for long falls due again. While the warehouse is left alone none is queued; after each pause one, as the try that may be the
/// end of it.
///
/// # Errors
/// [`ResendError`]. What was not queued stays due.
pub async fn resend_orders(
    orders: &impl Orders,
    queue: &impl OrderQueue,
    circuits: &impl Circuits,
    clock: &impl Clock,
    until: Timestamp,
    backlog: usize,
) -> Result<Resent, ResendError> {
    let mut resent = Resent::default();
    let mut due = orders.due(DueIndex::Forwarder, clock.now(), PAGE).await?;
    let mut seen = HashSet::new();
    let Some((first, due_at)) = due.first().copied() else {
        return Ok(resent);
    };
    resent.oldest = oldest(orders, first, due_at, clock.now()).await;
    let room = match permit(circuits, clock.now()).await {
        CallPermit::Granted => backlog.saturating_sub(queue.waiting().await?),
        CallPermit::Probe => 1,
        CallPermit::Denied => 0,
    };
    loop {
        let before = seen.len();
        for (id, _) in due {
            // One that cannot be read, or noted as queued, stays at the head of the index.
            if !seen.insert(id) {
                continue;
            }
            if resent.sent >= room || clock.now() >= until {
                return Ok(resent);
            }
            if let Some(overdue) = resend(orders, queue, clock, id).await? {
                resent.sent += 1;
                resent.oldest = resent.oldest.max(overdue);
            }
        }
        if seen.len() == before {
            return Ok(resent);
        }
        due = orders
            .due(DueIndex::Forwarder, clock.now(), PAGE + seen.len())
            .await?;
    }
}

/// For how long the job that is first in the index has been due, by its first due time; by the index where the order cannot be read.
async fn oldest(orders: &impl Orders, first: OrderId, due_at: Timestamp, now: Timestamp) -> SignedDuration {
    let order = orders.get(first).await.ok().flatten();
    let overdue = order.and_then(|order| order.job(&JobKind::Forward).map(|job| job.overdue(now)));
    overdue.unwrap_or_else(|| now.duration_since(due_at).max(SignedDuration::ZERO))
}

/// Who may call the warehouse; everyone, where that is not known: a breaker that is broken itself must not stop the orders.
async fn permit(circuits: &impl Circuits, now: Timestamp) -> CallPermit {
    match circuits.read().await {
        Ok(circuit) => circuit.permit(now),
        Err(error) => {
            tracing::warn!(error = %error, "the warehouse's circuit is not known; it is taken for closed");
            CallPermit::Granted
        }
    }
}

/// Queues one order, if it still waits for the warehouse, and tells for how long it has been due. An order that cannot be read or written does
/// not stop the others.
async fn resend(
    orders: &impl Orders,
    queue: &impl OrderQueue,
    clock: &impl Clock,
    id: OrderId,
) -> Result<Option<SignedDuration>, ResendError> {
    let now = clock.now();
    let order = match orders.get(id).await {
        Ok(order) => order,
        Err(error) => {
            tracing::error!(order.id = %id, error = %error, "a due order could not be read; it stays due");
            None
        }
    };
    let Some(order) = order else {
        return Ok(None);
    };
    let Some(overdue) = order
        .due_jobs(DueIndex::Forwarder, now)
        .map(|job| job.overdue(now))
        .max()
    else {
        return Ok(None);
    };
    queue.send(id).await?;
    // Where another run was quicker, its word stands.
    if let Err(error) = orders.commit(order.queued(now), Vec::new()).await {
        tracing::error!(order.id = %id, error = %error, "a queued order could not be noted as such; it stays due");
    }
    Ok(Some(overdue))
}
