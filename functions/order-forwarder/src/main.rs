//! Lambda function: hands paid orders to the warehouse system.

mod erp_access;
mod handler;
mod pace;

use std::convert::Infallible;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use app::{Breaker, BreakerMemory};
use aws_sdk_dynamodb::Client;
use dynamodb::{DynamoDb, Tables, WarehouseCircuit};
use erp::{Erp, ErpConfig};
use https::{ClientIdentity, Credential, HttpsClient};
use jiff::SignedDuration;
use lambda_kit::config::Variables;
use lambda_kit::secret::{self, Secret, SecretError};
use lambda_kit::{Error, aws, clock, sqs, traced};

use crate::erp_access::ErpAccess;
use crate::handler::Forwarder;
use crate::pace::Pace;

/// The warehouse takes half a second for an order; an answer that is so much later is looked for instead.
const ERP_TIMEOUT: Duration = Duration::from_secs(8);

/// What one order may take: three calls of the warehouse that run out of time, and a write.
const LONGEST: SignedDuration = SignedDuration::from_secs(26);

fn main() -> ExitCode {
    lambda_kit::start("order-forwarder", &["app", "erp", "order_forwarder"], serve)
}

/// The token of each call. With it the certificate is renewed: both may be rolled at any time.
fn credential(secret: Arc<Secret<ErpAccess>>, identity: ClientIdentity) -> Credential {
    Credential::new(move || {
        let (secret, identity) = (Arc::clone(&secret), identity.clone());
        async move {
            let access = secret.current().await?;
            identity.replace(access.certificate.clone());
            Ok::<_, SecretError>(access.token.clone())
        }
    })
}

async fn serve(mut env: Variables) -> Result<(), Error> {
    let tables = Tables::named(|name| env.text(name));
    let base_url = env.base_url("ERP_BASE_URL");
    let circuits = env.text("CIRCUITS_TABLE");
    let orders_per_minute = env.parse("WAREHOUSE_ORDERS_PER_MINUTE", str::parse);
    let instances = env.parse("WAREHOUSE_CONCURRENCY", str::parse);
    let grace = env.parse("REJECTION_GRACE", str::parse::<u32>);
    let authority = env.parse_or("ERP_AUTHORITY", None, |pem| {
        Ok::<_, Infallible>(Some(pem.to_owned()))
    });
    let secrets = secret::Settings::read(&mut env);
    let (tables, circuits, pace, grace, base_url, authority, secrets) = env.finish(|| {
        let pace = Pace::new(orders_per_minute?, instances?);
        Some((tables?, circuits?, pace, grace?, base_url?, authority?, secrets?))
    })?;
    let aws = aws::config().await?;
    let client = Client::from_conf(traced!(aws_sdk_dynamodb, &aws));
    let identity = ClientIdentity::default();
    let erp = HttpsClient::identified(ERP_TIMEOUT, identity.clone(), authority.as_deref())?;
    let config = ErpConfig {
        base_url,
        token: credential(
            Secret::open(&aws, &secrets, "erp_credentials", ErpAccess::parse),
            identity,
        ),
    };
    let circuit = WarehouseCircuit::new(client.clone(), circuits);
    let forwarder = Forwarder {
        orders: DynamoDb::new(client, tables),
        warehouse: Erp::new(config, erp),
        breaker: Breaker::new(circuit, BreakerMemory::default()),
        pace: pace.ok_or("so few orders a minute need fewer instances")?,
        rejection_grace: SignedDuration::from_hours(grace.into()),
        clock: clock::now,
    };
    sqs::serve("forward", forwarder, LONGEST).await
}
