//! The shop under load, and the proof that every order reached the warehouse once.

mod ceiling;
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

use anyhow::ensure;
use kontor::world::{Options, World};
use sam_runner::binaries::Binaries;
use serde::Serialize;
use tempfile::TempDir;

use self::generator::Load;
use self::machine::{Sample, processor_time, sampled, samples_table};
use self::proof::Proof;
use self::record::{Failure, Latencies, Record};
use self::shop::Shop;
use crate::report::{Report, table};

/// The generator's connections at most.
const CONNECTIONS: usize = 256;
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
    /// Take the functions' binaries, and that of `no-op`, from this directory instead of building them.
    #[arg(long, value_name = "DIR")]
    binaries: Option<PathBuf>,
    /// Leave out how much the machine can do at all.
    #[arg(long)]
    no_ceiling: bool,
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
    failures: Vec<Failure>,
    /// The first one is the start.
    minutes: Vec<Sample>,
    /// Processor time by who spent it, in microseconds for each request.
    processor_us: BTreeMap<String, f64>,
    proof: Proof,
    /// The most requests a second that were answered in time: by a no-op function, and by the shop.
    ceiling: Option<(f64, f64)>,
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
    let no_op = if args.no_ceiling {
        None
    } else {
        Some(ceiling::of_a_no_op(&args.binaries()).await?)
    };
    let files = TempDir::new()?;
    let world = World::start(args.world(files.path())?).await?;
    let figures = measure(args, &world, no_op).await;
    world.stop().await;
    let figures = figures?;
    Report::new("load", &figures, &tables(&figures))?.publish(out)?;
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

async fn measure(args: &Args, world: &World, no_op: Option<f64>) -> anyhow::Result<Figures> {
    let load = Load {
        per_second: args.rate,
        orders_per_minute: args.orders_per_minute,
        lasts: Duration::from_secs_f64(args.minutes * 60.0),
    };
    let shop = Arc::new(Shop::at(world.shop_url(), &args.orders).await?);
    let stock = shop.stock().await?;
    let warm_up = Load {
        lasts: WARM_UP,
        ..load
    };
    generator::send(warm_up, Arc::clone(&shop), Arc::default()).await?;

    let record = Arc::<Record>::default();
    let (started, before) = (Instant::now(), processor_time(world));
    let sending = generator::send(load, Arc::clone(&shop), Arc::clone(&record));
    let (minutes, generator) = sampled(world, &record, MINUTE, sending).await?;
    let seconds = started.elapsed().as_secs_f64();
    let mut after = processor_time(world);
    after.insert("load generator".to_owned(), generator?);
    let latencies = record.latencies();
    #[expect(clippy::cast_precision_loss, reason = "millions of requests")]
    let answered = latencies.first().map_or(0, |all| all.count) as f64;

    eprintln!("Waiting for the warehouse ...");
    let proof = proof::prove(&shop, &stock, &world.warehouse_url()).await?;
    let ceiling = match no_op {
        None => None,
        Some(no_op) => Some((no_op, ceiling::highest(&shop, load).await?)),
    };
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
        ceiling,
    })
}

/// Processor time of each who spent some, for each request.
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

fn tables(figures: &Figures) -> Vec<String> {
    let title = format!(
        "{:.0} requests a second of {:.0}, {:.0} orders a minute, {:.0} s; milliseconds from when each was due",
        figures.reached, figures.rate, figures.orders_per_minute, figures.seconds
    );
    let ms = |ms: f64| format!("{ms:.1}");
    let mut spent: Vec<(&str, f64)> = figures
        .processor_us
        .iter()
        .map(|(who, us)| (who.as_str(), *us))
        .collect();
    spent.push(("all", figures.processor_us.values().sum()));
    let mut tables = vec![
        table(
            title,
            &figures.latencies,
            &[
                ("request", &|of| of.request.clone()),
                ("answered", &|of| of.count.to_string()),
                ("p50", &|of| ms(of.p50_ms)),
                ("p99", &|of| ms(of.p99_ms)),
                ("p99.9", &|of| ms(of.p999_ms)),
                ("max", &|of| ms(of.max_ms)),
            ],
        ),
        figures.proof.table(),
        samples_table("Minute by minute", &figures.minutes),
        table(
            "Processor time for each request, all kinds together",
            &spent,
            &[
                ("spent by", &|row| row.0.to_owned()),
                ("µs", &|row| format!("{:.0}", row.1)),
            ],
        ),
    ];
    if !figures.failures.is_empty() {
        tables.push(table(
            "Failures",
            &figures.failures,
            &[
                ("request", &|of| of.request.clone()),
                ("why", &|of| of.why.clone()),
                ("count", &|of| of.count.to_string()),
            ],
        ));
    }
    tables.extend(
        figures
            .ceiling
            .map(|(no_op, shop)| ceiling::table_of(no_op, shop)),
    );
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

    #[test]
    fn processor_time_is_told_by_request_and_spender() {
        let times = |a: f64, b: f64| BTreeMap::from([("a".to_owned(), a), ("b".to_owned(), b)]);
        let spent = spent(&times(100.0, 50.0), &times(300.0, 50.0), 10.0);
        assert_eq!(spent, BTreeMap::from([("a".to_owned(), 20.0)]));
    }
}
