//! Giving a rejected order up once its grace is over.

use domain::Order;

use super::{Worked, give_stock_back};
use crate::ports::{Clock, Committed, Orders, StoreError};

/// Gives the order up: its payment is due to be given back, and its stock goes back. Where a human was quicker, their decision stands.
///
/// # Errors
/// [`StoreError`]; the job stays due.
pub(super) async fn settle_rejection(
    orders: &impl Orders,
    clock: &impl Clock,
    order: Order,
) -> Result<Worked, StoreError> {
    let now = clock.now();
    let (settled, stock) = order.settle_rejection(now).give_back_step(now);
    if let Committed::Done(stored) = orders.commit(settled, stock).await? {
        give_stock_back(orders, clock, stored).await?;
    }
    Ok(Worked::Other)
}
