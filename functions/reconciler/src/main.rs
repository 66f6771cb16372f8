//! Lambda function: mends whatever was left half done, every minute.

mod handler;

use std::process::ExitCode;
use std::time::Duration;

use dynamodb::{DynamoDb, Tables};
use https::HttpsClient;
use lambda_kit::config::Variables;
use lambda_kit::{Error, aws, schedule};
use queue::SqsOrderQueue;
use stripe::{Stripe, StripeConfig};

use crate::handler::Reconciler;

/// The longest wait for one answer of the payment provider.
const PROVIDER_TIMEOUT: Duration = Duration::from_secs(8);

fn main() -> ExitCode {
    lambda_kit::start("reconciler", &["app", "reconciler"], serve)
}

async fn serve(mut env: Variables) -> Result<(), Error> {
    let orders = env.text("ORDERS_TABLE");
    let stock = env.text("STOCK_TABLE");
    let queue_url = env.text("ORDERS_QUEUE_URL");
    let api_base = env.base_url("STRIPE_API_BASE");
    let secret_key = env.text("STRIPE_SECRET_KEY");
    let (tables, queue_url, stripe) = env.finish(|| {
        // This function sees no products, and opens no payment page that would lead back to the website.
        let tables = Tables {
            orders: orders?,
            stock: stock?,
            products: String::new(),
        };
        let stripe = StripeConfig {
            api_base: api_base?,
            secret_key: secret_key?.into(),
            site_url: String::new(),
        };
        Some((tables, queue_url?, stripe))
    })?;
    let aws = aws::config().await?;
    schedule::serve(Reconciler {
        orders: DynamoDb::new(aws_sdk_dynamodb::Client::new(&aws), tables),
        queue: SqsOrderQueue::new(aws_sdk_sqs::Client::new(&aws), queue_url),
        provider: Stripe::new(stripe, HttpsClient::new(PROVIDER_TIMEOUT)?),
        clock: lambda_kit::clock::now,
    })
    .await
}
