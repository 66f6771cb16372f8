//! Lambda function: hands paid orders to the warehouse system.

mod handler;

use std::process::ExitCode;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use dynamodb::{DynamoDb, Tables};
use erp::{Erp, ErpConfig};
use https::{Credential, HttpsClient};
use jiff::SignedDuration;
use lambda_kit::config::Variables;
use lambda_kit::secret::{self, Secret};
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
    let tables = Tables::named(|name| env.text(name));
    let base_url = env.base_url("ERP_BASE_URL");
    let secret = secret::Settings::read(&mut env);
    let (tables, base_url, secret) = env.finish(|| Some((tables?, base_url?, secret?)))?;
    let aws = aws::config().await?;
    let client = HttpsClient::new(ERP_TIMEOUT)?;
    let orders = DynamoDb::new(Client::new(&aws), tables);
    let token = Secret::load(&aws, secret, |mut values| {
        let token = values.text("erp_token").map(SecretString::from);
        values.finish(|| token)
    })
    .await?;
    let config = ErpConfig {
        base_url,
        token: Credential::new(move || SecretString::clone(&token.current())),
    };
    let forwarder = Forwarder {
        orders,
        warehouse: Erp::new(config, client),
        clock: clock::now,
    };
    sqs::serve("forward", forwarder, LONGEST).await
}
