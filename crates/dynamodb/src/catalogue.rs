//! Products.

use std::collections::HashMap;

use app::ports::{Catalogue, ProductPage, StoreError};
use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use domain::{Currency, Money, Product, Quantity, Sku, TaxRate};

use crate::DynamoDb;
use crate::failure::{corrupt, failed};
use crate::item::{Item, item, number, number_of, text, text_of};
use crate::keys::{CATALOGUE, CURRENCY, MAX_PER_ORDER, NAME, PRICE, SKU, TAX_RATE, WHOLE_CATALOGUE};

impl Catalogue for DynamoDb {
    async fn page(&self, after: Option<&Sku>, limit: usize) -> Result<ProductPage, StoreError> {
        // One more than asked for tells exactly whether there are more.
        let wanted = i32::try_from(limit + 1).map_err(|_| corrupt("too long a page"))?;
        let (items, _) = self.query_products(after.map(text), Some(wanted)).await?;
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
        let key = |sku: &Sku| item([(CATALOGUE, text(WHOLE_CATALOGUE)), (SKU, text(sku))]);
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
        self.batch_put(&self.tables.products, products.iter().map(product_item))
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
            .expression_attribute_values(":all", text(WHOLE_CATALOGUE))
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
pub(crate) fn product(item: &Item) -> Result<Product, StoreError> {
    let read = || {
        let currency = Currency::parse(text_of(item, CURRENCY)?)?;
        Some(Product {
            sku: Sku::parse(text_of(item, SKU)?).ok()?,
            name: text_of(item, NAME)?.to_owned(),
            unit_price: Money::new(number_of(item, PRICE)?, currency),
            tax_rate: TaxRate::from_percent(number_of(item, TAX_RATE)?)?,
            // The release before stored no limit.
            max_per_order: match number_of(item, MAX_PER_ORDER) {
                Some(pieces) => Quantity::new(pieces)?,
                None => Quantity::MAX,
            },
        })
    };
    read().ok_or_else(|| corrupt(format!("product {:?}", text_of(item, SKU))))
}

fn product_item(product: &Product) -> Item {
    item([
        (CATALOGUE, text(WHOLE_CATALOGUE)),
        (SKU, text(&product.sku)),
        (NAME, text(&product.name)),
        (PRICE, number(product.unit_price.minor())),
        (CURRENCY, text(product.unit_price.currency().code())),
        (TAX_RATE, number(product.tax_rate.percent())),
        (MAX_PER_ORDER, number(product.max_per_order.get())),
    ])
}
