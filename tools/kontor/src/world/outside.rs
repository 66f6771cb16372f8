//! What surrounds the functions: engines in AWS's place, sandboxes in the payment provider's and the warehouse's.

use super::{Options, secrets};
use crate::catalogue::Catalogue;
use crate::stocking::put_catalogue;
use anyhow::Context;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_dynamodb::{Client, Config};
use dynamodb::{DynamoDb, Tables};
use sam_runner::engines::Engines;
use sam_runner::engines::proxy::Proxy;
use sam_runner::gateway::GatewayPort;
use sam_runner::runtime::REGION;
use sam_runner::template::{Document, Stack};
use sandboxes::payments::{Payments, PaymentsConfig};
use sandboxes::warehouse::{Warehouse, WarehouseConfig};
use std::collections::BTreeMap;

/// Where the payment provider sends its events.
const WEBHOOK_PATH: &str = "/api/webhooks/stripe";
/// The functions' variable that says where their secrets are.
const SECRETS_PATH: &str = "SECRETS_PATH";
/// `AWS::StackName`: how the names of functions, tables and queues begin.
const STACK_NAME: &str = "kontor";

/// All that is outside the functions, running and empty at first: engines, and the sandboxes of payment provider and warehouse.
pub struct Outside {
    pub(super) gateway: GatewayPort,
    pub(super) payments: Payments,
    pub(super) warehouse: Warehouse,
    pub(super) engines: Engines,
    pub(super) proxy: Option<Proxy>,
    pub(super) notes: Vec<String>,
}

impl Outside {
    /// Starts everything.
    ///
    /// # Errors
    /// Where a port is taken, or what is kept from an earlier run is not usable.
    pub async fn start(options: &Options) -> anyhow::Result<Self> {
        let Options { ports, .. } = options;
        let mut notes = Vec::new();
        let gateway = GatewayPort::bind(ports.shop)
            .await
            .context("choose another port with --port (0 is any free one)")?;
        let payments = Payments::start(PaymentsConfig {
            port: ports.payments,
            webhook_url: format!("{}{WEBHOOK_PATH}", gateway.url()),
            webhook_secret: secrets::STRIPE_WEBHOOK_SECRET.to_owned(),
            api_key: secrets::STRIPE_SECRET_KEY.to_owned(),
        });
        let payments = payments
            .await
            .context("choose another port with --payments-port (0 is any free one)")?;
        let warehouse = Warehouse::start(WarehouseConfig {
            port: ports.warehouse,
            latency: options.warehouse_latency,
            rate_per_s: options.warehouse_rate_per_s,
            token: secrets::ERP_TOKEN.to_owned(),
            data: options.data.as_ref().map(|directory| directory.join("warehouse")),
        });
        let warehouse = warehouse
            .await
            .context("choose another port with --warehouse-port (0 is any free one)")?;
        let engines = Engines::start(ports.engines, options.data.as_deref(), &mut notes).await?;
        let proxy = match options.listen_also {
            Some(address) => {
                let inside = [
                    payments.url(),
                    warehouse.url(),
                    engines.dynamodb_front.endpoint(),
                    engines.sqs.endpoint(),
                    engines.ssm.endpoint(),
                ];
                Some(Proxy::open(address, &inside).await?)
            }
            None => None,
        };
        Ok(Self {
            gateway,
            payments,
            warehouse,
            engines,
            proxy,
            notes,
        })
    }

    /// Makes the template's queues, and resolves the rest of it with their addresses.
    ///
    /// # Errors
    /// What is wrong with the template.
    pub fn read(&self, document: &Document, options: &Options) -> anyhow::Result<Stack> {
        self.engines
            .create_queues(document, STACK_NAME, self.parameters(options))
    }

    /// Makes the tables and the secrets, and puts the catalogue on the shelves.
    ///
    /// # Errors
    /// Where an engine refuses something.
    pub async fn stock(&self, stack: &Stack, catalogue: &Catalogue) -> anyhow::Result<()> {
        self.engines.create_tables(stack)?;
        if let Some(path) = secrets_path(stack) {
            for (name, value) in secrets::parameters() {
                self.engines.ssm.put(&format!("{path}/{name}"), &value);
            }
        }
        put_catalogue(&self.tables(stack)?, catalogue).await?;
        Ok(())
    }

    /// The shop's tables, past all roles: for filling them.
    ///
    /// # Errors
    /// Where the template has not all of them.
    pub fn tables(&self, stack: &Stack) -> anyhow::Result<DynamoDb> {
        let name = |id: &str| {
            let table = stack.tables.iter().find(|table| table.id == id);
            table
                .map(|table| table.name.clone())
                .with_context(|| format!("Resources.{id}: the template has no such table"))
        };
        let tables = Tables {
            products: name("ProductsTable")?,
            stock: name("StockTable")?,
            orders: name("OrdersTable")?,
        };
        Ok(DynamoDb::new(client(self.engines.dynamodb.endpoint()), tables))
    }

    /// The AWS_ENDPOINT_URL variables for the functions' SDK.
    pub fn environment(&self) -> BTreeMap<String, String> {
        self.engines.environment()
    }

    /// The template parameters with the addresses of the sandboxes.
    fn parameters(&self, options: &Options) -> BTreeMap<String, String> {
        let own = [
            ("SiteUrl", self.gateway.url().to_owned()),
            ("StripeApiBase", self.payments.url()),
            ("ErpBaseUrl", self.warehouse.url()),
        ];
        let own = own.into_iter().map(|(name, value)| (name.to_owned(), value));
        own.chain(options.parameters.clone()).collect()
    }
}

/// Where the functions' secrets are, all of them in one place; `None` where no function has one.
pub(super) fn secrets_path(stack: &Stack) -> Option<&str> {
    let mut environments = stack.functions.iter().map(|function| &function.environment);
    let path = environments.find_map(|environment| environment.get(SECRETS_PATH));
    path.map(String::as_str)
}

fn client(endpoint: String) -> Client {
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(REGION))
        .endpoint_url(endpoint)
        // The engine asks for a signature, and takes any.
        .credentials_provider(Credentials::new("test", "test", None, None, "local"))
        .http_client(aws_smithy_http_client::Builder::new().build_http());
    Client::from_conf(config.build())
}
