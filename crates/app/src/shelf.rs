//! A copy of the catalogue in memory, for answering readers without asking the store.

use std::collections::HashMap;
use std::sync::Arc;

use domain::{Product, Sku};
use futures_util::future::try_join;

use crate::browse_catalogue::ProductSearch;
use crate::ports::{Catalogue, ProductPage, Stock, StoreError};

/// All products and what was left of each when they were read. What a shopper sees may be some seconds old; placing an order decides,
/// and never asks here.
pub struct Shelf {
    search: Arc<ProductSearch>,
    /// What is left of each product, in their order.
    levels: Vec<u32>,
}

impl Shelf {
    /// Copies everything. Products that are as in `before` are kept from there: thousands of texts, replaced again and again between the
    /// requests, would tear the memory of a process to pieces.
    ///
    /// # Errors
    /// [`StoreError`] where products or stock cannot be read.
    pub async fn of(
        catalogue: &impl Catalogue,
        stock: &impl Stock,
        before: Option<&Self>,
    ) -> Result<Self, StoreError> {
        let (products, levels) = try_join(catalogue.all(), stock.all_levels()).await?;
        let known = before.map(|before| &before.search);
        let search = known.filter(|search| search.products().eq(&products)).cloned();
        let search = search.unwrap_or_else(|| Arc::new(ProductSearch::new(products)));
        let left = |product: &Product| levels.get(&product.sku).copied().unwrap_or(0);
        let levels = search.products().map(left).collect();
        Ok(Self { search, levels })
    }

    /// The index over its products.
    pub fn search(&self) -> &ProductSearch {
        &self.search
    }
}

impl Catalogue for Shelf {
    async fn page(&self, after: Option<&Sku>, limit: usize) -> Result<ProductPage, StoreError> {
        let (products, more) = self.search.find("", after, limit);
        Ok(ProductPage { products, more })
    }

    async fn all(&self) -> Result<Vec<Product>, StoreError> {
        Ok(self.search.products().cloned().collect())
    }

    async fn products(&self, skus: &[Sku]) -> Result<HashMap<Sku, Product>, StoreError> {
        let found = skus.iter().filter_map(|sku| self.search.product(sku));
        Ok(found
            .map(|product| (product.sku.clone(), product.clone()))
            .collect())
    }
}

impl Stock for Shelf {
    async fn levels(&self, skus: &[Sku]) -> Result<HashMap<Sku, u32>, StoreError> {
        let level = |sku: &Sku| Some((sku.clone(), self.levels[self.search.position(sku)?]));
        Ok(skus.iter().filter_map(level).collect())
    }

    async fn all_levels(&self) -> Result<HashMap<Sku, u32>, StoreError> {
        let skus = self.search.products().map(|product| product.sku.clone());
        Ok(skus.zip(self.levels.iter().copied()).collect())
    }
}
