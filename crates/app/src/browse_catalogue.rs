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
    /// In the order of the SKUs.
    pub offers: Vec<Offer>,
    /// Where the next part begins: after this SKU; `None` at the end.
    pub next_after: Option<Sku>,
}

/// The products after `after`, at most `limit` (1 to 100); with `search` only those that it finds.
///
/// # Errors
/// [`StoreError`] where products or stock cannot be read.
pub async fn browse_catalogue(
    catalogue: &impl Catalogue,
    stock: &impl Stock,
    search: Option<(&ProductSearch, &str)>,
    after: Option<&Sku>,
    limit: usize,
) -> Result<Listing, StoreError> {
    let (products, more) = match search {
        Some((index, query)) => index.find(query, after, limit),
        None => {
            let page = catalogue.page(after, limit).await?;
            (page.products, page.more)
        }
    };
    let next_after = products.last().filter(|_| more).map(|last| last.sku.clone());
    let skus: Vec<Sku> = products.iter().map(|product| product.sku.clone()).collect();
    let levels = if skus.is_empty() {
        HashMap::new()
    } else {
        stock.levels(&skus).await?
    };
    let offer = |product: Product| Offer {
        available: levels.get(&product.sku).copied().unwrap_or(0),
        product,
    };
    Ok(Listing {
        offers: products.into_iter().map(offer).collect(),
        next_after,
    })
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

/// An index over all names and SKUs, for a catalogue that fits into a function's memory.
pub struct ProductSearch {
    entries: Vec<(String, Product)>,
}

impl ProductSearch {
    /// Indexes `products`.
    pub fn new(mut products: Vec<Product>) -> Self {
        products.sort_by(|a, b| a.sku.cmp(&b.sku));
        let text = |product: &Product| format!("{} {}", product.name, product.sku).to_lowercase();
        Self {
            entries: products
                .into_iter()
                .map(|product| (text(&product), product))
                .collect(),
        }
    }

    /// All of them, in the order of the SKUs.
    pub(crate) fn products(&self) -> impl Iterator<Item = &Product> {
        self.entries.iter().map(|(_, product)| product)
    }

    /// The product of a SKU.
    pub(crate) fn product(&self, sku: &Sku) -> Option<&Product> {
        let found = self.entries.binary_search_by(|(_, product)| product.sku.cmp(sku));
        found.ok().map(|at| &self.entries[at].1)
    }

    /// The products whose name or SKU holds every word of `query` in any case, and whether there are more.
    pub(crate) fn find(&self, query: &str, after: Option<&Sku>, limit: usize) -> (Vec<Product>, bool) {
        let words: Vec<String> = query.split_whitespace().map(str::to_lowercase).collect();
        let start = after.map_or(0, |after| {
            self.entries.partition_point(|(_, product)| product.sku <= *after)
        });
        let mut found = self.entries[start..]
            .iter()
            .filter(|(text, _)| words.iter().all(|word| text.contains(word.as_str())))
            .map(|(_, product)| product.clone());
        let page = found.by_ref().take(limit).collect();
        (page, found.next().is_some())
    }
}
