//! Lambda function: runs due jobs, every minute.

mod handler;

use std::num::NonZeroU16;
use std::process::ExitCode;
use std::time::Duration;

use dynamodb::{DynamoDb, Tables, WarehouseCircuit};
use https::{Credential, HttpsClient};
use lambda_kit::config::Variables;
use lambda_kit::secret::{self, Secret};
use lambda_kit::{Error, aws, clock, schedule, traced};
use queue::SqsOrderQueue;
use stripe::{PaymentMethods, Stripe, StripeConfig};

use crate::handler::Reconciler;

/// Nobody waits for an answer here, but the next order does.
const STRIPE_TIMEOUT: Duration = Duration::from_secs(5);

/// What waits for the warehouse keeps it busy until the run after next: one may come late.
const MINUTES_OF_BACKLOG: usize = 2;

fn main() -> ExitCode {
    lambda_kit::start("reconciler", &["app", "reconciler", "stripe"], serve)
}

async fn serve(mut env: Variables) -> Result<(), Error> {
    let tables = Tables::named(|name| env.text(name));
    let queue_url = env.text("ORDERS_QUEUE_URL");
    let api_base = env.base_url("STRIPE_API_BASE");
    let circuits = env.text("CIRCUITS_TABLE");
    let orders_per_minute: Option<NonZeroU16> = env.parse("WAREHOUSE_ORDERS_PER_MINUTE", str::parse);
    let stage = env.text("STAGE");
    let secrets = secret::Settings::read(&mut env);
    let (tables, circuits, queue_url, orders_per_minute, api_base, stage, secrets) = env.finish(|| {
        Some((
            tables?,
            circuits?,
            queue_url?,
            orders_per_minute?,
            api_base?,
            stage?,
            secrets?,
        ))
    })?;
    let config = aws::config().await?;
    let client = aws_sdk_dynamodb::Client::from_conf(traced!(aws_sdk_dynamodb, &config));
    // Most runs find nothing to ask the payment provider.
    let key = Secret::unopened(&config, &secrets, "stripe_secret_key", Secret::text);
    let stripe = StripeConfig {
        api_base,
        secret_key: Credential::new(key.reader()),
        // Of pages; this function opens none.
        site_url: String::new(),
        payment_methods: PaymentMethods::default(),
        stage,
    };
    let reconciler = Reconciler {
        circuits: WarehouseCircuit::new(client.clone(), circuits),
        orders: DynamoDb::new(client, tables),
        queue: SqsOrderQueue::new(traced!(aws_sdk_sqs, &config), queue_url),
        provider: Stripe::new(stripe, HttpsClient::new(STRIPE_TIMEOUT)?),
        clock: clock::now,
        backlog: MINUTES_OF_BACKLOG * usize::from(orders_per_minute.get()),
    };
    schedule::serve("reconcile", reconciler).await
}
