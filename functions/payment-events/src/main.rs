//! Lambda function: settles payments from the provider's webhooks.

mod handler;
#[cfg(test)]
mod tests;

use std::process::ExitCode;
use std::time::Duration;

use dynamodb::{DynamoDb, Tables};
use https::{Credential, HttpsClient};
use lambda_kit::config::Variables;
use lambda_kit::secret::{self, Secret};
use lambda_kit::{Error, aws, clock, http, traced};
use queue::SqsOrderQueue;
use stripe::webhook::WebhookSecrets;
use stripe::{PaymentMethods, Stripe, StripeConfig};

use crate::handler::PaymentEvents;

/// Stripe itself waits for this function's answer.
const STRIPE_TIMEOUT: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    lambda_kit::start("payment-events", &["app", "payment_events", "stripe"], serve)
}

async fn serve(mut env: Variables) -> Result<(), Error> {
    let tables = Tables::named(|name| env.text(name));
    let queue_url = env.text("ORDERS_QUEUE_URL");
    let (stage, api_base) = (env.text("STAGE"), env.base_url("STRIPE_API_BASE"));
    let secrets = secret::Settings::read(&mut env);
    let (tables, queue_url, stage, api_base, secrets) =
        env.finish(|| Some((tables?, queue_url?, stage?, api_base?, secrets?)))?;
    let config = aws::config().await?;
    // Most events are settled without asking Stripe.
    let key = Secret::unopened(&config, &secrets, "stripe_secret_key", Secret::text);
    let stripe = StripeConfig {
        api_base,
        secret_key: Credential::new(key.reader()),
        // Of pages; this function opens none.
        site_url: String::new(),
        payment_methods: PaymentMethods::default(),
        stage: stage.clone(),
    };
    let events = PaymentEvents {
        orders: DynamoDb::new(
            aws_sdk_dynamodb::Client::from_conf(traced!(aws_sdk_dynamodb, &config)),
            tables,
        ),
        queue: SqsOrderQueue::new(traced!(aws_sdk_sqs, &config), queue_url),
        provider: Stripe::new(stripe, HttpsClient::new(STRIPE_TIMEOUT)?),
        secrets: Secret::open(&config, &secrets, "stripe_webhook_secrets", |secrets| {
            Ok(WebhookSecrets::parse(secrets)?)
        }),
        clock: clock::now,
        stage,
    };
    http::serve(events).await
}
