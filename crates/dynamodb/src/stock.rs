//! What is left of each product.

use std::collections::HashMap;

use app::ports::{Stock, StoreError};
use aws_sdk_dynamodb::types::KeysAndAttributes;
use domain::{Sku, StockLevel};

use crate::DynamoDb;
use crate::failure::{corrupt, failed};
use crate::item::{Item, item, number, number_of, text, text_of};
use crate::keys::{AVAILABLE, SKU};

impl Stock for DynamoDb {
    async fn levels(&self, skus: &[Sku]) -> Result<HashMap<Sku, u32>, StoreError> {
        let items = self
            .batch_get(&self.tables.stock, skus.iter().map(stock_key))
            .await?;
        items
            .iter()
            .map(|item| level(item).ok_or_else(|| corrupt("a stock level")))
            .collect()
    }

    async fn all_levels(&self) -> Result<HashMap<Sku, u32>, StoreError> {
        let mut levels = HashMap::new();
        let scan = self.client.scan().table_name(&self.tables.stock);
        let mut items = scan.into_paginator().items().send();
        while let Some(item) = items.next().await {
            let (sku, level) = level(&item.map_err(failed)?).ok_or_else(|| corrupt("a stock level"))?;
            levels.insert(sku, level);
        }
        Ok(levels)
    }
}

impl DynamoDb {
    /// Sets what is left of SKUs, whatever it was: for stocking a new shop, never beside open orders.
    ///
    /// # Errors
    /// [`StoreError`]; some may have been set.
    pub async fn put_stock(&self, levels: &[StockLevel]) -> Result<(), StoreError> {
        let item = |level: &StockLevel| {
            let mut item = stock_key(&level.sku);
            item.insert(AVAILABLE.to_owned(), number(level.available));
            item
        };
        self.batch_put(&self.tables.stock, levels.iter().map(item)).await
    }

    /// Reads items in batches of 100, the service's limit, again and again while some are left over.
    pub(crate) async fn batch_get(
        &self,
        table: &str,
        keys: impl Iterator<Item = Item>,
    ) -> Result<Vec<Item>, StoreError> {
        let keys: Vec<Item> = keys.collect();
        let mut items = Vec::with_capacity(keys.len());
        for chunk in keys.chunks(100) {
            let wanted = KeysAndAttributes::builder()
                .set_keys(Some(chunk.to_vec()))
                .build()
                .map_err(corrupt)?;
            let mut left = HashMap::from([(table.to_owned(), wanted)]);
            while !left.is_empty() {
                let read = self
                    .client
                    .batch_get_item()
                    .set_request_items(Some(left))
                    .send()
                    .await
                    .map_err(failed)?;
                items.extend(read.responses.unwrap_or_default().into_values().flatten());
                left = read.unprocessed_keys.unwrap_or_default();
            }
        }
        Ok(items)
    }
}

fn level(item: &Item) -> Option<(Sku, u32)> {
    Some((Sku::parse(text_of(item, SKU)?).ok()?, available(item)?))
}

pub(crate) fn stock_key(sku: &Sku) -> Item {
    item([(SKU, text(sku))])
}

/// The pieces left by an item of the table of stock.
pub(crate) fn available(item: &Item) -> Option<u32> {
    number_of(item, AVAILABLE)
}
