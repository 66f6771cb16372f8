//! Withdrawing an order whose reserving was left half done.

use domain::Order;

use super::{Worked, give_stock_back};
use crate::ports::{Clock, Committed, Orders, StoreError};

/// Withdraws the order and gives back what it holds.
///
/// # Errors
/// [`StoreError`]; the job stays due.
pub(super) async fn withdraw_order(
    orders: &impl Orders,
    clock: &impl Clock,
    order: Order,
) -> Result<Worked, StoreError> {
    let now = clock.now();
    let Ok(withdrawn) = order.withdraw(now) else {
        return Ok(Worked::Other);
    };
    let (withdrawn, stock) = withdrawn.give_back_step(now);
    if let Committed::Done(stored) = orders.commit(withdrawn, stock).await? {
        give_stock_back(orders, clock, stored).await?;
    }
    Ok(Worked::Other)
}
