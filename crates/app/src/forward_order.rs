//! Handing a paid order to the warehouse.

use domain::{JobKind, Order, OrderId, Status};
use jiff::SignedDuration;

use crate::breaker::Breaker;
use crate::ports::{
    Cause, Circuits, Clock, Committed, LookedUp, MAX_CONFLICT_RETRIES, Orders, StoreError, Submitted,
    Warehouse,
};

/// What became of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forwarded {
    /// The warehouse has it now.
    Accepted {
        /// Since it was paid.
        after: SignedDuration,
    },
    /// The warehouse refused it for good: it is given up when the grace is over, unless a human decides otherwise.
    Rejected,
    /// The warehouse took it, and its number cannot be read: a human may enter it, and the order is due again later.
    Unconfirmed,
    /// Not now: the order is due again later.
    Deferred,
    /// The warehouse answers nobody and is not called: nothing was read or written, and the order stays due.
    CircuitOpen,
    /// There was nothing to do (any more).
    NothingToDo,
}

/// Why it is not known what became of an order: its message must come again.
#[derive(Debug, thiserror::Error)]
pub enum ForwardError {
    /// The message names an order that is not there.
    #[error("there is no such order")]
    UnknownOrder,
    /// The order could not be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What the warehouse's answers mean together.
enum SubmitOutcome {
    Accepted(String),
    Rejected(Cause),
    Unconfirmed(Cause),
    Later(Cause),
}

/// Hands an order over, once. Without `first_try` an earlier hand-over may have succeeded unnoticed: the warehouse is asked first.
/// A rejected order is given up after `grace`.
///
/// # Errors
/// [`ForwardError`].
pub async fn forward_order(
    orders: &impl Orders,
    warehouse: &impl Warehouse,
    breaker: &Breaker<impl Circuits>,
    clock: &impl Clock,
    id: OrderId,
    first_try: bool,
    grace: SignedDuration,
) -> Result<Forwarded, ForwardError> {
    if breaker.is_pausing(clock.now()) {
        return Ok(Forwarded::CircuitOpen);
    }
    let order = orders.get(id).await?.ok_or(ForwardError::UnknownOrder)?;
    if order.status() != Status::Paid || order.is_taken_back() || order.is_rejected() {
        return Ok(Forwarded::NothingToDo);
    }
    if !breaker.may_call(clock.now()).await {
        return Ok(Forwarded::CircuitOpen);
    }
    let outcome = hand_over(
        warehouse,
        &order,
        first_try && order.tries(&JobKind::Forward) == 0,
    )
    .await;
    // A warehouse that rejects everything is as broken as one that is down.
    let taken = matches!(
        outcome,
        SubmitOutcome::Accepted(_) | SubmitOutcome::Unconfirmed(_)
    );
    breaker.record_outcome(taken, clock.now()).await;
    Ok(note(orders, clock, order, outcome, grace).await?)
}

/// Looks before sending again, and after an answer that was lost.
async fn hand_over(warehouse: &impl Warehouse, order: &Order, first_try: bool) -> SubmitOutcome {
    if !first_try {
        match warehouse.look_up(order.id()).await {
            LookedUp::Found { erp_number } => return SubmitOutcome::Accepted(erp_number),
            LookedUp::Unreadable(cause) => return SubmitOutcome::Unconfirmed(cause),
            LookedUp::Unknown(cause) => return SubmitOutcome::Later(cause),
            LookedUp::Absent => {}
        }
    }
    let unless_found = match warehouse.submit(order).await {
        Submitted::Accepted { erp_number } => return SubmitOutcome::Accepted(erp_number),
        Submitted::Busy(cause) => return SubmitOutcome::Later(cause),
        // Another call of the same order may have been taken: what cannot be undone is looked up first.
        Submitted::Rejected(cause) => SubmitOutcome::Rejected(cause),
        Submitted::Unreadable(cause) => SubmitOutcome::Unconfirmed(cause),
        Submitted::Unknown(cause) => SubmitOutcome::Later(cause),
    };
    match (warehouse.look_up(order.id()).await, unless_found) {
        (LookedUp::Found { erp_number }, _) => SubmitOutcome::Accepted(erp_number),
        (LookedUp::Unreadable(cause), _) => SubmitOutcome::Unconfirmed(cause),
        (LookedUp::Unknown(cause), SubmitOutcome::Rejected(_)) => SubmitOutcome::Later(cause),
        (LookedUp::Absent | LookedUp::Unknown(_), unless_found) => unless_found,
    }
}

/// Stores the outcome, on whatever version of the paid order is current.
async fn note(
    orders: &impl Orders,
    clock: &impl Clock,
    mut order: Order,
    outcome: SubmitOutcome,
    grace: SignedDuration,
) -> Result<Forwarded, StoreError> {
    log(order.id(), &outcome);
    for _ in 0..MAX_CONFLICT_RETRIES {
        let now = clock.now();
        let paid_at = order.paid_at();
        let after = paid_at.map_or(SignedDuration::ZERO, |paid| now.duration_since(paid));
        let (moved, forwarded) = match &outcome {
            SubmitOutcome::Accepted(number) => (
                order.accepted_by_warehouse(number.clone(), now),
                Forwarded::Accepted { after },
            ),
            SubmitOutcome::Rejected(_) => (order.hold_rejection(now + grace, now), Forwarded::Rejected),
            SubmitOutcome::Unconfirmed(_) => {
                (Ok(order.unconfirmed_by_warehouse(now)), Forwarded::Unconfirmed)
            }
            SubmitOutcome::Later(_) => (Ok(order.retry_later(&JobKind::Forward, now)), Forwarded::Deferred),
        };
        let Ok(moved) = moved else {
            return Ok(Forwarded::NothingToDo);
        };
        match orders.commit(moved, Vec::new()).await? {
            Committed::Done(stored) => {
                if stored.is_taken_back() {
                    tracing::error!(order.id = %stored.id(), "the payment went back while the order was sent; a human must decide");
                }
                return Ok(forwarded);
            }
            Committed::Conflict(Some(current)) if current.status() == Status::Paid => order = *current,
            Committed::Conflict(_) | Committed::OutOfStock(_) => return Ok(Forwarded::NothingToDo),
        }
    }
    Err(StoreError::Busy)
}

fn log(id: OrderId, outcome: &SubmitOutcome) {
    match outcome {
        SubmitOutcome::Accepted(_) => {}
        SubmitOutcome::Rejected(cause) => {
            tracing::error!(order.id = %id, %cause, "the warehouse rejected an order for good; a human may decide");
        }
        SubmitOutcome::Unconfirmed(cause) => {
            tracing::error!(order.id = %id, %cause, "the warehouse took an order, and its number for it cannot be read");
        }
        SubmitOutcome::Later(cause) => {
            tracing::warn!(order.id = %id, %cause, "the warehouse did not take an order now");
        }
    }
}
