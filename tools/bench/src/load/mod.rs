//! The shop under load, and the proof that every order reached the warehouse once.

mod generator;
mod machine;
mod proof;
mod record;
mod shop;
mod week;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use kontor::world::{Options, World};
use sam_runner::binaries::Binaries;
use serde::Serialize;
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

use self::generator::Load;
use self::machine::{GENERATOR, Sample, processor_time, sampled, samples_table, spent};
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

/// What the part keeps.
#[derive(Serialize)]
struct Figures {
    /// Requests to the API a second that were asked for.
    rate: f64,
    orders_per_minute: f64,
    seconds: f64,
    /// Requests to the API a second that were answered.
    reached: f64,
    /// Of all kinds together first, then of each; from when a request was due.
    latencies: Vec<Latencies>,
    failures: BTreeMap<String, u64>,
    /// The first one is the start.
    minutes: Vec<Sample>,
    /// Processor time by who spent it, in microseconds for each request.
    processor_us: BTreeMap<String, f64>,
    proof: Proof,
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
    let figures = measure(args, &world).await;
    world.stop().await;
    let figures = figures?;
    publish("load", &figures, &tables(&figures), out)?;
    ensure!(figures.failures.is_empty(), "requests failed");
    ensure!(figures.proof.holds(), "not every order is in the warehouse once");
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

/// Sends loads to the shop, from a thread of its own, so that its processor time is known apart from the shop's.
struct Generator {
    shop: Arc<Shop>,
    runtime: Option<Runtime>,
}

impl Generator {
    fn of(shop: Shop) -> anyhow::Result<Self> {
        let mut runtime = Builder::new_multi_thread();
        let runtime = runtime.worker_threads(1).thread_name(GENERATOR).enable_all();
        Ok(Self {
            shop: Arc::new(shop),
            runtime: Some(runtime.build()?),
        })
    }

    /// Sends the load and waits for the last answer.
    async fn send(&self, load: Load, record: &Arc<Record>) -> anyhow::Result<()> {
        let (shop, record) = (Arc::clone(&self.shop), Arc::clone(record));
        let sending = load.send(move |visit, due| {
            let (shop, record) = (Arc::clone(&shop), Arc::clone(&record));
            async move { shop.visit(visit, due, &record).await }
        });
        let runtime = self.runtime.as_ref().context("the generator has ended")?;
        runtime.spawn(sending).await.context("the generator ended early")
    }
}

impl Drop for Generator {
    fn drop(&mut self) {
        // Within a runtime, another one must not be waited for.
        self.runtime
            .take()
            .into_iter()
            .for_each(Runtime::shutdown_background);
    }
}

async fn measure(args: &Args, world: &World) -> anyhow::Result<Figures> {
    let load = Load {
        per_second: args.rate,
        orders_per_minute: args.orders_per_minute,
        lasts: Duration::from_secs_f64(args.minutes * 60.0),
    };
    let generator = Generator::of(Shop::at(world.shop_url(), &args.orders).await?)?;
    let stock = generator.shop.stock().await?;
    let warm_up = Load {
        lasts: WARM_UP,
        ..load
    };
    generator.send(warm_up, &Arc::default()).await?;

    let record = Arc::<Record>::default();
    let (started, before) = (Instant::now(), processor_time(world)?);
    let (minutes, sent) = sampled(world, &record, MINUTE, generator.send(load, &record)).await?;
    sent?;
    let (seconds, after) = (started.elapsed().as_secs_f64(), processor_time(world)?);
    let latencies = record.latencies();
    #[expect(clippy::cast_precision_loss, reason = "millions of requests")]
    let answered = latencies[0].count as f64;

    eprintln!("Waiting for the warehouse ...");
    let proof = proof::prove(&generator.shop, &stock, &world.warehouse_url()).await?;
    Ok(Figures {
        rate: args.rate,
        orders_per_minute: args.orders_per_minute,
        seconds,
        // The last orders are looked at for some seconds more, while nothing new comes.
        reached: answered / load.lasts.as_secs_f64(),
        latencies,
        failures: record.failures(),
        minutes,
        processor_us: spent(&before, &after, answered),
        proof,
    })
}

fn tables(figures: &Figures) -> Vec<String> {
    let title = format!(
        "{:.0} requests a second of {:.0}, {:.0} orders a minute, {:.0} s; milliseconds from when each was due",
        figures.reached, figures.rate, figures.orders_per_minute, figures.seconds
    );
    let latency = |of: &Latencies| {
        format!(
            "{} | {} | {:.1} | {:.1} | {:.1} | {:.1}",
            of.request, of.count, of.p50_ms, of.p99_ms, of.p999_ms, of.max_ms
        )
    };
    let all = figures.processor_us.values().sum();
    let spenders = figures.processor_us.iter().map(|(who, us)| (who.as_str(), *us));
    let spenders = spenders.chain([("all", all)]);
    let mut tables = vec![
        table(
            title,
            "request | answered | p50 | p99 | p99.9 | max",
            figures.latencies.iter().map(latency),
        ),
        figures.proof.table(),
        samples_table("Minute by minute", &figures.minutes),
        table(
            "Processor time for each request, all kinds together",
            "spent by | µs",
            spenders.map(|(who, us)| format!("{who} | {us:.0}")),
        ),
    ];
    if !figures.failures.is_empty() {
        let failures = figures.failures.iter();
        let failures = failures.map(|(failure, count)| format!("{failure} | {count}"));
        tables.push(table("Failures", "request: why | count", failures));
    }
    tables
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogue_gets_a_column_for_the_stock() {
        let stocked = well_stocked("sku,name,unit_price\nA,\"B, C\",1\n");
        assert_eq!(
            stocked,
            format!("sku,name,unit_price,stock\nA,\"B, C\",1,{STOCK}\n")
        );
    }
}
