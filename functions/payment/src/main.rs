//! Lambda function: opens the payment page of an order.

mod handler;

use std::process::ExitCode;
use std::time::Duration;

use app::AccessKeys;
use aws_sdk_dynamodb::Client;
use dynamodb::{DynamoDb, Tables};
use https::HttpsClient;
use lambda_kit::config::Variables;
use lambda_kit::{Error, aws, clock, http};
use secrecy::SecretString;
use stripe::{Stripe, StripeConfig};

use crate::handler::Payment;

/// Stripe opens a page in about a second; a shopper waits no longer than this for one.
const STRIPE_TIMEOUT: Duration = Duration::from_secs(8);

fn main() -> ExitCode {
    lambda_kit::start("payment", &["app", "payment", "stripe"], serve)
}

async fn serve(mut env: Variables) -> Result<(), Error> {
    let (products, stock) = (env.text("PRODUCTS_TABLE"), env.text("STOCK_TABLE"));
    let orders = env.text("ORDERS_TABLE");
    let keys = env.parse("ACCESS_TOKEN_KEYS", AccessKeys::parse);
    let api_base = env.base_url("STRIPE_API_BASE");
    let secret_key = env.text("STRIPE_SECRET_KEY").map(SecretString::from);
    let site_url = env.base_url("SITE_URL");
    let (tables, keys, config) = env.finish(|| {
        let tables = Tables {
            products: products?,
            stock: stock?,
            orders: orders?,
        };
        let config = StripeConfig {
            api_base: api_base?,
            secret_key: secret_key?,
            site_url: site_url?,
        };
        Some((tables, keys?, config))
    })?;
    let payment = Payment {
        orders: DynamoDb::new(Client::new(&aws::config().await?), tables),
        provider: Stripe::new(config, HttpsClient::new(STRIPE_TIMEOUT)?),
        keys,
        clock: clock::now,
    };
    http::serve(payment).await
}
