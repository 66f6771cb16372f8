//! Adapter: orders, products and stock in DynamoDB.
//!
//! Every write of an order carries a condition; order and stock change in one transaction. Listings are Queries, never Scans.

mod catalogue;
mod failure;
mod keys;
mod order_document;
mod orders;
mod stock;

use aws_sdk_dynamodb::Client;

/// The names of the shop's tables.
#[derive(Clone, Debug)]
pub struct Tables {
    /// Products, for reading.
    pub products: String,
    /// Pieces left of each SKU.
    pub stock: String,
    /// Orders.
    pub orders: String,
}

/// The shop's tables.
#[derive(Clone, Debug)]
pub struct DynamoDb {
    client: Client,
    tables: Tables,
}

impl DynamoDb {
    /// The tables of these names, by way of `client`.
    pub fn new(client: Client, tables: Tables) -> Self {
        Self { client, tables }
    }
}
