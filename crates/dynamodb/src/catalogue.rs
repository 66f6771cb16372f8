//! Products.

use std::collections::HashMap;

use app::ports::{Catalogue, ProductPage, StoreError};
use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use domain::{Currency, Money, Product, Sku, TaxRate};

use crate::DynamoDb;
use crate::failure::{corrupt, failed};
use crate::keys::{CATALOGUE, CURRENCY, NAME, PRICE, SKU, TAX_RATE, WHOLE_CATALOGUE};

pub(crate) type Item = HashMap<String, AttributeValue>;

impl Catalogue for DynamoDb {
    async fn page(&self, after: Option<&Sku>, limit: usize) -> Result<ProductPage, StoreError> {
        // One more than asked for tells exactly whether there are more.
        let wanted = i32::try_from(limit + 1).map_err(|_| corrupt("too long a page"))?;
        let (items, _) = self
            .query_products(after.map(|sku| AttributeValue::S(sku.to_string())), Some(wanted))
            .await?;
        let mut products = items.iter().map(product).collect::<Result<Vec<_>, _>>()?;
        let more = products.len() > limit;
        products.truncate(limit);
        Ok(ProductPage { products, more })
    }

    async fn all(&self) -> Result<Vec<Product>, StoreError> {
        let mut products = Vec::new();
        let mut after = None;
        loop {
            let (items, last) = self.query_products(after, None).await?;
            for item in &items {
                products.push(product(item)?);
            }
            match last.and_then(|mut key| key.remove(SKU)) {
                Some(key) => after = Some(key),
                None => return Ok(products),
            }
        }
    }

    async fn products(&self, skus: &[Sku]) -> Result<HashMap<Sku, Product>, StoreError> {
        let key = |sku: &Sku| {
            HashMap::from([
                (
                    CATALOGUE.to_owned(),
                    AttributeValue::S(WHOLE_CATALOGUE.to_owned()),
                ),
                (SKU.to_owned(), AttributeValue::S(sku.to_string())),
            ])
        };
        let items = self
            .batch_get(&self.tables.products, skus.iter().map(key))
            .await?;
        items
            .iter()
            .map(|item| product(item).map(|product| (product.sku.clone(), product)))
            .collect()
    }
}

impl DynamoDb {
    /// Stores products, replacing those of the same SKU. Their stock stays as it is.
    ///
    /// # Errors
    /// [`StoreError`]; some may have been stored.
    pub async fn put_products(&self, products: &[Product]) -> Result<(), StoreError> {
        self.batch_put(&self.tables.products, products.iter().map(item))
            .await
    }

    async fn query_products(
        &self,
        after: Option<AttributeValue>,
        limit: Option<i32>,
    ) -> Result<(Vec<Item>, Option<Item>), StoreError> {
        let condition = if after.is_some() {
            "#c = :all AND #s > :after"
        } else {
            "#c = :all"
        };
        let mut query = self
            .client
            .query()
            .table_name(&self.tables.products)
            .key_condition_expression(condition)
            .expression_attribute_names("#c", CATALOGUE)
            .expression_attribute_values(":all", AttributeValue::S(WHOLE_CATALOGUE.to_owned()))
            .set_limit(limit);
        if let Some(after) = after {
            query = query
                .expression_attribute_names("#s", SKU)
                .expression_attribute_values(":after", after);
        }
        let page = query.send().await.map_err(failed)?;
        Ok((page.items.unwrap_or_default(), page.last_evaluated_key))
    }

    /// Writes items in batches of 25, the service's limit, again and again while some are left over.
    pub(crate) async fn batch_put(
        &self,
        table: &str,
        items: impl Iterator<Item = Item>,
    ) -> Result<(), StoreError> {
        let put = |item| {
            let request = PutRequest::builder().set_item(Some(item)).build();
            request.map(|put| WriteRequest::builder().put_request(put).build())
        };
        let requests = items.map(put).collect::<Result<Vec<_>, _>>().map_err(corrupt)?;
        for chunk in requests.chunks(25) {
            let mut left = HashMap::from([(table.to_owned(), chunk.to_vec())]);
            while !left.is_empty() {
                let written = self
                    .client
                    .batch_write_item()
                    .set_request_items(Some(left))
                    .send()
                    .await;
                left = written.map_err(failed)?.unprocessed_items.unwrap_or_default();
            }
        }
        Ok(())
    }
}

/// Reads an item of the table of products.
fn product(item: &Item) -> Result<Product, StoreError> {
    let text = |name: &str| item.get(name).and_then(|value| value.as_s().ok());
    let number = |name: &str| {
        item.get(name)
            .and_then(|value| value.as_n().ok())
            .and_then(|n| n.parse::<i64>().ok())
    };
    let read = || {
        let currency = Currency::parse(text(CURRENCY)?)?;
        Some(Product {
            sku: Sku::parse(text(SKU)?).ok()?,
            name: text(NAME)?.clone(),
            unit_price: Money::new(number(PRICE)?, currency),
            tax_rate: TaxRate::from_percent(u8::try_from(number(TAX_RATE)?).ok()?)?,
        })
    };
    read().ok_or_else(|| corrupt(format!("product {:?}", text(SKU))))
}

fn item(product: &Product) -> Item {
    HashMap::from([
        (
            CATALOGUE.to_owned(),
            AttributeValue::S(WHOLE_CATALOGUE.to_owned()),
        ),
        (SKU.to_owned(), AttributeValue::S(product.sku.to_string())),
        (NAME.to_owned(), AttributeValue::S(product.name.clone())),
        (
            PRICE.to_owned(),
            AttributeValue::N(product.unit_price.minor().to_string()),
        ),
        (
            CURRENCY.to_owned(),
            AttributeValue::S(product.unit_price.currency().code().to_owned()),
        ),
        (
            TAX_RATE.to_owned(),
            AttributeValue::N(product.tax_rate.percent().to_string()),
        ),
    ])
}
