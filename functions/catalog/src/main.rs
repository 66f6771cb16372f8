//! Lambda function: lists and finds products, with what is in stock.

mod caching;
mod handler;
#[cfg(test)]
mod tests;
mod wire;

use std::process::ExitCode;

use aws_sdk_dynamodb::Client;
use dynamodb::{DynamoDb, Tables};
use lambda_kit::config::Variables;
use lambda_kit::{Error, aws, clock, http};

use crate::handler::Catalog;

fn main() -> ExitCode {
    lambda_kit::start("catalog", &["app", "catalog"], serve)
}

async fn serve(mut env: Variables) -> Result<(), Error> {
    let (products, stock) = (env.text("PRODUCTS_TABLE"), env.text("STOCK_TABLE"));
    let orders = env.text("ORDERS_TABLE");
    let tables = env.finish(|| {
        Some(Tables {
            products: products?,
            stock: stock?,
            orders: orders?,
        })
    })?;
    let store = DynamoDb::new(Client::new(&aws::config().await?), tables);
    http::serve(Catalog::new(store, clock::now)).await
}
