//! The shop under load, for as long as one likes, and the proof that nothing was lost.

mod ceiling;
mod client;
mod figures;
mod generator;
mod machine;
mod proof;
mod record;
mod schedule;
mod shop;
mod tables;
mod week;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use kontor::world::{Options, World};
use sam_runner::binaries::Binaries;
use tempfile::TempDir;

use self::figures::{Ceiling, Minute};
use self::machine::{Memory, processor_time};
use self::record::Record;
use self::schedule::Load;
use self::shop::Shop;
use crate::report;

/// How long the warehouse works on an order.
const WAREHOUSE_LATENCY: Duration = Duration::from_millis(500);
/// The warehouse takes so much more than is ordered.
const WAREHOUSE_SPARE: f64 = 1.2;
/// Pieces of each product: the orders of a week come again and again.
const STOCK: u32 = 100_000_000;
/// Before anything is measured, the same load for so long: processes start, caches fill.
const WARM_UP: Duration = Duration::from_secs(10);
const MINUTE: Duration = Duration::from_mins(1);

/// Sends a load to the whole shop on this machine and proves that every order reached the warehouse once.
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
    /// Take the functions' binaries, and that of `no-op`, from this directory instead of building them.
    #[arg(long, value_name = "DIR")]
    binaries: Option<PathBuf>,
    /// Connections at most.
    #[arg(long, default_value_t = 256)]
    connections: usize,
    /// Processes of one function at most; more only take turns on few processors.
    #[arg(long, default_value_t = 6)]
    max_processes: usize,
    /// Leave out how much the machine can do at all.
    #[arg(long)]
    no_ceiling: bool,
    /// Instead of all that: replay the orders once, as fast as the warehouse takes them.
    #[arg(long)]
    week: bool,
}

impl Args {
    fn binaries(&self) -> Binaries {
        self.binaries.clone().map_or(Binaries::Build, Binaries::Prebuilt)
    }

    fn load(&self) -> Load {
        Load {
            per_second: self.rate,
            orders_per_minute: self.orders_per_minute,
            lasts: Duration::from_secs_f64(self.minutes * 60.0),
        }
    }
}

/// Measures, prints and keeps.
///
/// # Errors
/// Where a request failed, or the proof.
pub(crate) async fn run(args: &Args, out: &Path) -> anyhow::Result<()> {
    if args.week {
        return week::run(&args.orders, args.binaries(), out).await;
    }
    let no_op = if args.no_ceiling {
        None
    } else {
        Some(ceiling::of_a_no_op(&args.binaries(), args.connections, args.max_processes).await?)
    };
    let files = TempDir::new()?;
    let world = World::start(options(args, files.path())?).await?;
    let figures = measure(args, &world, no_op).await;
    world.stop().await;
    let figures = figures?;
    let verdict = verdict(&figures);
    let tables = tables::of(&figures);
    report::publish(out, "load", figures, &tables)?;
    verdict
}

fn verdict(figures: &figures::Load) -> anyhow::Result<()> {
    if !figures.failures.is_empty() {
        bail!("requests failed: {:?}", figures.failures);
    }
    if !figures.proof.holds() {
        bail!(
            "the orders are not all in the warehouse once: {:?}",
            figures.proof
        );
    }
    Ok(())
}

/// A world whose warehouse keeps up, with enough on its shelves.
fn options(args: &Args, files: &Path) -> anyhow::Result<Options> {
    let defaults = Options::default();
    let catalogue = files.join("catalogue.csv");
    std::fs::write(
        &catalogue,
        well_stocked(&std::fs::read_to_string(&defaults.catalogue)?),
    )?;
    let per_minute = (args.orders_per_minute * WAREHOUSE_SPARE).ceil().max(10.0);
    let at_once = (per_minute / 60.0 * WAREHOUSE_LATENCY.as_secs_f64()).ceil() + 2.0;
    let parameters = [
        ("WarehouseOrdersPerMinute", per_minute),
        ("WarehouseConcurrency", at_once),
    ];
    Ok(Options {
        catalogue,
        binaries: args.binaries(),
        announce: true,
        max_processes: args.max_processes,
        warehouse_latency: WAREHOUSE_LATENCY,
        // The functions keep the rate; the simulator need not.
        warehouse_rate_per_s: 0,
        parameters: parameters
            .map(|(name, value)| (name.to_owned(), value.to_string()))
            .into(),
        ..defaults
    })
}

/// The catalogue with a column more.
fn well_stocked(catalogue: &str) -> String {
    let mut lines = catalogue.lines();
    let header = lines.next().map(|header| format!("{header},stock\n"));
    header
        .into_iter()
        .chain(lines.map(|line| format!("{line},{STOCK}\n")))
        .collect()
}

async fn measure(args: &Args, world: &World, no_op: Option<f64>) -> anyhow::Result<figures::Load> {
    let load = args.load();
    let shop = Shop::at(world.shop_url(), args.connections, &args.orders).await?;
    let shop = Arc::new(shop);
    let shelves = shop.shelves().await?;
    let warm_up = Load {
        lasts: WARM_UP,
        ..load
    };
    generator::send(warm_up, Arc::clone(&shop), Arc::new(Record::new())).await?;

    let record = Arc::new(Record::new());
    let (started, before) = (Instant::now(), processor_time(world));
    let sending = generator::send(load, Arc::clone(&shop), Arc::clone(&record));
    let (minutes, generator) = watched(world, &record, sending).await?;
    let seconds = started.elapsed().as_secs_f64();
    let mut after = processor_time(world);
    after.insert("load generator".to_owned(), generator);
    let latencies = record.latencies();
    #[expect(clippy::cast_precision_loss, reason = "millions of requests")]
    let answered = latencies.first().map_or(0, |all| all.count) as f64;

    eprintln!("Waiting for the warehouse ...");
    let proof = proof::prove(&shop, &shelves, &world.warehouse_url()).await?;
    let ceiling = match no_op {
        None => None,
        Some(no_op) => Some(Ceiling {
            no_op,
            shop: ceiling::highest(&shop, load).await?,
        }),
    };
    Ok(figures::Load {
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
        ceiling,
    })
}

/// Looks at the world every minute until all is sent, and tells what the sending tells.
async fn watched(
    world: &World,
    record: &Record,
    sending: impl Future<Output = anyhow::Result<f64>>,
) -> anyhow::Result<(Vec<Minute>, f64)> {
    let started = Instant::now();
    let look = || -> anyhow::Result<Minute> {
        let (memory, lately) = (Memory::of(world)?, record.since_last());
        let minute = Minute {
            at_seconds: started.elapsed().as_secs_f64(),
            answered: lately.count,
            p99_ms: lately.p99_ms,
            world_bytes: memory.world,
            functions_bytes: memory.functions,
            processes: memory.processes,
        };
        eprintln!(
            "{:>5.0} s: {} answered, p99 {:.1} ms, {} + {} MB",
            minute.at_seconds,
            minute.answered,
            minute.p99_ms,
            megabytes(memory.world),
            megabytes(memory.functions)
        );
        Ok(minute)
    };
    let mut minutes = vec![look()?];
    tokio::pin!(sending);
    loop {
        tokio::select! {
            sent = &mut sending => {
                let generator = sent.context("the generator")?;
                minutes.push(look()?);
                return Ok((minutes, generator));
            }
            () = tokio::time::sleep(MINUTE) => minutes.push(look()?),
        }
    }
}

/// Processor time of everybody who spent some, for each request.
fn spent(
    before: &BTreeMap<String, f64>,
    after: &BTreeMap<String, f64>,
    requests: f64,
) -> BTreeMap<String, f64> {
    let of = |(who, after): (&String, &f64)| {
        let spent = after - before.get(who).copied().unwrap_or_default();
        (who.clone(), spent.max(0.0) / requests.max(1.0))
    };
    after.iter().map(of).filter(|(_, spent)| *spent > 0.0).collect()
}

fn megabytes(bytes: u64) -> String {
    format!("{}", bytes / 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogue_gets_a_column_more() {
        let stocked = well_stocked("sku,name,unit_price\nA,\"B, C\",1\n");
        assert_eq!(
            stocked,
            format!("sku,name,unit_price,stock\nA,\"B, C\",1,{STOCK}\n")
        );
    }

    #[test]
    fn processor_time_is_told_for_each_request_and_by_those_who_spent_some() {
        let times = |a: f64, b: f64| BTreeMap::from([("a".to_owned(), a), ("b".to_owned(), b)]);
        let spent = spent(&times(100.0, 50.0), &times(300.0, 50.0), 10.0);
        assert_eq!(spent, BTreeMap::from([("a".to_owned(), 20.0)]));
    }
}
