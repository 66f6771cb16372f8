//! Lambda function: quotes carts and places orders.

#[cfg(test)]
mod fuzz;
mod handler;
mod idempotency_key;
#[cfg(test)]
mod tests;
mod wire;

use std::process::ExitCode;

use app::PriceMemory;
use aws_sdk_dynamodb::Client;
use domain::{AccessToken, ShippingTable};
use dynamodb::{DynamoDb, Tables};
use lambda_kit::config::Variables;
use lambda_kit::{Error, aws, clock, http, random, traced};

use crate::handler::Checkout;

fn main() -> ExitCode {
    lambda_kit::start("checkout", &["app", "checkout"], serve)
}

async fn serve(mut env: Variables) -> Result<(), Error> {
    let tables = Tables::named(|name| env.text(name));
    let tables = env.finish(|| tables)?;
    let aws = aws::config().await?;
    let checkout = Checkout {
        store: DynamoDb::new(Client::from_conf(traced!(aws_sdk_dynamodb, &aws)), tables),
        prices: PriceMemory::default(),
        shipping: ShippingTable::of_the_shop(),
        draw_token: || AccessToken::of_random(random::bytes()),
        clock: clock::now,
    };
    http::serve(checkout).await
}
