//! Giving the stock of an ended order back, step by step.

use domain::{JobKind, Order};

use crate::ports::{Clock, Committed, Orders, StoreError};

/// Goes on giving back until nothing is held, and forgets an order that was never placed. Stops without a word where
/// another run is at it: whoever reads the order's due time finishes.
///
/// # Errors
/// [`StoreError`]; what is left is still due.
pub(crate) async fn give_stock_back(
    orders: &impl Orders,
    clock: &impl Clock,
    mut order: Order,
) -> Result<(), StoreError> {
    while order.work().contains(&JobKind::GiveStockBack) {
        let (next, stock) = order.give_back_step(clock.now());
        match orders.commit(next, stock).await? {
            Committed::Done(stored) => order = stored,
            Committed::Conflict(_) | Committed::OutOfStock(_) => return Ok(()),
        }
    }
    if order.work().contains(&JobKind::Remove) {
        orders.remove(&order).await
    } else {
        Ok(())
    }
}
