//! What was read of the catalogue, remembered for a while.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use domain::{Product, Sku};
use jiff::{SignedDuration, Timestamp};

use crate::ports::{Catalogue, ProductPage, StoreError};

/// As long as the CDN shows a price that has changed.
const FOR: SignedDuration = SignedDuration::from_secs(30);
/// So many are remembered at most.
const MOST: usize = 10_000;

/// Products as they were read less than 30 seconds ago: a shopper who orders what was just quoted costs no call. Never for stock.
#[derive(Debug, Default)]
pub struct PriceMemory(Mutex<HashMap<Sku, (Timestamp, Product)>>);

impl PriceMemory {
    /// `catalogue`, asked only for what is not remembered.
    pub fn before<'a, S>(&'a self, catalogue: &'a S, now: Timestamp) -> Remembered<'a, S> {
        Remembered {
            memory: self,
            catalogue,
            now,
        }
    }

    fn known(&self) -> MutexGuard<'_, HashMap<Sku, (Timestamp, Product)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A catalogue behind a [`PriceMemory`].
pub struct Remembered<'a, S> {
    memory: &'a PriceMemory,
    catalogue: &'a S,
    now: Timestamp,
}

impl<S: Catalogue> Catalogue for Remembered<'_, S> {
    async fn page(&self, after: Option<&Sku>, limit: usize) -> Result<ProductPage, StoreError> {
        self.catalogue.page(after, limit).await
    }

    async fn all(&self) -> Result<Vec<Product>, StoreError> {
        self.catalogue.all().await
    }

    async fn products(&self, skus: &[Sku]) -> Result<HashMap<Sku, Product>, StoreError> {
        let now = self.now;
        let mut found = HashMap::with_capacity(skus.len());
        let mut missing = Vec::new();
        {
            let known = self.memory.known();
            for sku in skus {
                match known.get(sku).filter(|(read_at, _)| now < *read_at + FOR) {
                    Some((_, product)) => drop(found.insert(sku.clone(), product.clone())),
                    None => missing.push(sku.clone()),
                }
            }
        }
        if missing.is_empty() {
            return Ok(found);
        }
        let read = self.catalogue.products(&missing).await?;
        let mut known = self.memory.known();
        if known.len() + read.len() > MOST {
            known.clear();
        }
        known.extend(
            read.iter()
                .map(|(sku, product)| (sku.clone(), (now, product.clone()))),
        );
        found.extend(read);
        Ok(found)
    }
}
