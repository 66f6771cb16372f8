//! Putting back what tables held at another second, from copies of them. For an operator, while nobody else writes: these read whole tables.

use std::collections::HashMap;

use app::ports::StoreError;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::AttributeValue;
use domain::{AccessToken, Order, OrderId, Sku};

use crate::DynamoDb;
use crate::catalogue::product;
use crate::failure::{corrupt, failed};
use crate::item::{Item, item, number, number_of, text, text_of};
use crate::keys::{ACCESS_TOKEN, AVAILABLE, ORDER_ID, PLACED_AT, SKU, VERSION};
use crate::order_document::{from_item, stored_token};
use crate::stock::{available, stock_key};

/// The most items that one read asks for by their keys.
const PAGE: i32 = 100;

/// An order as it is stored, whether or not it can be read.
#[derive(Debug)]
pub struct StoredOrder {
    /// Its id.
    pub id: OrderId,
    /// The order, or why it cannot be read.
    pub order: Result<Order, StoreError>,
    item: Item,
}

/// A part of a table of orders.
#[derive(Debug)]
pub struct OrdersPage {
    /// At most 100, in no order.
    pub orders: Vec<StoredOrder>,
    /// Items beside them whose id is no order's.
    pub strangers: usize,
    /// The key after which the table goes on; `None` at its end.
    pub next: Option<HashMap<String, AttributeValue>>,
}

/// What is left of a SKU as it is stored.
#[derive(Debug)]
pub struct StoredLevel {
    /// Pieces left; `None` where what is stored is no such number.
    pub available: Option<u32>,
    stored: Option<AttributeValue>,
}

impl DynamoDb {
    /// Orders of the whole table, a page at a time (a consistent read).
    ///
    /// # Errors
    /// [`StoreError`] where the store does not answer. A single order that cannot be read is part of the answer.
    pub async fn orders_page(&self, after: Option<Item>) -> Result<OrdersPage, StoreError> {
        let page = self
            .client
            .scan()
            .table_name(&self.tables.orders)
            .set_exclusive_start_key(after)
            .consistent_read(true)
            .limit(PAGE)
            .send()
            .await
            .map_err(failed)?;
        let items = page.items.unwrap_or_default();
        let found = items.len();
        let orders: Vec<_> = items.into_iter().filter_map(stored_order).collect();
        Ok(OrdersPage {
            strangers: found - orders.len(),
            orders,
            next: page.last_evaluated_key,
        })
    }

    /// Those of `ids` that are stored, readable or not.
    ///
    /// # Errors
    /// As [`Self::orders_page`].
    pub async fn stored_orders(&self, ids: &[OrderId]) -> Result<HashMap<OrderId, StoredOrder>, StoreError> {
        let keys = ids.iter().copied().map(order_key);
        let items = self.batch_get(&self.tables.orders, keys).await?;
        let orders = items.into_iter().filter_map(stored_order);
        Ok(orders.map(|stored| (stored.id, stored)).collect())
    }

    /// Stores `order` of another table as it is there, in place of `current`, or where none of its id is stored. Over `current` it gets a version
    /// that neither had, so that no write which was decided before finds the version that it read, and keeps the access token of `current`: one that was
    /// revoked meanwhile stays void, and one that was stored meanwhile stays. `false`: something else is stored, and stays.
    ///
    /// # Errors
    /// [`StoreError`]; it may have been stored.
    pub async fn put_back(
        &self,
        order: &StoredOrder,
        current: Option<&StoredOrder>,
    ) -> Result<bool, StoreError> {
        let mut restored = order.item.clone();
        let version = |stored: &StoredOrder| number_of::<u64>(&stored.item, VERSION).unwrap_or_default();
        let mut put = self.client.put_item().table_name(&self.tables.orders);
        put = match current {
            None => put.condition_expression(format!("attribute_not_exists({ORDER_ID})")),
            Some(current) => {
                let next = version(order).max(version(current)) + 1;
                restored.insert(VERSION.to_owned(), number(next));
                let is_same_life = current.item.get(PLACED_AT) == restored.get(PLACED_AT);
                if let Some(token) = token_of(&current.item).filter(|_| is_same_life) {
                    restored.insert(ACCESS_TOKEN.to_owned(), stored_token(&token));
                }
                match current.item.get(VERSION) {
                    None => put.condition_expression(format!("attribute_not_exists({VERSION})")),
                    Some(stored) => put
                        .condition_expression(format!("{VERSION} = :stored"))
                        .expression_attribute_values(":stored", stored.clone()),
                }
            }
        };
        match put.set_item(Some(restored)).send().await {
            Ok(_) => Ok(true),
            Err(SdkError::ServiceError(error))
                if matches!(error.err(), PutItemError::ConditionalCheckFailedException(_)) =>
            {
                Ok(false)
            }
            Err(error) => Err(failed(error)),
        }
    }

    /// What is left of every SKU, as it is stored.
    ///
    /// # Errors
    /// [`StoreError`] where the store does not answer, or an item has no SKU.
    pub async fn stored_levels(&self) -> Result<HashMap<Sku, StoredLevel>, StoreError> {
        let items = self.items_of(&self.tables.stock).await?;
        let level = |item: Item| {
            let sku = text_of(&item, SKU).and_then(|sku| Sku::parse(sku).ok());
            let level = StoredLevel {
                available: available(&item),
                stored: item.get(AVAILABLE).cloned(),
            };
            sku.map(|sku| (sku, level))
                .ok_or_else(|| corrupt("the SKU of a stock level"))
        };
        items.into_iter().map(level).collect()
    }

    /// Sets what is left of `sku`, in place of `current`. `false`: something else is stored, and stays.
    ///
    /// # Errors
    /// [`StoreError`]; it may have been set.
    pub async fn set_level(
        &self,
        sku: &Sku,
        pieces: u32,
        current: Option<&StoredLevel>,
    ) -> Result<bool, StoreError> {
        let set = self
            .client
            .update_item()
            .table_name(&self.tables.stock)
            .set_key(Some(stock_key(sku)))
            .update_expression(format!("SET {AVAILABLE} = :pieces"))
            .expression_attribute_values(":pieces", number(pieces));
        let set = match current.and_then(|current| current.stored.clone()) {
            None => set.condition_expression(format!("attribute_not_exists({AVAILABLE})")),
            Some(stored) => set
                .condition_expression(format!("{AVAILABLE} = :stored"))
                .expression_attribute_values(":stored", stored),
        };
        match set.send().await {
            Ok(_) => Ok(true),
            Err(SdkError::ServiceError(error))
                if matches!(error.err(), UpdateItemError::ConditionalCheckFailedException(_)) =>
            {
                Ok(false)
            }
            Err(error) => Err(failed(error)),
        }
    }

    /// Stores the products of the table of `other` that are missing here or cannot be read; with `all`, those that differ too. How many; `dry_run`
    /// only counts.
    ///
    /// # Errors
    /// [`StoreError`]; some may have been stored.
    pub async fn put_back_products(
        &self,
        other: &Self,
        all: bool,
        dry_run: bool,
    ) -> Result<usize, StoreError> {
        let sku = |item: &Item| text_of(item, SKU).unwrap_or_default().to_owned();
        let current = self.items_of(&self.tables.products).await?;
        let current: HashMap<_, _> = current.into_iter().map(|item| (sku(&item), item)).collect();
        let mut wanted = other.items_of(&other.tables.products).await?;
        wanted.retain(|item| match current.get(&sku(item)) {
            Some(stands) if product(stands).is_ok() => all && stands != item,
            _ => true,
        });
        let count = wanted.len();
        if !dry_run {
            self.batch_put(&self.tables.products, wanted.into_iter()).await?;
        }
        Ok(count)
    }

    /// Every item of a table (a consistent read).
    async fn items_of(&self, table: &str) -> Result<Vec<Item>, StoreError> {
        let scan = self.client.scan().table_name(table).consistent_read(true);
        let mut pages = scan.into_paginator().items().send();
        let mut items = Vec::new();
        while let Some(item) = pages.next().await {
            items.push(item.map_err(failed)?);
        }
        Ok(items)
    }
}

fn order_key(id: OrderId) -> Item {
    item([(ORDER_ID, text(id))])
}

/// The access token that is stored, where it can be read.
fn token_of(item: &Item) -> Option<AccessToken> {
    let stored = item.get(ACCESS_TOKEN)?.as_b().ok()?;
    AccessToken::from_bytes(stored.as_ref()).ok()
}

/// `None` where its id is no order's.
fn stored_order(item: Item) -> Option<StoredOrder> {
    Some(StoredOrder {
        id: OrderId::parse(text_of(&item, ORDER_ID)?).ok()?,
        order: from_item(&item),
        item,
    })
}
