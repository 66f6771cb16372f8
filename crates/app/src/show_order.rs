//! Showing an order to who holds its capability.

use domain::{AccessToken, Order, OrderId};

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

/// The order that `token` admits to. Nothing is read for what is no id or no token.
///
/// # Errors
/// [`ShowOrderError`].
pub async fn show_order(orders: &impl Orders, id: &str, token: &str) -> Result<Order, ShowOrderError> {
    let (Ok(id), Ok(token)) = (OrderId::parse(id), AccessToken::parse(token)) else {
        return Err(ShowOrderError::NotFound);
    };
    let order = orders.get(id).await?.filter(|order| order.status().is_public());
    let stored = order.as_ref().and_then(Order::access_token);
    // Compared even where there is none: the time does not tell.
    let same = stored.unwrap_or(&token) == &token;
    let admitted = same & stored.is_some();
    order.filter(|_| admitted).ok_or(ShowOrderError::NotFound)
}
