//! Access tokens for orders of the release before, which stored none: an operator's work, done once.

use app::ports::StoreError;
use domain::{AccessToken, OrderId};

use crate::DynamoDb;
use crate::failure::{corrupt, failed};
use crate::item::{number, text, text_of};
use crate::keys::{ACCESS_TOKEN, ORDER_ID, VERSION};
use crate::order_document::stored_token;

impl DynamoDb {
    /// The orders that keep no access token. The whole table is read, half a read unit each 4 kB.
    ///
    /// # Errors
    /// [`StoreError`] where the store does not answer.
    pub async fn without_access_token(&self) -> Result<Vec<OrderId>, StoreError> {
        let mut items = self
            .client
            .scan()
            .table_name(&self.tables.orders)
            .projection_expression(ORDER_ID)
            .filter_expression(format!("attribute_not_exists({ACCESS_TOKEN})"))
            .into_paginator()
            .items()
            .send();
        let mut found = Vec::new();
        while let Some(item) = items.next().await {
            let item = item.map_err(failed)?;
            let id = text_of(&item, ORDER_ID).and_then(|id| OrderId::parse(id).ok());
            found.push(id.ok_or_else(|| corrupt("an order's id"))?);
        }
        Ok(found)
    }

    /// Stores `token` with an order that keeps none, under the next version: a function that has read the order before reads it again. `false`
    /// where the order keeps one by now, or is gone.
    ///
    /// # Errors
    /// [`StoreError`] where the store does not answer.
    pub async fn add_access_token(&self, id: OrderId, token: &AccessToken) -> Result<bool, StoreError> {
        let update = self
            .client
            .update_item()
            .table_name(&self.tables.orders)
            .key(ORDER_ID, text(id))
            .update_expression(format!("SET {ACCESS_TOKEN} = :token ADD {VERSION} :one"))
            .condition_expression(format!(
                "attribute_exists({ORDER_ID}) AND attribute_not_exists({ACCESS_TOKEN})"
            ))
            .expression_attribute_values(":token", stored_token(token))
            .expression_attribute_values(":one", number(1));
        match update.send().await {
            Ok(_) => Ok(true),
            Err(error) => match error.as_service_error() {
                Some(refused) if refused.is_conditional_check_failed_exception() => Ok(false),
                _ => Err(failed(error)),
            },
        }
    }
}
