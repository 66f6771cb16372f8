//! The whole shop, running: everything that the template describes, on one machine.

mod options;
mod secrets;
mod shelves;

pub(crate) use options::default_processes;
pub use options::{Options, Port, Ports};

use crate::catalogue::Catalogue;
use crate::engines::doors::Doors;
use crate::engines::dynamodb::DynamoDb;
use crate::engines::secrets::SecretsManager;
use crate::engines::sqs::{QueueAttributes, Redrive, Sqs};
use crate::gateway::{Gateway, GatewayPort};
use crate::logs::Logs;
use crate::rights::{Front, Guard};
use crate::runtime::{ACCOUNT, InvokeError, ProcessInfo, REGION, Runtime, RuntimeOptions};
use crate::sandbox::payments::{Payments, PaymentsConfig};
use crate::sandbox::warehouse::{Warehouse, WarehouseConfig};
use crate::sources::Sources;
use crate::stocking::fill_shelves;
use crate::template::{Document, Function, Queue, Resolver, Stack, Surroundings};
use anyhow::Context;
use bytes::Bytes;
use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

/// `AWS::StackName`: how the names of functions, tables and queues begin.
const STACK_NAME: &str = "kontor";
/// Where the payment provider sends its events.
const WEBHOOK_PATH: &str = "/api/webhooks/stripe";
/// The functions' variable that names their secret.
const SECRET_NAME: &str = "SECRET_NAME";

/// The whole shop, running. [`World::stop`] ends it in order; dropping it ends it at once.
pub struct World {
    gateway: Option<Gateway>,
    sources: Sources,
    runtime: Runtime,
    payments: Payments,
    warehouse: Warehouse,
    secrets: SecretsManager,
    sqs: Sqs,
    dynamodb: Option<DynamoDb>,
    dynamodb_front: Front,
    guard: Guard,
    logs: Logs,
    stack: Stack,
    _doors: Option<Doors>,
    shop_url: String,
    notes: Vec<String>,
}

/// What is there before the functions are: their environment carries its addresses.
struct Outside {
    gateway: GatewayPort,
    payments: Payments,
    warehouse: Warehouse,
    secrets: SecretsManager,
    sqs: Sqs,
    dynamodb: DynamoDb,
    dynamodb_front: Front,
    guard: Guard,
    doors: Option<Doors>,
    notes: Vec<String>,
}

impl World {
    /// What the payment sandbox signs its events with: for tests that write events of their own.
    pub const WEBHOOK_SECRET: &str = secrets::STRIPE_WEBHOOK_SECRET;
    /// What the access tokens of orders are signed with.
    pub const ACCESS_TOKEN_KEY: &str = secrets::ACCESS_TOKEN_KEYS;

    /// Starts everything. Returns when the shop answers.
    ///
    /// # Errors
    /// Whatever is wrong with the template, the catalogue, the build or a port, in a line that says what to do.
    pub async fn start(options: Options) -> anyhow::Result<Self> {
        let document = Document::read(&options.template)?;
        let catalogue = Catalogue::read(&options.catalogue)?;
        // Before the long part: what is wrong with the template or the ports is told at once.
        let outside = Outside::start(&options).await?;
        let stack = outside.read(&document, &options)?;
        announce(&options, "Building the functions");
        let functions = with_binaries(&stack, &options).await?;
        announce(
            &options,
            &format!("Stocking the shop with {} products", catalogue.products.len()),
        );
        for table in &stack.tables {
            outside
                .dynamodb
                .create_table(&table.properties)
                .with_context(|| format!("Resources.{}", table.id))?;
        }
        let shelves = shelves::of(&stack, outside.dynamodb.endpoint())?;
        fill_shelves(&shelves, &catalogue).await?;
        Self::open(outside, stack, functions, &options).await
    }

    async fn open(
        outside: Outside,
        stack: Stack,
        functions: Vec<(Function, PathBuf)>,
        options: &Options,
    ) -> anyhow::Result<Self> {
        let Outside {
            gateway,
            payments,
            warehouse,
            secrets,
            sqs,
            dynamodb,
            dynamodb_front,
            guard,
            doors,
            mut notes,
        } = outside;
        for function in &stack.functions {
            if let Some(name) = function.environment.get(SECRET_NAME) {
                secrets.put(name, &secrets::text());
            }
        }
        guard.hold(&stack.functions);
        guard.check_sources(&stack.functions)?;
        let logs = Logs::to(options.logs);
        let mut environment = BTreeMap::from([
            ("AWS_ENDPOINT_URL_DYNAMODB".to_owned(), dynamodb_front.endpoint()),
            ("AWS_ENDPOINT_URL_SECRETS_MANAGER".to_owned(), secrets.endpoint()),
            ("AWS_ENDPOINT_URL_SQS".to_owned(), sqs.endpoint()),
        ]);
        environment.extend(options.environment.clone());
        let runtime = on_port("Lambda", options.ports.lambda, &mut notes, async |port| {
            Runtime::start(RuntimeOptions {
                functions: functions.clone(),
                port,
                max_processes: options.max_processes,
                environment: environment.clone(),
                logs: logs.clone(),
            })
            .await
        })
        .await?;
        let shop_url = gateway.url().to_owned();
        let gateway = gateway.serve(&stack.functions, &options.website, runtime.clone());
        let sources = Sources::start(&stack.functions, &sqs, &runtime, &logs, options.max_processes);
        Ok(Self {
            gateway: Some(gateway),
            sources,
            runtime,
            payments,
            warehouse,
            secrets,
            sqs,
            dynamodb: Some(dynamodb),
            dynamodb_front,
            guard,
            logs,
            stack,
            _doors: doors,
            shop_url,
            notes,
        })
    }

    /// The shop's address: website and API.
    pub fn shop_url(&self) -> &str {
        &self.shop_url
    }

    /// The payment provider's sandbox.
    pub fn payments_url(&self) -> String {
        self.payments.url()
    }

    /// The warehouse simulator.
    pub fn warehouse_url(&self) -> String {
        self.warehouse.url()
    }

    /// DynamoDB, for SDKs and the AWS CLI.
    pub fn dynamodb_endpoint(&self) -> String {
        self.dynamodb_front.endpoint()
    }

    /// Secrets Manager, for SDKs and the AWS CLI.
    pub fn secrets_endpoint(&self) -> String {
        self.secrets.endpoint()
    }

    /// Gives a member of the functions' secret another value, as an operator would: `NEW,OLD` keeps two live.
    pub fn roll_secret(&self, member: &str, value: &str) {
        self.secrets.roll(member, value);
    }

    /// Who did what with the engines, and who was refused.
    pub fn guard(&self) -> &Guard {
        &self.guard
    }

    /// SQS, for SDKs and the AWS CLI.
    pub fn sqs_endpoint(&self) -> String {
        self.sqs.endpoint()
    }

    /// Lambda's Invoke API, for `aws lambda invoke`.
    pub fn lambda_endpoint(&self) -> &str {
        self.runtime.url()
    }

    /// The queues themselves, for looking into them.
    pub fn sqs(&self) -> &Sqs {
        &self.sqs
    }

    /// The resolved template: names of functions, tables and queues.
    pub fn stack(&self) -> &Stack {
        &self.stack
    }

    /// What the functions write.
    pub fn logs(&self) -> &Logs {
        &self.logs
    }

    /// What did not go quite as asked, for instance a port that was taken.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// The processes of a function as they are now; by its name, its id in the template or its binary's name.
    pub fn processes(&self, function: &str) -> Vec<ProcessInfo> {
        self.runtime.processes(function)
    }

    /// Sends an event to a function and waits for its answer.
    pub async fn invoke(&self, function: &str, event: Bytes) -> Result<Bytes, InvokeError> {
        self.runtime.invoke(function, event).await
    }

    /// Runs a scheduled function now, with the event that the clock would send, and waits for its answer.
    pub async fn run_schedule_now(&self, function: &str) -> anyhow::Result<Bytes> {
        self.sources.run_schedule_now(function).await
    }

    /// Ends everything in order: no new requests or messages, what has begun may finish for a moment, no process is left,
    /// files are closed.
    pub async fn stop(mut self) {
        self.gateway.take();
        self.sources.stop().await;
        self.runtime.stop().await;
        if let Some(dynamodb) = self.dynamodb.take() {
            // It waits for its own threads.
            let _ = tokio::task::spawn_blocking(move || dynamodb.shutdown()).await;
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // Connections to the gateway that are still open hold the runtime; its processes must not wait for them.
        self.runtime.kill();
    }
}

impl Outside {
    async fn start(options: &Options) -> anyhow::Result<Self> {
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
        let start = async |port| Front::of_dynamodb(port, &dynamodb.endpoint(), &guard).await;
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
    fn read(&self, document: &Document, options: &Options) -> anyhow::Result<Stack> {
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

async fn with_binaries(stack: &Stack, options: &Options) -> anyhow::Result<Vec<(Function, PathBuf)>> {
    let wanted: Vec<_> = stack
        .functions
        .iter()
        .map(|function| function.binary.clone())
        .collect();
    let built = options.binaries.provide(&wanted).await?;
    let path = |function: &Function| {
        let path = built.get(&function.binary).cloned();
        Ok((
            function.clone(),
            path.with_context(|| format!("`{}` was not built", function.binary.name))?,
        ))
    };
    stack.functions.iter().map(path).collect()
}

/// Starts something on its port, or on any free one if nobody insists and the port is taken.
async fn on_port<T>(
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

fn announce(options: &Options, step: &str) {
    if options.announce {
        eprintln!("{step} ...");
    }
}
