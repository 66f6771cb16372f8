//! What a human decides about an order: one that the warehouse rejected, or acknowledged illegibly, or whose access token has leaked.

use domain::{AccessToken, Order, OrderId, Unmoved};
use jiff::Timestamp;

use crate::ports::{Clock, Committed, MAX_CONFLICT_RETRIES, Orders, StoreError};

/// What is decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The rejected order is given up, and paid back, at that time: now, or later than it would be. One whose payment went back is given up.
    GiveUpAt(Timestamp),
    /// The order is at the warehouse under this number.
    Entered(String),
    /// The warehouse can take the rejected order now.
    Retry,
    /// Who has the order's access token is shut out; the new one admits to it.
    RevokeAccess(AccessToken),
}

/// Why nothing was done.
#[derive(Debug, thiserror::Error)]
pub enum DecideError {
    /// There is no such order.
    #[error("there is no such order")]
    UnknownOrder,
    /// The order does not wait for this decision: it may be at the warehouse already.
    #[error("the order does not wait for this: it is {}", .0.status.name())]
    NotWaiting(#[source] Unmoved),
    /// The order could not be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Stores a decision, and returns the order as it is then.
///
/// # Errors
/// [`DecideError`].
pub async fn decide_order(
    orders: &impl Orders,
    clock: &impl Clock,
    id: OrderId,
    decision: &Decision,
) -> Result<Order, DecideError> {
    let mut order = orders.get(id).await?.ok_or(DecideError::UnknownOrder)?;
    for _ in 0..MAX_CONFLICT_RETRIES {
        let now = clock.now();
        let decided = match decision {
            Decision::GiveUpAt(at) => order.settle_rejection_at(*at, now),
            Decision::Entered(number) => order.entered_by_hand(number.clone(), now),
            Decision::Retry => order.retry_rejected(now),
            Decision::RevokeAccess(new) => Ok(order.with_access_token(new.clone())),
        };
        let decided = decided.map_err(DecideError::NotWaiting)?;
        match orders.commit(decided, Vec::new()).await? {
            Committed::Done(stored) => return Ok(stored),
            Committed::Conflict(Some(current)) => order = *current,
            Committed::Conflict(None) => return Err(DecideError::UnknownOrder),
            // No stock was asked for.
            Committed::OutOfStock(_) => break,
        }
    }
    Err(StoreError::Busy.into())
}
