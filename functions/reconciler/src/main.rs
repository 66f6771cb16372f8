//! Lambda function: mends whatever was left half done, every minute.

mod handler;

use std::process::ExitCode;
use std::time::Duration;

use dynamodb::{DynamoDb, Tables};
use https::{Credential, HttpsClient};
use lambda_kit::config::Variables;
use lambda_kit::secret::{self, Secret};
use lambda_kit::{Error, aws, clock, schedule};
use queue::SqsOrderQueue;
use secrecy::SecretString;
use stripe::{Stripe, StripeConfig};

use crate::handler::Reconciler;

/// Nobody waits for an answer here, but the next order does.
const STRIPE_TIMEOUT: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    lambda_kit::start("reconciler", &["app", "reconciler", "stripe"], serve)
}

async fn serve(mut env: Variables) -> Result<(), Error> {
    let tables = Tables::named(|name| env.text(name));
    let queue_url = env.text("ORDERS_QUEUE_URL");
    let api_base = env.base_url("STRIPE_API_BASE");
    let secret = secret::Settings::read(&mut env);
    let (tables, queue_url, api_base, secret) =
        env.finish(|| Some((tables?, queue_url?, api_base?, secret?)))?;
    let config = aws::config().await?;
    let key = Secret::load(&config, secret, |mut values| {
        let key = values.text("stripe_secret_key").map(SecretString::from);
        values.finish(|| key)
    })
    .await?;
    let stripe = StripeConfig {
        api_base,
        secret_key: Credential::new(move || SecretString::clone(&key.current())),
        // Where a shopper comes back to from a page; this function opens none.
        site_url: String::new(),
    };
    let reconciler = Reconciler {
        orders: DynamoDb::new(aws_sdk_dynamodb::Client::new(&config), tables),
        queue: SqsOrderQueue::new(aws_sdk_sqs::Client::new(&config), queue_url),
        provider: Stripe::new(stripe, HttpsClient::new(STRIPE_TIMEOUT)?),
        clock: clock::now,
    };
    schedule::serve("reconcile", reconciler).await
}
