//! Lambda function: quotes carts and places orders.

mod handler;
mod idempotency_key;
mod refusal;
#[cfg(test)]
mod tests;
mod wire;

use std::process::ExitCode;

use app::AccessKeys;
use aws_sdk_dynamodb::Client;
use domain::ShippingTable;
use dynamodb::{DynamoDb, Tables};
use lambda_kit::config::Variables;
use lambda_kit::{Error, aws, clock, http};

use crate::handler::Checkout;

fn main() -> ExitCode {
    lambda_kit::start("checkout", &["app", "checkout"], serve)
}

async fn serve(mut env: Variables) -> Result<(), Error> {
    let (products, stock) = (env.text("PRODUCTS_TABLE"), env.text("STOCK_TABLE"));
    let orders = env.text("ORDERS_TABLE");
    let keys = env.parse("ACCESS_TOKEN_KEYS", AccessKeys::parse);
    let (tables, keys) = env.finish(|| {
        let tables = Tables {
            products: products?,
            stock: stock?,
            orders: orders?,
        };
        Some((tables, keys?))
    })?;
    let checkout = Checkout {
        store: DynamoDb::new(Client::new(&aws::config().await?), tables),
        shipping: ShippingTable::of_the_shop(),
        keys,
        clock: clock::now,
    };
    http::serve(checkout).await
}
