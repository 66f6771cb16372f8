//! Lambda function: hears what the payment provider tells of payments.

mod handler;
#[cfg(test)]
mod tests;

use std::process::ExitCode;

use dynamodb::{DynamoDb, Tables};
use lambda_kit::config::Variables;
use lambda_kit::secret::{self, Secret};
use lambda_kit::{Error, aws, clock, http, traced};
use queue::SqsOrderQueue;
use stripe::webhook::WebhookSecrets;

use crate::handler::PaymentEvents;

fn main() -> ExitCode {
    lambda_kit::start("payment-events", &["app", "payment_events"], serve)
}

async fn serve(mut env: Variables) -> Result<(), Error> {
    let tables = Tables::named(|name| env.text(name));
    let queue_url = env.text("ORDERS_QUEUE_URL");
    let stage = env.text("STAGE");
    let secret = secret::Settings::read(&mut env);
    let (tables, queue_url, stage, secret) = env.finish(|| Some((tables?, queue_url?, stage?, secret?)))?;
    let config = aws::config().await?;
    let events = PaymentEvents {
        orders: DynamoDb::new(
            aws_sdk_dynamodb::Client::from_conf(traced!(aws_sdk_dynamodb, &config)),
            tables,
        ),
        queue: SqsOrderQueue::new(traced!(aws_sdk_sqs, &config), queue_url),
        secrets: Secret::open(&config, secret, |mut values| {
            let secrets = values.parse("stripe_webhook_secrets", WebhookSecrets::parse);
            values.finish(|| secrets)
        }),
        clock: clock::now,
        stage,
    };
    http::serve(events).await
}
