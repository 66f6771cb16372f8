//! Lambda function: hands paid orders to the warehouse.

mod handler;

use std::process::ExitCode;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use dynamodb::{DynamoDb, Tables};
use erp::{Erp, ErpConfig};
use https::HttpsClient;
use jiff::SignedDuration;
use lambda_kit::config::Variables;
use lambda_kit::sqs::{self, Pace};
use lambda_kit::{Error, aws};

use crate::handler::OrderForwarder;

/// The longest wait for one answer of the warehouse.
const WAREHOUSE_TIMEOUT: Duration = Duration::from_secs(8);
/// One order at a time: how many instances there are is how fast the warehouse is fed. A hand-over asks the warehouse three times
/// at the most.
const PACE: Pace = Pace {
    at_once: 1,
    longest: SignedDuration::from_secs(26),
};

fn main() -> ExitCode {
    lambda_kit::start("order-forwarder", &["app", "order_forwarder"], serve)
}

async fn serve(mut env: Variables) -> Result<(), Error> {
    let orders = env.text("ORDERS_TABLE");
    let stock = env.text("STOCK_TABLE");
    let base_url = env.base_url("ERP_BASE_URL");
    let token = env.text("ERP_TOKEN");
    let (tables, erp) = env.finish(|| {
        // This function sees no products.
        let tables = Tables {
            orders: orders?,
            stock: stock?,
            products: String::new(),
        };
        Some((
            tables,
            ErpConfig {
                base_url: base_url?,
                token: token?.into(),
            },
        ))
    })?;
    let orders = DynamoDb::new(Client::new(&aws::config().await?), tables);
    let warehouse = Erp::new(erp, HttpsClient::new(WAREHOUSE_TIMEOUT)?);
    sqs::serve(
        OrderForwarder {
            orders,
            warehouse,
            clock: lambda_kit::clock::now,
        },
        PACE,
    )
    .await
}
