//! Showing an order to who holds its capability.

use domain::{Order, OrderId};

use crate::AccessKeys;
use crate::ports::{Orders, StoreError};

/// Why an order is not shown.
#[derive(Debug, thiserror::Error)]
pub enum ShowOrderError {
    /// No such order, or not for this token: which of both is not told.
    #[error("there is no such order")]
    NotFound,
    /// The order could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The order that `token` admits to. The token is checked before anything is read, so that a stranger learns nothing, not even
/// by the time it takes.
///
/// # Errors
/// [`ShowOrderError`].
pub async fn show_order(
    orders: &impl Orders,
    keys: &AccessKeys,
    id: &str,
    token: &str,
) -> Result<Order, ShowOrderError> {
    let id = OrderId::parse(id).map_err(|_| ShowOrderError::NotFound)?;
    if !keys.admit(id, token) {
        return Err(ShowOrderError::NotFound);
    }
    let order = orders.get(id).await?;
    order
        .filter(|order| order.status().is_public())
        .ok_or(ShowOrderError::NotFound)
}
