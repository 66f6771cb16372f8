//! The command line of `kontor`.

use crate::replay::{ReplayArgs, replay};
use crate::stocking::{StockArgs, stock};
use crate::world::{Options, Ports, World, default_processes};
use anyhow::Context;
use clap::{Args, Parser, Subcommand};
use sam_runner::binaries::Binaries;
use sam_runner::engines::EnginePorts;
use sam_runner::engines::server::Port;
use sam_runner::engines::sqs::Sqs;
use sam_runner::logs::LogSink;
use sam_runner::runtime::REGION;
use sandboxes::{Sandboxes, SandboxesArgs};
use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// The engines' default ports, as local AWS tools commonly use them.
const DYNAMODB_PORT: u16 = 8000;
const SSM_PORT: u16 = 4583;
const SQS_PORT: u16 = 9324;
const LAMBDA_PORT: u16 = 9001;

/// The whole shop on one machine: website, API, functions, tables, queues, payment provider and warehouse.
#[derive(Debug, Parser)]
#[command(name = "kontor", version, args_conflicts_with_subcommands = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    run: RunArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Places real orders at a running shop.
    Replay(ReplayArgs),
    /// Puts a catalogue into the tables of a deployed stack; stock that is there already stays as it is.
    Stock(StockArgs),
    /// Opens the payment sandbox and the warehouse simulator alone, for a shop that runs elsewhere.
    Sandboxes(SandboxesArgs),
    /// Opens SQS alone, without queues and roles, for clients that try it.
    Sqs {
        /// Port to listen on (0: any free one).
        #[arg(long, default_value_t = SQS_PORT)]
        port: u16,
    },
}

#[derive(Debug, Args)]
struct RunArgs {
    /// Port of the shop: website and API (0: any free one).
    #[arg(long, default_value_t = 3000)]
    port: u16,
    /// Port of the payment provider's sandbox (0: any free one).
    #[arg(long, default_value_t = 3001)]
    payments_port: u16,
    /// Port of the warehouse simulator (0: any free one).
    #[arg(long, default_value_t = 3002)]
    warehouse_port: u16,
    /// Port of DynamoDB (0: any free one) [default: 8000 if it is free]
    #[arg(long)]
    dynamodb_port: Option<u16>,
    /// Port of SQS (0: any free one) [default: 9324 if it is free]
    #[arg(long)]
    sqs_port: Option<u16>,
    /// Port of Systems Manager's parameters (0: any free one) [default: 4583 if it is free]
    #[arg(long)]
    ssm_port: Option<u16>,
    /// Port of Lambda's Invoke API (0: any free one) [default: 9001 if it is free]
    #[arg(long)]
    lambda_port: Option<u16>,
    /// Let containers reach tables, queues, payments and warehouse at this address of the machine, too.
    #[arg(long, value_name = "ADDRESS")]
    listen_also: Option<IpAddr>,
    /// Catalogue to sell: CSV with the columns sku, name, unit_price (cents) and optionally stock, tax_rate and max_per_order.
    #[arg(long, value_name = "FILE")]
    catalog: Option<PathBuf>,
    /// Keep tables, messages and the warehouse's orders in this directory; without it nothing outlives the process.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// SAM template to start from.
    #[arg(long, value_name = "FILE")]
    template: Option<PathBuf>,
    /// Most processes of one function.
    #[arg(long, default_value_t = default_processes(), value_parser = at_least_one)]
    max_processes: usize,
    /// How much the functions write: error, warn, info, debug or trace.
    #[arg(long, value_name = "LEVEL")]
    log_level: Option<String>,
    /// Take the functions' binaries from this directory instead of building them.
    #[arg(long, value_name = "DIR")]
    binaries: Option<PathBuf>,
    /// A variable of every function's environment, such as AWS_ENDPOINT_URL_DYNAMODB for a proxy before the engine (repeatable).
    #[arg(long = "env", value_name = "NAME=VALUE", value_parser = a_variable)]
    environment: Vec<(String, String)>,
}

/// Shows what the local world itself warns of, on standard error.
pub fn show_warnings() {
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::WARN)
        .with_writer(std::io::stderr)
        .init();
}

impl Cli {
    /// Does what the command line says; a running shop ends with Ctrl-C or SIGTERM.
    pub async fn run(self) -> anyhow::Result<()> {
        match self.command {
            Some(Command::Replay(args)) => {
                let report = replay(&args).await?;
                println!("{report}");
                anyhow::ensure!(
                    report.is_complete(),
                    "not every paid order has reached the warehouse"
                );
                Ok(())
            }
            Some(Command::Stock(args)) => {
                let stocked = stock(&args).await?;
                println!("{} products, {} of them new", stocked.products, stocked.new);
                Ok(())
            }
            Some(Command::Sandboxes(args)) => {
                let mut end = signal(SignalKind::terminate()).context("SIGTERM cannot be waited for")?;
                let sandboxes = Sandboxes::open(&args).await?;
                println!("{sandboxes}");
                until_told(&mut end).await;
                Ok(())
            }
            Some(Command::Sqs { port }) => {
                let mut end = signal(SignalKind::terminate()).context("SIGTERM cannot be waited for")?;
                let sqs = Sqs::start(port, None).await?;
                println!("{}", sqs.endpoint());
                until_told(&mut end).await;
                Ok(())
            }
            None => self.run.open_shop().await,
        }
    }
}

impl RunArgs {
    async fn open_shop(self) -> anyhow::Result<()> {
        let mut end = signal(SignalKind::terminate()).context("SIGTERM cannot be waited for")?;
        let world = tokio::select! {
            world = World::start(self.options()) => world?,
            // Nothing is open yet: what has been started ends with this.
            _ = tokio::signal::ctrl_c() => return Ok(()),
            _ = end.recv() => return Ok(()),
        };
        println!("{}", Welcome(&world));
        until_told(&mut end).await;
        println!("Closing the shop ...");
        tokio::select! {
            () = world.stop() => {}
            _ = tokio::signal::ctrl_c() => {}
        }
        Ok(())
    }

    fn options(self) -> Options {
        let port = |given: Option<u16>, usual: u16| given.map_or(Port::Preferably(usual), Port::Exactly);
        let mut options = Options {
            ports: Ports {
                shop: self.port,
                payments: self.payments_port,
                warehouse: self.warehouse_port,
                engines: EnginePorts {
                    dynamodb: port(self.dynamodb_port, DYNAMODB_PORT),
                    sqs: port(self.sqs_port, SQS_PORT),
                    ssm: port(self.ssm_port, SSM_PORT),
                },
                lambda: port(self.lambda_port, LAMBDA_PORT),
            },
            listen_also: self.listen_also,
            data: self.data,
            max_processes: self.max_processes,
            binaries: self.binaries.map_or(Binaries::Build, Binaries::Prebuilt),
            logs: LogSink::Terminal,
            announce: true,
            environment: self.environment.into_iter().collect(),
            ..Options::default()
        };
        options.template = self.template.unwrap_or(options.template);
        options.catalogue = self.catalog.unwrap_or(options.catalogue);
        options
            .parameters
            .extend(self.log_level.map(|level| ("LogLevel".to_owned(), level)));
        options
    }
}

/// Waits for Ctrl-C or SIGTERM.
async fn until_told(end: &mut Signal) {
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = end.recv() => {}
    }
}

fn at_least_one(text: &str) -> Result<usize, String> {
    text.parse()
        .ok()
        .filter(|most| *most > 0)
        .ok_or_else(|| "must be a number, at least 1".to_owned())
}

fn a_variable(text: &str) -> Result<(String, String), String> {
    text.split_once('=')
        .filter(|(name, _)| !name.is_empty())
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .ok_or_else(|| "must be NAME=VALUE".to_owned())
}

/// What listens where, and what the operator's tools need to reach it.
struct Welcome<'w>(&'w World);

impl fmt::Display for Welcome<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let world = self.0;
        writeln!(f, "\nThe shop is open: {}\n", world.shop_url())?;
        for (name, url, what) in [
            ("payments", world.payments_url(), "the payment provider's sandbox"),
            (
                "warehouse",
                world.warehouse_url(),
                "the warehouse simulator; GET /sandbox/orders",
            ),
        ] {
            writeln!(f, "  {name:<9}  {url:<24} {what}")?;
        }
        writeln!(f, "\nFor the AWS CLI and `ops --local`:")?;
        let account = "AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test";
        writeln!(f, "  export AWS_REGION={REGION} {account}")?;
        for (variable, url) in world.endpoints() {
            writeln!(f, "  export {variable}={url}")?;
        }
        writeln!(f)?;
        for note in world.notes() {
            writeln!(f, "{note}")?;
        }
        write!(f, "Ctrl-C closes the shop.")
    }
}
