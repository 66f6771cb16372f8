//! Lambda function: shows an order to who holds its access token.

mod handler;

use std::process::ExitCode;

use app::AccessKeys;
use aws_sdk_dynamodb::Client;
use dynamodb::{DynamoDb, Tables};
use lambda_kit::config::Variables;
use lambda_kit::{Error, aws, http};

use crate::handler::OrderStatus;

fn main() -> ExitCode {
    lambda_kit::start("order-status", &["app", "order_status"], serve)
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
    let orders = DynamoDb::new(Client::new(&aws::config().await?), tables);
    http::serve(OrderStatus { orders, keys }).await
}
