//! Expiring an order that nobody pays.

use domain::Order;

use super::Worked;
use crate::ports::{Clock, Orders, StoreError};
use crate::settle_payment::{Settled, close_window};

/// Expires the order where its reservation has ended; otherwise the job is due again at that end.
///
/// # Errors
/// [`StoreError`]; the job stays due.
pub(super) async fn close_window_when_due(
    orders: &impl Orders,
    clock: &impl Clock,
    order: Order,
) -> Result<Worked, StoreError> {
    if clock.now() < order.reserved_until() {
        orders
            .commit(order.left_until_window_closes(), Vec::new())
            .await?;
        return Ok(Worked::Other);
    }
    expire(orders, clock, order).await
}

/// Expires an order whose page has certainly ended.
pub(super) async fn expire(
    orders: &impl Orders,
    clock: &impl Clock,
    order: Order,
) -> Result<Worked, StoreError> {
    Ok(match close_window(orders, clock, order).await? {
        Settled::Expired => Worked::Expired,
        _ => Worked::Other,
    })
}
