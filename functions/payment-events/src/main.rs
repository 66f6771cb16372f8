//! Lambda function: settles payments from the provider's webhooks.

mod handler;
#[cfg(test)]
mod tests;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use dynamodb::{DynamoDb, Tables};
use https::{Credential, HttpsClient};
use lambda_kit::config::Variables;
use lambda_kit::secret::{self, Secret};
use lambda_kit::{Error, aws, clock, http, traced};
use queue::SqsOrderQueue;
use stripe::{PaymentMethods, Stripe, StripeConfig};

use crate::handler::{PaymentEvents, Secrets};

/// Stripe itself waits for this function's answer.
const STRIPE_TIMEOUT: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    lambda_kit::start("payment-events", &["app", "payment_events", "stripe"], serve)
}

async fn serve(mut env: Variables) -> Result<(), Error> {
    let tables = Tables::named(|name| env.text(name));
    let queue_url = env.text("ORDERS_QUEUE_URL");
    let (stage, api_base) = (env.text("STAGE"), env.base_url("STRIPE_API_BASE"));
    let secret = secret::Settings::read(&mut env);
    let (tables, queue_url, stage, api_base, secret) =
        env.finish(|| Some((tables?, queue_url?, stage?, api_base?, secret?)))?;
    let config = aws::config().await?;
    let secrets = Secret::open(&config, secret, Secrets::read);
    let of_stripe = Arc::clone(&secrets);
    let stripe = StripeConfig {
        api_base,
        secret_key: Credential::new(move || {
            let secrets = Arc::clone(&of_stripe);
            async move { secrets.current().await.map(|known| known.stripe.clone()) }
        }),
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
        secrets,
        clock: clock::now,
        stage,
    };
    http::serve(events).await
}
