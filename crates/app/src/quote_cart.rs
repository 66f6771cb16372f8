//! Telling a shopper what a cart costs.

use domain::{
    Cart, Country, PricingError, Quote, ShippingTable, Sku, Unavailability, UnavailableItem, price_cart,
};
use futures_util::future::try_join;
use jiff::Timestamp;

use crate::ports::{Catalogue, Orders, Shortage, Stock, StoreError};
use crate::release_holds::find_room;

/// Why there is no quote.
#[derive(Debug, thiserror::Error)]
pub enum QuoteError {
    /// Items that the catalogue does not have, of which an order takes less, or of which too little is left: all of them.
    #[error("some items cannot be had")]
    Unavailable(Vec<UnavailableItem>),
    /// The cart has no price.
    #[error(transparent)]
    Pricing(PricingError),
    /// Prices or stock could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Prices a cart and looks whether its items are in stock, or would be given way to by orders that nobody goes to pay. Reserves nothing.
///
/// # Errors
/// [`QuoteError`].
pub async fn quote_cart(
    catalogue: &impl Catalogue,
    stock: &impl Stock,
    orders: &impl Orders,
    shipping: &ShippingTable,
    now: Timestamp,
    cart: &Cart,
    ship_to: Country,
) -> Result<Quote, QuoteError> {
    if shipping.rate(ship_to).is_none() {
        return Err(QuoteError::Pricing(PricingError::NotShippedTo(ship_to)));
    }
    let skus: Vec<Sku> = cart.lines().iter().map(|line| line.sku.clone()).collect();
    let (products, levels) = try_join(catalogue.products(&skus), stock.levels(&skus)).await?;
    let unavailable: Vec<_> = cart
        .lines()
        .iter()
        .filter_map(|line| {
            let available = levels.get(&line.sku).copied().unwrap_or(0);
            let why = match products.get(&line.sku).map(|product| product.max_per_order) {
                None => Unavailability::UnknownSku,
                Some(max_per_order) if max_per_order < line.quantity => {
                    Unavailability::OverLimit { max_per_order }
                }
                Some(_) if available < line.quantity.get() => Unavailability::SoldOut { available },
                Some(_) => return None,
            };
            Some(UnavailableItem {
                position: line.position,
                sku: line.sku.clone(),
                why,
            })
        })
        .collect();
    if !unavailable.is_empty() && !has_room(orders, now, cart, &unavailable).await? {
        return Err(QuoteError::Unavailable(unavailable));
    }
    price_cart(cart, &products, shipping, ship_to).map_err(QuoteError::Pricing)
}

/// Whether an order of `cart` would find room for all that is `unavailable`.
async fn has_room(
    orders: &impl Orders,
    now: Timestamp,
    cart: &Cart,
    unavailable: &[UnavailableItem],
) -> Result<bool, StoreError> {
    let shortage = |item: &UnavailableItem| match item.why {
        Unavailability::SoldOut { available } => Some(Shortage {
            sku: item.sku.clone(),
            available,
        }),
        Unavailability::UnknownSku | Unavailability::OverLimit { .. } => None,
    };
    let Some(short) = unavailable.iter().map(shortage).collect::<Option<Vec<_>>>() else {
        return Ok(false);
    };
    let lines = cart.lines().iter();
    let wanted = lines.map(|line| (&line.sku, line.quantity.get())).collect();
    Ok(find_room(orders, now, &short, &wanted).await?.is_some())
}
