//! Orders, and the stock that they hold.

use std::time::Duration;

use app::ports::{Committed, Orders, Shortage, StoreError};
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    CancellationReason, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
};
use domain::{DueIndex, Order, OrderId, StockChange};
use jiff::Timestamp;

use crate::DynamoDb;
use crate::failure::{corrupt, failed};
use crate::item::{Item, item, number, number_of, text, text_of};
use crate::keys::{AVAILABLE, ORDER_ID, PARKED, PLACED_AT, VERSION};
use crate::order_document::{IndexKeys, from_item, to_item};
use crate::stock::{available, stock_key};

/// How often a transaction is tried that other transactions keep in conflict: with pauses of up to 25 ms, doubling to 800 ms,
/// some two seconds in all. A hot SKU takes some 500 transactions a second.
const TRIES: u32 = 9;
const FIRST_PAUSE: Duration = Duration::from_millis(25);
const LONGEST_PAUSE: Duration = Duration::from_millis(800);

impl Orders for DynamoDb {
    async fn get(&self, id: OrderId) -> Result<Option<Order>, StoreError> {
        let get = self
            .client
            .get_item()
            .table_name(&self.tables.orders)
            .key(ORDER_ID, text(id))
            .consistent_read(true);
        get.send()
            .await
            .map_err(failed)?
            .item
            .as_ref()
            .map(from_item)
            .transpose()
    }

    async fn commit(&self, order: Order, stock: Vec<StockChange>) -> Result<Committed, StoreError> {
        let condition = Condition::on(&order);
        let order = order.next_version();
        if stock.is_empty() {
            self.put(order, condition).await
        } else {
            self.transact(order, condition, stock).await
        }
    }

    async fn remove(&self, order: &Order) -> Result<(), StoreError> {
        let condition = Condition::on(order);
        let removed = self
            .client
            .delete_item()
            .table_name(&self.tables.orders)
            .key(ORDER_ID, text(order.id()))
            .condition_expression(condition.expression)
            .set_expression_attribute_values(condition.values)
            .send()
            .await;
        match removed {
            Err(SdkError::ServiceError(error)) if error.err().is_conditional_check_failed_exception() => {
                Ok(())
            }
            other => other.map(drop).map_err(failed),
        }
    }

    async fn due(
        &self,
        index: DueIndex,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<(OrderId, Timestamp)>, StoreError> {
        let mut due = self.due_by(&IndexKeys::of(index), now, limit).await?;
        if index == DueIndex::Forwarder {
            // Orders that the release before wrote; they move to their own index with the next write.
            due.extend(self.due_by(&IndexKeys::FORWARDER_BEFORE, now, limit).await?);
            due.sort_by_key(|(_, due_at)| *due_at);
            due.truncate(limit);
        }
        Ok(due)
    }
}

/// That the stored order is still the one that was read.
struct Condition {
    expression: String,
    values: Option<Item>,
}

impl Condition {
    fn on(order: &Order) -> Self {
        if order.version() == 0 {
            return Self {
                expression: format!("attribute_not_exists({ORDER_ID})"),
                values: None,
            };
        }
        let values = item([
            (":version", number(order.version())),
            (":placed_at", number(order.placed_at().as_millisecond())),
        ]);
        Self {
            expression: format!("{VERSION} = :version AND {PLACED_AT} = :placed_at"),
            values: Some(values),
        }
    }
}

impl DynamoDb {
    /// The orders that were set aside for a human: for an operator, since nothing is due for most of them, no index has them and the whole
    /// table is read.
    ///
    /// # Errors
    /// [`StoreError`] where the store does not answer. A single order that cannot be read is part of the answer.
    pub async fn parked(&self) -> Result<Vec<(OrderId, Result<Order, StoreError>)>, StoreError> {
        let mut parked = Vec::new();
        let mut pages = self
            .client
            .scan()
            .table_name(&self.tables.orders)
            .filter_expression(format!("attribute_exists({PARKED})"))
            .into_paginator()
            .items()
            .send();
        while let Some(item) = pages.next().await {
            let item = item.map_err(failed)?;
            let id = text_of(&item, ORDER_ID).and_then(|id| OrderId::parse(id).ok());
            parked.push((id.ok_or_else(|| corrupt("an order's id"))?, from_item(&item)));
        }
        Ok(parked)
    }

    /// What is due by one index.
    async fn due_by(
        &self,
        keys: &IndexKeys,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<(OrderId, Timestamp)>, StoreError> {
        let page = self
            .client
            .query()
            .table_name(&self.tables.orders)
            .index_name(keys.name)
            .key_condition_expression("#d = :value AND #at <= :now")
            .expression_attribute_names("#d", keys.partition)
            .expression_attribute_names("#at", keys.sort)
            .expression_attribute_values(":value", text(keys.value))
            .expression_attribute_values(":now", number(now.as_millisecond()))
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .send()
            .await
            .map_err(failed)?;
        let entry = |item: &Item| {
            let due_at = Timestamp::from_millisecond(number_of(item, keys.sort)?).ok()?;
            Some((OrderId::parse(text_of(item, ORDER_ID)?).ok()?, due_at))
        };
        let items = page.items.unwrap_or_default();
        items
            .iter()
            .map(|item| entry(item).ok_or_else(|| corrupt("an entry of an index")))
            .collect()
    }

    /// Stores an order whose stock does not change.
    async fn put(&self, order: Order, condition: Condition) -> Result<Committed, StoreError> {
        let put = self
            .client
            .put_item()
            .table_name(&self.tables.orders)
            .set_item(Some(to_item(&order)?))
            .condition_expression(condition.expression)
            .set_expression_attribute_values(condition.values)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let Err(error) = put.send().await else {
            return Ok(Committed::Done(order));
        };
        match error.as_service_error() {
            Some(PutItemError::ConditionalCheckFailedException(refused)) => {
                lost(order, refused.item.as_ref())
            }
            _ => Err(failed(error)),
        }
    }

    /// Stores an order and changes stock, all or nothing.
    async fn transact(
        &self,
        order: Order,
        condition: Condition,
        stock: Vec<StockChange>,
    ) -> Result<Committed, StoreError> {
        let put = Put::builder()
            .table_name(&self.tables.orders)
            .set_item(Some(to_item(&order)?))
            .condition_expression(condition.expression)
            .set_expression_attribute_values(condition.values)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()
            .map_err(corrupt)?;
        let mut items = vec![TransactWriteItem::builder().put(put).build()];
        for change in &stock {
            items.push(TransactWriteItem::builder().update(self.update(change)?).build());
        }
        let mut pause = FIRST_PAUSE;
        for _ in 0..TRIES {
            // The SDK gives each call a token of its own: its retries of a lost answer are one transaction.
            let sent = self
                .client
                .transact_write_items()
                .set_transact_items(Some(items.clone()))
                .send()
                .await;
            let Err(error) = sent else {
                return Ok(Committed::Done(order));
            };
            let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) =
                error.as_service_error()
            else {
                return Err(failed(error));
            };
            match Cancelled::read(cancelled.cancellation_reasons(), &stock) {
                Cancelled::Conflict(current) => return lost(order, current.as_ref()),
                Cancelled::OutOfStock(short) => return Ok(Committed::OutOfStock(short)),
                Cancelled::Unknown => return Err(StoreError::Unknown(Box::new(error))),
                Cancelled::Contended => {
                    tokio::time::sleep(pause.mul_f64(fastrand::f64())).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
        Err(StoreError::Busy)
    }

    fn update(&self, change: &StockChange) -> Result<Update, StoreError> {
        let (expression, condition, pieces) = match change {
            StockChange::Take { pieces, .. } => (
                format!("SET {AVAILABLE} = {AVAILABLE} - :n"),
                Some(format!("{AVAILABLE} >= :n")),
                pieces,
            ),
            StockChange::GiveBack { pieces, .. } => (format!("ADD {AVAILABLE} :n"), None, pieces),
        };
        Update::builder()
            .table_name(&self.tables.stock)
            .set_key(Some(stock_key(change.sku())))
            .update_expression(expression)
            .set_condition_expression(condition)
            .expression_attribute_values(":n", number(pieces))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()
            .map_err(corrupt)
    }
}

/// Why a transaction was cancelled.
enum Cancelled {
    /// The order is not as it was read; what is stored now.
    Conflict(Option<Item>),
    /// Stock is short.
    OutOfStock(Vec<Shortage>),
    /// Another transaction or a throttle was in the way: nothing is decided.
    Contended,
    /// For a reason that should not be.
    Unknown,
}

impl Cancelled {
    /// Reads the reasons, one for each item of the transaction: the order's first.
    fn read(reasons: &[CancellationReason], stock: &[StockChange]) -> Self {
        const CONTENDED: [&str; 3] = [
            "TransactionConflict",
            "ThrottlingError",
            "ProvisionedThroughputExceeded",
        ];
        let failed = |reason: &CancellationReason| reason.code() == Some("ConditionalCheckFailed");
        let Some((order, changes)) = reasons.split_first() else {
            return Self::Unknown;
        };
        if failed(order) {
            return Self::Conflict(order.item.clone());
        }
        if reasons
            .iter()
            .any(|reason| reason.code().is_some_and(|code| CONTENDED.contains(&code)))
        {
            return Self::Contended;
        }
        let short: Vec<_> = stock
            .iter()
            .zip(changes)
            .filter(|(_, reason)| failed(reason))
            .map(|(change, reason)| Shortage {
                sku: change.sku().clone(),
                available: reason.item().and_then(available).unwrap_or(0),
            })
            .collect();
        if short.is_empty() {
            Self::Unknown
        } else {
            Self::OutOfStock(short)
        }
    }
}

/// The condition failed: perhaps because this very write was done before and its answer lost.
fn lost(intended: Order, stored: Option<&Item>) -> Result<Committed, StoreError> {
    let stored = stored.map(from_item).transpose()?;
    // Read as it is stored: what it carried for an earlier attempt to pay was not written.
    if stored.is_some() && stored == Some(from_item(&to_item(&intended)?)?) {
        return Ok(Committed::Done(intended));
    }
    Ok(Committed::Conflict(stored.map(Box::new)))
}
