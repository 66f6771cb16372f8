//! The shop under load, and the proof that every order reached the warehouse once.

mod generator;
mod machine;
mod proof;
mod record;
mod shop;
mod week;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use kontor::world::{Options, World};
use sam_runner::binaries::Binaries;
use tempfile::TempDir;
use tokio::runtime::{Builder, Handle};

use self::generator::Load;
use self::machine::{GENERATOR, SAMPLE, processor_time, sampled, spent};
use self::proof::Proof;
use self::record::{Latencies, Record};
use self::shop::Shop;
use crate::report::{publish, table};

/// Processes of one function at most; more only take turns on few processors.
const MAX_PROCESSES: usize = 6;
/// How long the warehouse takes for an order.
const WAREHOUSE_LATENCY: Duration = Duration::from_millis(500);
/// The warehouse takes so much more than is ordered.
const WAREHOUSE_SPARE: f64 = 1.2;
/// Pieces of each product: the orders of a week come again and again.
const STOCK: u32 = 100_000_000;
/// Before anything is measured, the same load for so long: processes start, caches fill.
const WARM_UP: Duration = Duration::from_secs(10);
/// Between two looks at memory and latencies.
const MINUTE: Duration = Duration::from_mins(1);

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Requests to the API a second, those of orders included. The provider's webhooks come on top.
    #[arg(long, default_value_t = 2_000.0)]
    rate: f64,
    /// Orders a minute.
    #[arg(long, default_value_t = 1_000.0)]
    orders_per_minute: f64,
    /// For how long.
    #[arg(long, default_value_t = 10.0)]
    minutes: f64,
    /// The orders to place, again and again.
    #[arg(long, value_name = "FILE", default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../kontor/data/online-retail/orders-2010-12-01-week.jsonl"))]
    orders: PathBuf,
    /// Take the functions' binaries from this directory instead of building them.
    #[arg(long, value_name = "DIR")]
    binaries: Option<PathBuf>,
    /// Instead of all that: replay the orders once, as fast as the warehouse takes them.
    #[arg(long)]
    week: bool,
}

impl Args {
    fn binaries(&self) -> Binaries {
        self.binaries.clone().map_or(Binaries::Build, Binaries::Prebuilt)
    }

    /// A world whose warehouse keeps up, with enough in stock.
    fn world(&self, files: &Path) -> anyhow::Result<Options> {
        let defaults = Options::default();
        let catalogue = files.join("catalogue.csv");
        std::fs::write(
            &catalogue,
            well_stocked(&std::fs::read_to_string(&defaults.catalogue)?),
        )?;
        let per_minute = (self.orders_per_minute * WAREHOUSE_SPARE).ceil().max(10.0);
        let at_once = (per_minute / 60.0 * WAREHOUSE_LATENCY.as_secs_f64()).ceil() + 2.0;
        let parameters = [
            ("WarehouseOrdersPerMinute", per_minute),
            ("WarehouseConcurrency", at_once),
        ];
        let parameters = parameters.map(|(name, value)| (name.to_owned(), value.to_string()));
        Ok(Options {
            catalogue,
            binaries: self.binaries(),
            announce: true,
            max_processes: MAX_PROCESSES,
            warehouse_latency: WAREHOUSE_LATENCY,
            // The functions keep the rate; the simulator need not.
            warehouse_rate_per_s: 0,
            parameters: parameters.into(),
            ..defaults
        })
    }
}

/// # Errors
/// Where a request failed, or the proof.
pub(crate) async fn run(args: &Args, out: &Path) -> anyhow::Result<()> {
    if args.week {
        return week::run(&args.orders, args.binaries(), out).await;
    }
    let files = TempDir::new()?;
    let world = World::start(args.world(files.path())?).await?;
    // The generator has a thread of its own, so that its processor time is known apart from the shop's.
    let mut generator = Builder::new_multi_thread();
    let generator = generator.worker_threads(1).thread_name(GENERATOR).enable_all();
    let generator = generator.build()?;
    let measured = measure(args, &world, generator.handle()).await;
    generator.shutdown_background();
    world.stop().await;
    let (tables, proof, failures) = measured?;
    publish("load", &tables, out)?;
    ensure!(failures == 0, "{failures} requests failed");
    ensure!(proof.holds(), "not every order is in the warehouse once");
    Ok(())
}

/// The catalogue with a column for the stock.
fn well_stocked(catalogue: &str) -> String {
    let line = |(number, line)| match number {
        0 => format!("{line},stock\n"),
        _ => format!("{line},{STOCK}\n"),
    };
    catalogue.lines().enumerate().map(line).collect()
}

/// Returns the tables, the proof, and how many requests failed.
async fn measure(
    args: &Args,
    world: &World,
    generator: &Handle,
) -> anyhow::Result<(Vec<String>, Proof, usize)> {
    let load = Load {
        per_second: args.rate,
        orders_per_minute: args.orders_per_minute,
        lasts: Duration::from_secs_f64(args.minutes * 60.0),
    };
    let shop = Arc::new(Shop::at(world.shop_url(), &args.orders).await?);
    let stock = shop.stock().await?;
    let record = Arc::<Record>::default();
    let send = async |load: Load| {
        let (shop, record) = (Arc::clone(&shop), Arc::clone(&record));
        let sending = load.send(move |visit, due| {
            let (shop, record) = (Arc::clone(&shop), Arc::clone(&record));
            async move { shop.visit(visit, due, &record).await }
        });
        generator
            .spawn(sending)
            .await
            .context("the generator ended early")
    };
    let lasts = WARM_UP;
    send(Load { lasts, ..load }).await?;
    record.take();

    let (started, before) = (Instant::now(), processor_time(world)?);
    let (minutes, answers) = sampled(world, &record, MINUTE, send(load)).await?;
    let (seconds, after) = (started.elapsed().as_secs_f64(), processor_time(world)?);
    eprintln!("Waiting for the warehouse ...");
    let proof = proof::prove(&shop, &stock, &world.warehouse_url()).await?;

    let all = answers.all();
    #[expect(clippy::cast_precision_loss, reason = "millions of requests")]
    let answered = all.count() as f64;
    // The last orders are looked at for some seconds more, while nothing new comes.
    let title = format!(
        "{:.0} requests a second of {:.0}, {:.0} orders a minute, {seconds:.0} s; milliseconds from when each was due",
        answered / load.lasts.as_secs_f64(),
        args.rate,
        args.orders_per_minute,
    );
    let latency = |kind: &str, of: &Latencies| {
        let [p50, p99, p999, max] = [0.5, 0.99, 0.999, 1.0].map(|quantile| of.ms(quantile));
        format!(
            "{kind} | {} | {p50:.1} | {p99:.1} | {p999:.1} | {max:.1}",
            of.count()
        )
    };
    let kinds = answers.kinds.iter().map(|(kind, of)| latency(kind, of));
    let spent = spent(&before, &after, answered);
    let spenders = spent.iter().map(|(who, us)| (who.as_str(), *us));
    let spenders = spenders.chain([("all", spent.values().sum())]);
    let mut tables = vec![
        table(
            title,
            "request | answered | p50 | p99 | p99.9 | max",
            std::iter::once(latency("all", &all)).chain(kinds),
        ),
        proof.table(),
        table("Minute by minute", SAMPLE, minutes),
        table(
            "Processor time for each request, all kinds together",
            "spent by | µs",
            spenders.map(|(who, us)| format!("{who} | {us:.0}")),
        ),
    ];
    let failures = answers.failures.iter();
    let rows: Vec<_> = failures
        .map(|(failure, count)| format!("{failure} | {count}"))
        .collect();
    if !rows.is_empty() {
        tables.push(table("Failures", "request: why | count", rows));
    }
    Ok((tables, proof, answers.failures.values().sum()))
}
