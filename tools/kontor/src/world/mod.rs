//! The whole shop, running: everything that the template describes, on one machine.

mod options;
mod outside;
mod secrets;

pub(crate) use options::default_processes;
pub use options::{Options, Ports};
pub use outside::Outside;

use crate::catalogue::Catalogue;
use bytes::Bytes;
use sam_runner::binaries::Binaries;
use sam_runner::engines::Engines;
use sam_runner::engines::proxy::Proxy;
use sam_runner::engines::sqs::Sqs;
use sam_runner::gateway::Gateway;
use sam_runner::logs::Logs;
use sam_runner::rights::Guard;
use sam_runner::runtime::{INIT_TIMEOUT, InvokeError, ProcessInfo, Runtime, RuntimeOptions};
use sam_runner::sources::Sources;
use sam_runner::template::{Document, Function, Stack};
use sandboxes::payments::Payments;
use sandboxes::warehouse::Warehouse;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The whole shop, running. [`World::stop`] ends it in order; dropping it ends it at once.
pub struct World {
    gateway: Option<Gateway>,
    sources: Sources,
    runtime: Runtime,
    payments: Payments,
    warehouse: Warehouse,
    engines: Engines,
    logs: Logs,
    stack: Stack,
    _proxy: Option<Proxy>,
    shop_url: String,
    notes: Vec<String>,
}

impl World {
    /// What the payment sandbox signs its events with: for tests that write events of their own.
    pub const WEBHOOK_SECRET: &str = secrets::STRIPE_WEBHOOK_SECRET;

    /// Starts everything. Returns when the shop answers.
    ///
    /// # Errors
    /// Whatever is wrong with the template, the catalogue, the build or a port, in a line that says what to do.
    pub async fn start(options: Options) -> anyhow::Result<Self> {
        let document = Document::read(&options.template)?;
        let catalogue = Catalogue::read(&options.catalogue)?;
        // Fail fast: report a bad template or a taken port before the build.
        let outside = Outside::start(&options).await?;
        let stack = outside.read(&document, &options)?;
        if options.binaries == Binaries::Build {
            announce(&options, "Running cargo build for the functions");
        }
        let functions = options.binaries.of_functions(&stack.functions).await?;
        announce(
            &options,
            &format!("Stocking the shop with {} products", catalogue.products.len()),
        );
        outside.stock(&stack, &catalogue).await?;
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
            engines,
            proxy,
            mut notes,
        } = outside;
        engines.guard.hold(&stack.functions);
        engines.guard.check_sources(&stack.functions)?;
        let logs = Logs::to(options.logs);
        let mut environment = engines.environment();
        environment.extend(options.environment.clone());
        let start = async |port| {
            Runtime::start(RuntimeOptions {
                functions: functions.clone(),
                port,
                max_processes: options.max_processes,
                init_timeout: INIT_TIMEOUT,
                environment: environment.clone(),
                logs: logs.clone(),
            })
            .await
        };
        let runtime = options.ports.lambda.start("Lambda", &mut notes, start).await?;
        let shop_url = gateway.url().to_owned();
        let gateway = gateway.serve(&stack.functions, &options.website, runtime.clone());
        let sources = Sources::start(
            &stack.functions,
            &engines.sqs,
            &runtime,
            &logs,
            options.max_processes,
        );
        Ok(Self {
            gateway: Some(gateway),
            sources,
            runtime,
            payments,
            warehouse,
            engines,
            logs,
            stack,
            _proxy: proxy,
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
        self.engines.dynamodb_front.endpoint()
    }

    /// Gives a secret of the functions another value, as an operator would: `NEW,OLD` keeps two live.
    pub fn roll_secret(&self, name: &str, value: &str) {
        let path = outside::secrets_path(&self.stack).unwrap_or_default();
        self.engines.ssm.put(&format!("{path}/{name}"), value);
    }

    /// Who did what with the engines, and who was refused.
    pub fn guard(&self) -> &Guard {
        &self.engines.guard
    }

    /// SQS, for SDKs and the AWS CLI.
    pub fn sqs_endpoint(&self) -> String {
        self.engines.sqs.endpoint()
    }

    /// All endpoints, by the variables that the AWS CLI and `ops --local` read them from.
    pub fn endpoints(&self) -> BTreeMap<String, String> {
        let mut endpoints = self.engines.environment();
        endpoints.insert(
            "AWS_ENDPOINT_URL_LAMBDA".to_owned(),
            self.runtime.url().to_owned(),
        );
        endpoints
    }

    /// The queues themselves, for looking into them.
    pub fn sqs(&self) -> &Sqs {
        &self.engines.sqs
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
        self.engines.dynamodb.shutdown().await;
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // Connections to the gateway that are still open hold the runtime; its processes must not wait for them.
        self.runtime.kill();
    }
}

fn announce(options: &Options, step: &str) {
    if options.announce {
        eprintln!("{step} ...");
    }
}
