//! Lambda function: quotes carts and places orders.

#[cfg(test)]
mod fuzz;
mod handler;
mod idempotency_key;
#[cfg(test)]
mod tests;
mod wire;

use std::process::ExitCode;

use app::{AccessKeys, PriceMemory};
use aws_sdk_dynamodb::Client;
use domain::ShippingTable;
use dynamodb::{DynamoDb, Tables};
use lambda_kit::config::Variables;
use lambda_kit::secret::{self, Secret};
use lambda_kit::{Error, aws, clock, http, traced};

use crate::handler::Checkout;

fn main() -> ExitCode {
    lambda_kit::start("checkout", &["app", "checkout"], serve)
}

async fn serve(mut env: Variables) -> Result<(), Error> {
    let tables = Tables::named(|name| env.text(name));
    let secrets = secret::Settings::read(&mut env);
    let (tables, secrets) = env.finish(|| Some((tables?, secrets?)))?;
    let aws = aws::config().await?;
    let checkout = Checkout {
        store: DynamoDb::new(Client::from_conf(traced!(aws_sdk_dynamodb, &aws)), tables),
        prices: PriceMemory::default(),
        shipping: ShippingTable::of_the_shop(),
        keys: Secret::open(&aws, &secrets, "access_token_keys", |keys| {
            Ok(AccessKeys::parse(keys)?)
        }),
        clock: clock::now,
    };
    http::serve(checkout).await
}
