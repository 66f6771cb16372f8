//! Lambda function: hands paid orders to the warehouse system.

mod handler;

use std::process::ExitCode;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use dynamodb::{DynamoDb, Tables};
use erp::{Erp, ErpConfig};
use https::HttpsClient;
use jiff::SignedDuration;
use lambda_kit::config::Variables;
use lambda_kit::{Error, aws, clock, sqs};
use secrecy::SecretString;

use crate::handler::Forwarder;

/// The warehouse takes half a second for an order; an answer that is so much later is looked for instead.
const ERP_TIMEOUT: Duration = Duration::from_secs(8);

/// What one order may take: three calls of the warehouse that run out of time, and a write.
const LONGEST: SignedDuration = SignedDuration::from_secs(26);

fn main() -> ExitCode {
    lambda_kit::start("order-forwarder", &["app", "erp", "order_forwarder"], serve)
}

async fn serve(mut env: Variables) -> Result<(), Error> {
    let (products, stock) = (env.text("PRODUCTS_TABLE"), env.text("STOCK_TABLE"));
    let orders = env.text("ORDERS_TABLE");
    let base_url = env.base_url("ERP_BASE_URL");
    let token = env.text("ERP_TOKEN").map(SecretString::from);
    let (tables, config) = env.finish(|| {
        let tables = Tables {
            products: products?,
            stock: stock?,
            orders: orders?,
        };
        let config = ErpConfig {
            base_url: base_url?,
            token: token?,
        };
        Some((tables, config))
    })?;
    let forwarder = Forwarder {
        orders: DynamoDb::new(Client::new(&aws::config().await?), tables),
        warehouse: Erp::new(config, HttpsClient::new(ERP_TIMEOUT)?),
        clock: clock::now,
    };
    sqs::serve("forward", forwarder, LONGEST).await
}
