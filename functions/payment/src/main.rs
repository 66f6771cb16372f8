//! Lambda function: opens the payment page of an order.

mod handler;

use std::process::ExitCode;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use dynamodb::{DynamoDb, Tables};
use https::{Credential, HttpsClient};
use lambda_kit::config::Variables;
use lambda_kit::secret::{self, Secret};
use lambda_kit::{Error, aws, clock, http, traced};
use stripe::{PaymentMethods, Stripe, StripeConfig};

use crate::handler::Payment;

/// Stripe opens a page in about a second; a shopper waits no longer than this for one.
const STRIPE_TIMEOUT: Duration = Duration::from_secs(8);

fn main() -> ExitCode {
    lambda_kit::start("payment", &["app", "payment", "stripe"], serve)
}

async fn serve(mut env: Variables) -> Result<(), Error> {
    let tables = Tables::named(|name| env.text(name));
    let secrets = secret::Settings::read(&mut env);
    let api_base = env.base_url("STRIPE_API_BASE");
    let site_url = env.base_url("SITE_URL");
    let stage = env.text("STAGE");
    let payment_methods = env.parse("PAYMENT_METHODS", PaymentMethods::parse);
    let (tables, secrets, api_base, site_url, stage, payment_methods) =
        env.finish(|| Some((tables?, secrets?, api_base?, site_url?, stage?, payment_methods?)))?;
    let aws = aws::config().await?;
    let client = HttpsClient::new(STRIPE_TIMEOUT)?;
    let orders = DynamoDb::new(Client::from_conf(traced!(aws_sdk_dynamodb, &aws)), tables);
    let key = Secret::open(&aws, &secrets, "stripe_secret_key", Secret::text);
    let config = StripeConfig {
        api_base,
        secret_key: Credential::new(key.reader()),
        site_url,
        stage,
        payment_methods,
    };
    let payment = Payment {
        orders,
        provider: Stripe::new(config, client),
        clock: clock::now,
    };
    http::serve(payment).await
}
