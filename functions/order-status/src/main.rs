//! Lambda function: shows an order to who holds its access token.

mod handler;

use std::process::ExitCode;

use app::AccessKeys;
use aws_sdk_dynamodb::Client;
use dynamodb::{DynamoDb, Tables};
use lambda_kit::config::Variables;
use lambda_kit::secret::{self, Secret};
use lambda_kit::{Error, aws, http, traced};

use crate::handler::OrderStatus;

fn main() -> ExitCode {
    lambda_kit::start("order-status", &["app", "order_status"], serve)
}

async fn serve(mut env: Variables) -> Result<(), Error> {
    let tables = Tables::named(|name| env.text(name));
    let secrets = secret::Settings::read(&mut env);
    let (tables, secrets) = env.finish(|| Some((tables?, secrets?)))?;
    let aws = aws::config().await?;
    let orders = DynamoDb::new(Client::from_conf(traced!(aws_sdk_dynamodb, &aws)), tables);
    let keys = Secret::open(&aws, &secrets, "access_token_keys", |keys| {
        Ok(AccessKeys::parse(keys)?)
    });
    http::serve(OrderStatus { orders, keys }).await
}
