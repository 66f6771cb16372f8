//! The shop's tables in the local engine.

use anyhow::Context;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_dynamodb::{Client, Config};
use dynamodb::{DynamoDb, Tables};
use sam_runner::runtime::REGION;
use sam_runner::template::{Stack, Table};

/// The shop's tables by their ids in the template, at the engine's endpoint.
pub(super) fn of(stack: &Stack, endpoint: String) -> anyhow::Result<DynamoDb> {
    let name = |id: &str| {
        let table: Option<&Table> = stack.tables.iter().find(|table| table.id == id);
        table
            .map(|table| table.name.clone())
            .with_context(|| format!("Resources.{id}: the template has no such table"))
    };
    let tables = Tables {
        products: name("ProductsTable")?,
        stock: name("StockTable")?,
        orders: name("OrdersTable")?,
    };
    Ok(DynamoDb::new(client(endpoint), tables))
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
