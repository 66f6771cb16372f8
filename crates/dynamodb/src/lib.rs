//! Adapter: orders, products and stock in DynamoDB.
//!
//! Every write of an order carries a condition; order and stock change in one transaction. Listings are Queries, never Scans;
//! those that read a whole table are an operator's: [`DynamoDb::parked`], [`DynamoDb::without_access_token`], and what restores a
//! table.

mod access_tokens;
mod carried;
mod catalogue;
mod circuits;
mod failure;
mod item;
mod keys;
mod order_document;
mod orders;
mod packed;
mod restored;
mod stock;

pub use circuits::WarehouseCircuit;
pub use restored::{OrdersPage, StoredLevel, StoredOrder};

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

impl Tables {
    /// The tables that `name_of` knows as `PRODUCTS_TABLE`, `STOCK_TABLE` and `ORDERS_TABLE`; it is asked for each of them, also
    /// where one is missing.
    pub fn named(mut name_of: impl FnMut(&str) -> Option<String>) -> Option<Self> {
        let products = name_of("PRODUCTS_TABLE");
        let stock = name_of("STOCK_TABLE");
        let orders = name_of("ORDERS_TABLE");
        Some(Self {
            products: products?,
            stock: stock?,
            orders: orders?,
        })
    }
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
