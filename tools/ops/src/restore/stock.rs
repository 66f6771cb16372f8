//! Stock from a copy of its table and from the orders.

use std::collections::HashMap;

use anyhow::Context;
use domain::Sku;
use dynamodb::DynamoDb;

use super::{Restore, Restored};
use crate::Shop;

/// Pieces that orders hold, sold ones included, by SKU.
#[derive(Clone, Debug, Default)]
pub(super) struct Taken {
    /// In the copy.
    pub(super) copied: HashMap<Sku, i64>,
    /// Now, with what was put back.
    pub(super) standing: HashMap<Sku, i64>,
}

impl Shop {
    /// Sets what is left of each SKU of the copy. What is left and what orders hold is constant, so what is left now is what was left and held
    /// then, less what is held now. SKUs that the copy does not have stay as they are.
    pub(super) async fn put_stock_back(
        &self,
        restore: &Restore,
        copies: &DynamoDb,
        taken: &Taken,
        restored: &mut Restored,
    ) -> anyhow::Result<()> {
        let levels = copies.stored_levels().await.context("the copy of the stock")?;
        let current = self.orders.stored_levels().await.context("the table of stock")?;
        for (sku, copy) in levels {
            let Some(left) = copy.available else {
                restored
                    .open
                    .push(format!("What was left of {sku} cannot be read in the copy"));
                continue;
            };
            let held = |pieces: &HashMap<Sku, i64>| pieces.get(&sku).copied().unwrap_or_default();
            let left = i64::from(left) + held(&taken.copied) - held(&taken.standing);
            if left < 0 {
                restored.short.insert(sku.to_string(), -left);
            }
            let left = u32::try_from(left.max(0)).context("more pieces than a level can say")?;
            let current = current.get(&sku);
            if current.is_some_and(|current| current.available == Some(left)) {
                continue;
            }
            restored.levels_set += 1;
            if !restore.dry_run
                && !self
                    .orders
                    .set_level(&sku, left, current)
                    .await
                    .context("the table of stock")?
            {
                restored.open.push(format!(
                    "What is left of {sku} changed meanwhile: stop the functions, and run this again"
                ));
            }
        }
        Ok(())
    }
}
