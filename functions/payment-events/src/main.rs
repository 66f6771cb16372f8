//! Lambda function: hears what the payment provider tells of payments.

mod handler;
#[cfg(test)]
mod tests;

use std::process::ExitCode;

use dynamodb::{DynamoDb, Tables};
use lambda_kit::config::Variables;
use lambda_kit::{Error, aws, clock, http};
use queue::SqsOrderQueue;
use stripe::webhook::WebhookSecrets;

use crate::handler::PaymentEvents;

fn main() -> ExitCode {
    lambda_kit::start("payment-events", &["app", "payment_events"], serve)
}

async fn serve(mut env: Variables) -> Result<(), Error> {
    let (products, stock) = (env.text("PRODUCTS_TABLE"), env.text("STOCK_TABLE"));
    let orders = env.text("ORDERS_TABLE");
    let queue_url = env.text("ORDERS_QUEUE_URL");
    let secrets = env.parse("STRIPE_WEBHOOK_SECRETS", WebhookSecrets::parse);
    let (tables, queue_url, secrets) = env.finish(|| {
        let tables = Tables {
            products: products?,
            stock: stock?,
            orders: orders?,
        };
        Some((tables, queue_url?, secrets?))
    })?;
    let config = aws::config().await?;
    let events = PaymentEvents {
        orders: DynamoDb::new(aws_sdk_dynamodb::Client::new(&config), tables),
        queue: SqsOrderQueue::new(aws_sdk_sqs::Client::new(&config), queue_url),
        secrets,
        clock: clock::now,
    };
    http::serve(events).await
}
