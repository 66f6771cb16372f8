//! Filling the shelves of a new shop.

use crate::catalogue::Catalogue;
use crate::runtime::REGION;
use crate::template::{Stack, Table};
use anyhow::Context;
use app::ports::Stock;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_dynamodb::{Client, Config};
use domain::{Sku, StockLevel};
use dynamodb::{DynamoDb, Tables};
use futures_util::future::try_join_all;

/// Batches of this many go out side by side.
const SIDE_BY_SIDE: usize = 500;

/// Puts the catalogue into the tables. Stock that is there already, from an earlier run on the same data, stays as it is.
pub(super) async fn fill_shelves(
    stack: &Stack,
    endpoint: String,
    catalogue: &Catalogue,
) -> anyhow::Result<()> {
    let shop = DynamoDb::new(client(endpoint), tables(stack)?);
    let products = try_join_all(
        catalogue
            .products
            .chunks(SIDE_BY_SIDE)
            .map(|chunk| shop.put_products(chunk)),
    );
    products.await.context("the products cannot be stored")?;
    let skus: Vec<Sku> = catalogue.stock.iter().map(|level| level.sku.clone()).collect();
    let known = shop.levels(&skus).await.context("the stock cannot be read")?;
    let new: Vec<StockLevel> = catalogue
        .stock
        .iter()
        .filter(|level| !known.contains_key(&level.sku))
        .cloned()
        .collect();
    let pieces = try_join_all(new.chunks(SIDE_BY_SIDE).map(|chunk| shop.put_stock(chunk)));
    pieces.await.context("the stock cannot be stored")?;
    Ok(())
}

/// The tables by their ids in the template.
fn tables(stack: &Stack) -> anyhow::Result<Tables> {
    let name = |id: &str| {
        let table: Option<&Table> = stack.tables.iter().find(|table| table.id == id);
        table
            .map(|table| table.name.clone())
            .with_context(|| format!("Resources.{id}: the template has no such table"))
    };
    Ok(Tables {
        products: name("ProductsTable")?,
        stock: name("StockTable")?,
        orders: name("OrdersTable")?,
    })
}

fn client(endpoint: String) -> Client {
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(REGION))
        .endpoint_url(endpoint)
        // The engine asks for a signature, and takes any.
        .credentials_provider(Credentials::new("test", "test", None, None, "local"))
        .http_client(aws_smithy_http_client::Builder::new().build_http());
    Client::from_conf(config.build())
}
