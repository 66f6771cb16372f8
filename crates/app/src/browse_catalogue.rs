//! Browsing and searching the catalogue.

use std::collections::HashMap;

use domain::{Product, Sku};
use futures_util::future::try_join;

use crate::ports::{Catalogue, Stock, StoreError};

/// A product and what is left of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// The product.
    pub product: Product,
    /// Pieces left.
    pub available: u32,
}

/// A part of the catalogue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    /// In the order of the SKUs; what was searched for: the best first.
    pub offers: Vec<Offer>,
    /// Where the next part begins: after this SKU; `None` at the end.
    pub next_after: Option<Sku>,
    /// What was searched for instead, where a word was misspelt.
    pub correction: Option<String>,
}

/// The products after `after`, at most `limit` (1 to 100), in the order of the SKUs.
///
/// # Errors
/// [`StoreError`] where products or stock cannot be read.
pub async fn browse_catalogue(
    catalogue: &impl Catalogue,
    stock: &impl Stock,
    after: Option<&Sku>,
    limit: usize,
) -> Result<Listing, StoreError> {
    let page = catalogue.page(after, limit).await?;
    let skus: Vec<Sku> = page.products.iter().map(|product| product.sku.clone()).collect();
    let levels = if skus.is_empty() {
        HashMap::new()
    } else {
        stock.levels(&skus).await?
    };
    Ok(Listing::of(page.products, page.more, &levels))
}

impl Listing {
    /// Products and what is left of them; `more` follow.
    pub(crate) fn of(products: Vec<Product>, more: bool, levels: &HashMap<Sku, u32>) -> Self {
        let next_after = products.last().filter(|_| more).map(|last| last.sku.clone());
        let offer = |product: Product| Offer {
            available: levels.get(&product.sku).copied().unwrap_or(0),
            product,
        };
        Self {
            offers: products.into_iter().map(offer).collect(),
            next_after,
            correction: None,
        }
    }
}

/// One product, `None` where the catalogue does not have it.
///
/// # Errors
/// [`StoreError`] where product or stock cannot be read.
pub async fn show_product(
    catalogue: &impl Catalogue,
    stock: &impl Stock,
    sku: &Sku,
) -> Result<Option<Offer>, StoreError> {
    let wanted = std::slice::from_ref(sku);
    let (mut products, levels) = try_join(catalogue.products(wanted), stock.levels(wanted)).await?;
    let available = levels.get(sku).copied().unwrap_or(0);
    Ok(products.remove(sku).map(|product| Offer { product, available }))
}
