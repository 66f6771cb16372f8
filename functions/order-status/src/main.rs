//! Lambda function: shows an order to who holds its access token.

mod handler;

use std::process::ExitCode;

use aws_sdk_dynamodb::Client;
use dynamodb::{DynamoDb, Tables};
use lambda_kit::config::Variables;
use lambda_kit::{Error, aws, http, traced};

use crate::handler::OrderStatus;

fn main() -> ExitCode {
    lambda_kit::start("order-status", &["app", "order_status"], serve)
}

async fn serve(mut env: Variables) -> Result<(), Error> {
    let tables = Tables::named(|name| env.text(name));
    let tables = env.finish(|| tables)?;
    let aws = aws::config().await?;
    let orders = DynamoDb::new(Client::from_conf(traced!(aws_sdk_dynamodb, &aws)), tables);
    http::serve(OrderStatus { orders }).await
}
