//! A copy of the catalogue in memory, for answering readers without asking the store.

use std::collections::HashMap;

use domain::{Product, Sku};
use futures_util::future::try_join;

use crate::browse_catalogue::ProductSearch;
use crate::ports::{Catalogue, ProductPage, Stock, StoreError};

/// All products and what was left of each when they were read. What a shopper sees may be some seconds old; placing an order decides,
/// and never asks here.
pub struct CatalogueSnapshot {
    search: ProductSearch,
    levels: HashMap<Sku, u32>,
}

impl CatalogueSnapshot {
    /// Copies everything.
    ///
    /// # Errors
    /// [`StoreError`] where products or stock cannot be read.
    pub async fn of(catalogue: &impl Catalogue, stock: &impl Stock) -> Result<Self, StoreError> {
        let (products, levels) = try_join(catalogue.all(), stock.all_levels()).await?;
        Ok(Self {
            search: ProductSearch::new(products),
            levels,
        })
    }

    /// The index over its products.
    pub fn search(&self) -> &ProductSearch {
        &self.search
    }
}

impl Catalogue for CatalogueSnapshot {
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

impl Stock for CatalogueSnapshot {
    async fn levels(&self, skus: &[Sku]) -> Result<HashMap<Sku, u32>, StoreError> {
        let level = |sku: &Sku| Some((sku.clone(), *self.levels.get(sku)?));
        Ok(skus.iter().filter_map(level).collect())
    }

    async fn all_levels(&self) -> Result<HashMap<Sku, u32>, StoreError> {
        Ok(self.levels.clone())
    }
}
