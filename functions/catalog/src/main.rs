//! Lambda function: lists and finds products, with what is in stock.

mod caching;
mod catalogue_cache;
#[cfg(test)]
mod fuzz;
mod handler;
#[cfg(test)]
mod tests;
mod wire;

use std::process::ExitCode;

use aws_sdk_dynamodb::Client;
use dynamodb::{DynamoDb, Tables};
use lambda_kit::config::Variables;
use lambda_kit::{Error, aws, clock, http, traced};

use crate::handler::Catalog;

fn main() -> ExitCode {
    lambda_kit::start("catalog", &["app", "catalog"], serve)
}

async fn serve(mut env: Variables) -> Result<(), Error> {
    let tables = Tables::named(|name| env.text(name));
    let tables = env.finish(|| tables)?;
    let store = DynamoDb::new(
        Client::from_conf(traced!(aws_sdk_dynamodb, &aws::config().await?)),
        tables,
    );
    http::serve(Catalog::new(store, clock::now)).await
}
