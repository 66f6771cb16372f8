//! What surrounds the functions: engines in AWS's place, sandboxes in the payment provider's and the warehouse's.

use super::{Options, Port, secrets, shelves};
use crate::catalogue::Catalogue;
use crate::engines::doors::Doors;
use crate::engines::dynamodb::DynamoDb;
use crate::engines::secrets::SecretsManager;
use crate::engines::sqs::{QueueAttributes, Redrive, Sqs};
use crate::gateway::GatewayPort;
use crate::rights::{Front, Guard};
use crate::runtime::{ACCOUNT, REGION};
use crate::sandbox::payments::{Payments, PaymentsConfig};
use crate::sandbox::warehouse::{Warehouse, WarehouseConfig};
use crate::stocking::fill_shelves;
use crate::template::{Document, Queue, Resolver, Stack, Surroundings};
use anyhow::Context;
use std::collections::{BTreeMap, HashMap};

/// Where the payment provider sends its events.
const WEBHOOK_PATH: &str = "/api/webhooks/stripe";
/// The functions' variable that names their secret.
const SECRET_NAME: &str = "SECRET_NAME";
/// `AWS::StackName`: how the names of functions, tables and queues begin.
const STACK_NAME: &str = "kontor";

/// All that is outside the functions, running and empty at first: engines, and the sandboxes of payment provider and warehouse.
pub struct Outside {
    pub(super) gateway: GatewayPort,
    pub(super) payments: Payments,
    pub(super) warehouse: Warehouse,
    pub(super) secrets: SecretsManager,
    pub(super) sqs: Sqs,
    pub(super) dynamodb: DynamoDb,
    pub(super) dynamodb_front: Front,
    pub(super) guard: Guard,
    pub(super) doors: Option<Doors>,
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
        let data = |name: &str| options.data.as_ref().map(|directory| directory.join(name));
        let gateway = GatewayPort::bind(ports.shop).await?;
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
            data: data("warehouse"),
        });
        let warehouse = warehouse
            .await
            .context("choose another port with --warehouse-port (0 is any free one)")?;
        let place = data("dynamodb");
        let dynamodb = DynamoDb::start(0, place.as_deref()).await?;
        let guard = Guard::default();
        let start = async |port| Front::of_dynamodb(port, &dynamodb, &guard).await;
        let dynamodb_front = on_port("DynamoDB", ports.dynamodb, &mut notes, start).await?;
        let start = async |port| SecretsManager::start(port, guard.clone()).await;
        let secrets = on_port("Secrets Manager", ports.secrets, &mut notes, start).await?;
        let place = data("sqs");
        let start = async |port| Sqs::guarded(port, place.as_deref(), guard.clone()).await;
        let sqs = on_port("SQS", ports.sqs, &mut notes, start).await?;
        let doors = match options.listen_also {
            Some(address) => {
                let inside = [
                    payments.url(),
                    warehouse.url(),
                    dynamodb_front.endpoint(),
                    secrets.endpoint(),
                    sqs.endpoint(),
                ];
                Some(Doors::open(address, &inside).await?)
            }
            None => None,
        };
        Ok(Self {
            gateway,
            payments,
            warehouse,
            secrets,
            sqs,
            dynamodb,
            dynamodb_front,
            guard,
            doors,
            notes,
        })
    }

    /// Makes the template's queues, and resolves the rest of it with their addresses.
    ///
    /// # Errors
    /// What is wrong with the template.
    pub fn read(&self, document: &Document, options: &Options) -> anyhow::Result<Stack> {
        let parameters = self.parameters(options);
        // The queues name no queue's address, so that any does while they are read.
        let before = surroundings(parameters.clone(), &str::to_owned);
        let queues = Stack::queues(&Resolver::new(document, &before)?)?;
        let created = |queue: &Queue| {
            (
                queue.name.clone(),
                self.sqs.create_queue(&queue.name, attributes(queue)).url,
            )
        };
        let urls: HashMap<String, String> = queues.iter().map(created).collect();
        let url_of = |name: &str| urls.get(name).cloned().unwrap_or_default();
        let after = surroundings(parameters, &url_of);
        Ok(Stack::read(&Resolver::new(document, &after)?)?)
    }

    /// Makes the tables and the secrets, and puts the catalogue on the shelves.
    ///
    /// # Errors
    /// Where an engine refuses something.
    pub async fn stock(&self, stack: &Stack, catalogue: &Catalogue) -> anyhow::Result<()> {
        for table in &stack.tables {
            self.dynamodb
                .create_table(&table.properties)
                .with_context(|| format!("Resources.{}", table.id))?;
        }
        for function in &stack.functions {
            if let Some(name) = function.environment.get(SECRET_NAME) {
                self.secrets.put(name, &secrets::text());
            }
        }
        fill_shelves(&self.tables(stack)?, catalogue).await?;
        Ok(())
    }

    /// The shop's tables, past all rights: for filling them.
    ///
    /// # Errors
    /// Where the template has not all of them.
    pub fn tables(&self, stack: &Stack) -> anyhow::Result<dynamodb::DynamoDb> {
        shelves::of(stack, self.dynamodb.endpoint())
    }

    /// What tells the functions' SDK where the engines are.
    pub fn environment(&self) -> BTreeMap<String, String> {
        BTreeMap::from([
            (
                "AWS_ENDPOINT_URL_DYNAMODB".to_owned(),
                self.dynamodb_front.endpoint(),
            ),
            (
                "AWS_ENDPOINT_URL_SECRETS_MANAGER".to_owned(),
                self.secrets.endpoint(),
            ),
            ("AWS_ENDPOINT_URL_SQS".to_owned(), self.sqs.endpoint()),
        ])
    }

    /// The parameters that tell the functions where everything is.
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

fn surroundings(
    parameters: BTreeMap<String, String>,
    queue_url: &(dyn Fn(&str) -> String + Sync),
) -> Surroundings<'_> {
    Surroundings {
        stack_name: STACK_NAME,
        region: REGION,
        account: ACCOUNT,
        parameters,
        queue_url,
    }
}

fn attributes(queue: &Queue) -> QueueAttributes {
    QueueAttributes {
        visibility_timeout: queue.visibility_timeout,
        message_retention_period: queue.message_retention_period,
        delay: queue.delay,
        receive_message_wait_time: queue.receive_message_wait_time,
        redrive: queue.redrive.as_ref().map(|redrive| Redrive {
            target_queue: redrive.target_queue.clone(),
            max_receive_count: redrive.max_receive_count,
        }),
    }
}

/// Starts something on its port, or on any free one if nobody insists and the port is taken.
pub(super) async fn on_port<T>(
    what: &str,
    port: Port,
    notes: &mut Vec<String>,
    start: impl AsyncFn(u16) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let preferred = match port {
        Port::Exactly(port) => return start(port).await,
        Port::Rather(port) => port,
    };
    match tokio::net::TcpListener::bind(("127.0.0.1", preferred)).await {
        Ok(free) => {
            drop(free);
            start(preferred).await
        }
        Err(_) => {
            notes.push(format!(
                "{what} has another port than usual: {preferred} is taken."
            ));
            start(0).await
        }
    }
}
