//! A copy of the catalogue in memory, for answering readers without asking the store.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use domain::{Product, Sku};
use futures_util::future::try_join;
use search::{Dictionary, Index};

use crate::browse_catalogue::Listing;
use crate::ports::{Catalogue, ProductPage, Stock, StoreError};

/// All products and what was left of each when they were read. What a shopper sees may be some seconds old; placing an order decides,
/// and never asks here.
pub struct CatalogueSnapshot {
    /// Shared by copies that differ only in what is left.
    products: Arc<Products>,
    levels: HashMap<Sku, u32>,
}

struct Products {
    /// In the order of their SKUs.
    all: Vec<Product>,
    /// Made by the first search.
    index: OnceLock<Index>,
}

impl CatalogueSnapshot {
    /// Copies everything. What was indexed for the copy `before` is kept where no product has changed.
    ///
    /// # Errors
    /// [`StoreError`] where products or stock cannot be read.
    pub async fn of(
        catalogue: &impl Catalogue,
        stock: &impl Stock,
        before: Option<&Self>,
    ) -> Result<Self, StoreError> {
        let (mut all, levels) = try_join(catalogue.all(), stock.all_levels()).await?;
        all.sort_by(|a, b| a.sku.cmp(&b.sku));
        let unchanged = before.filter(|before| before.products.all == all);
        let products = match unchanged {
            Some(before) => Arc::clone(&before.products),
            None => Arc::new(Products {
                all,
                index: OnceLock::new(),
            }),
        };
        Ok(Self { products, levels })
    }

    /// The products that `query` finds by name or SKU, the best first and what is sold out last; those after `after`, at most `limit`.
    pub fn search(&self, query: &str, after: Option<&Sku>, limit: usize) -> Listing {
        let all = &self.products.all;
        let texts = || {
            all.iter()
                .map(|product| [product.name.as_str(), product.sku.as_str()])
        };
        let index = self
            .products
            .index
            .get_or_init(|| Index::new(texts(), &Dictionary::german()));
        let is_available = |at: usize| self.levels.get(&all[at].sku).is_some_and(|level| *level > 0);
        let found = index.find(query, is_available);
        let products = || found.documents.iter().map(|at| &all[*at]);
        let shown = after.map_or(0, |after| {
            let last = products().position(|product| product.sku == *after);
            // What was shown last is gone: so is its place.
            last.map_or(found.documents.len(), |last| last + 1)
        });
        let page = products().skip(shown).take(limit).cloned().collect();
        Listing {
            correction: found.correction.clone(),
            ..Listing::of(page, found.documents.len() > shown + limit, &self.levels)
        }
    }

    fn product(&self, sku: &Sku) -> Option<&Product> {
        let all = &self.products.all;
        let at = all.binary_search_by(|product| product.sku.cmp(sku));
        at.ok().map(|at| &all[at])
    }
}

impl Catalogue for CatalogueSnapshot {
    async fn page(&self, after: Option<&Sku>, limit: usize) -> Result<ProductPage, StoreError> {
        let all = &self.products.all;
        let start = after.map_or(0, |after| all.partition_point(|product| product.sku <= *after));
        let products = all[start..].iter().take(limit).cloned().collect();
        let more = all.len() > start + limit;
        Ok(ProductPage { products, more })
    }

    async fn all(&self) -> Result<Vec<Product>, StoreError> {
        Ok(self.products.all.clone())
    }

    async fn products(&self, skus: &[Sku]) -> Result<HashMap<Sku, Product>, StoreError> {
        let found = skus.iter().filter_map(|sku| self.product(sku));
        Ok(found
            .map(|product| (product.sku.clone(), product.clone()))
            .collect())
    }
}

impl Stock for CatalogueSnapshot {
    async fn levels(&self, skus: &[Sku]) -> Result<HashMap<Sku, u32>, StoreError> {
        let level = |sku: &Sku| Some((sku.clone(), *self.levels.get(sku)?));
        Ok(skus.iter().filter_map(level).collect())
    }

    async fn all_levels(&self) -> Result<HashMap<Sku, u32>, StoreError> {
        Ok(self.levels.clone())
    }
}
