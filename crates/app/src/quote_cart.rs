//! Telling a shopper what a cart costs.

use domain::{Cart, Country, PricingError, Quote, ShippingTable, Sku, UnavailableItem, price_cart};
use futures_util::future::try_join;

use crate::ports::{Catalogue, Stock, StoreError};

/// Why there is no quote.
#[derive(Debug, thiserror::Error)]
pub enum QuoteError {
    /// Items that the catalogue does not have, or of which too little is left: all of them.
    #[error("some items cannot be had")]
    Unavailable(Vec<UnavailableItem>),
    /// The cart has no price.
    #[error(transparent)]
    Pricing(PricingError),
    /// Prices or stock could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Prices a cart and looks whether its items are in stock. Reserves nothing.
///
/// # Errors
/// [`QuoteError`].
pub async fn quote_cart(
    catalogue: &impl Catalogue,
    stock: &impl Stock,
    shipping: &ShippingTable,
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
            let known = products.contains_key(&line.sku);
            let available = known.then(|| levels.get(&line.sku).copied().unwrap_or(0));
            let enough = available.is_some_and(|left| left >= line.quantity.get());
            (!enough).then(|| UnavailableItem {
                position: line.position,
                sku: line.sku.clone(),
                available,
            })
        })
        .collect();
    if !unavailable.is_empty() {
        return Err(QuoteError::Unavailable(unavailable));
    }
    price_cart(cart, &products, shipping, ship_to).map_err(QuoteError::Pricing)
}
