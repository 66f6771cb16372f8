//! Growth: what becomes of a request when orders, the catalogue or the table of orders grow.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, ensure};
use app::ports::{Committed, Orders};
use domain::{OrderId, Status};
use dynamodb::DynamoDb;
use kontor::catalogue::Catalogue;
use kontor::world::Options;
use serde::Serialize;
use tokio::task::JoinSet;

use crate::report::{self, Table};
use crate::stand::{Binaries, Build, Cart, Request, Shopping, Stand, carts, median, microseconds};

/// Lines of an order: the least, the median, up to the largest of the real shop.
const LINES: [usize; 6] = [1, 13, 100, 300, 600, 1_200];
/// Products of a catalogue: the real one, and larger ones.
const PRODUCTS: [usize; 3] = [3_768, 20_000, 100_000];
/// Requests of each kind at each size.
const SAMPLES: usize = 15;
/// Not counted before.
const WARM_UP: usize = 4;
/// After these, until the largest catalogue is copied beside the answers.
const COPIED: Duration = Duration::from_secs(3);
/// Writers side by side.
const WRITERS: usize = 16;

/// How far things grow.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Orders in the largest table; the smaller ones have a tenth each, from a thousand on. A million take some ten minutes to write.
    #[arg(long, default_value_t = 100_000)]
    orders: usize,
}

#[derive(Serialize)]
struct Growth {
    lines: Vec<Point>,
    products: Vec<Point>,
    orders: Vec<Point>,
}

/// A request at a size.
#[derive(Serialize)]
struct Point {
    size: usize,
    request: &'static str,
    /// Median, in microseconds.
    wall_us: f64,
    /// The function's own processor time (median), in microseconds.
    cpu_us: f64,
}

/// Measures, prints and keeps.
pub(crate) async fn run(args: &Args, out: &Path) -> anyhow::Result<()> {
    let functions: Vec<&str> = Request::FIRST.iter().map(|first| first.function()).collect();
    let own = Binaries::build(&functions, Build::Own).await?;
    let growth = Growth {
        lines: by_lines(&own).await?,
        products: by_products(&own).await?,
        orders: by_orders(&own, args.orders).await?,
    };
    let tables = [
        table("Lines of an order", &growth.lines),
        table("Products of the catalogue", &growth.products),
        table("Orders in the table", &growth.orders),
    ];
    report::publish(out, "growth", growth, &tables)
}

async fn by_lines(own: &Binaries) -> anyhow::Result<Vec<Point>> {
    let stand = Stand::open().await?;
    let skus: Vec<String> = catalogue()?
        .products
        .iter()
        .map(|product| product.sku.to_string())
        .collect();
    let mut points = Vec::new();
    for lines in LINES {
        eprintln!("{lines} lines ...");
        let mut shopping = stand.shopping(own, stand.endpoints()).await?;
        let cart = Cart::of(skus.iter().take(lines).cloned());
        for request in [
            Request::Quote,
            Request::Checkout,
            Request::Status,
            Request::HandOver,
        ] {
            points.push(measured(&mut shopping, request, &cart, lines).await?);
        }
    }
    Ok(points)
}

async fn by_products(own: &Binaries) -> anyhow::Result<Vec<Point>> {
    let mut points = Vec::new();
    let cart = &carts(13)?[0];
    for products in PRODUCTS {
        eprintln!("{products} products ...");
        let stand = Stand::stocked_with(catalogue_of(products)?).await?;
        let mut shopping = stand.shopping(own, stand.endpoints()).await?;
        for request in [
            Request::Page,
            Request::Product,
            Request::Search,
            Request::Quote,
            Request::Checkout,
        ] {
            points.push(measured(&mut shopping, request, cart, products).await?);
        }
    }
    Ok(points)
}

async fn by_orders(own: &Binaries, most: usize) -> anyhow::Result<Vec<Point>> {
    let stand = Stand::open().await?;
    let mut shopping = stand.shopping(own, stand.endpoints()).await?;
    let cart = &carts(13)?[0];
    let tables = stand.tables()?;
    let past = shopping.place(cart).await?.stored(&tables).await?;
    let (mut points, mut stored) = (Vec::new(), 0);
    for size in (3..)
        .map(|power| 10_usize.pow(power))
        .take_while(|size| *size <= most)
    {
        eprintln!("{size} orders ...");
        store(&tables, &past, stored..size).await?;
        stored = size;
        for request in [
            Request::Minute,
            Request::Checkout,
            Request::Status,
            Request::HandOver,
        ] {
            points.push(measured(&mut shopping, request, cart, size).await?);
        }
    }
    Ok(points)
}

async fn measured(
    shopping: &mut Shopping,
    request: Request,
    cart: &Cart,
    size: usize,
) -> anyhow::Result<Point> {
    let (mut wall, mut cpu) = (Vec::new(), Vec::new());
    for number in 0..WARM_UP + SAMPLES {
        if number == WARM_UP && request.function() == "catalog" {
            tokio::time::sleep(COPIED).await;
        }
        let event = request.event(shopping, cart).await?;
        let done = shopping.invoke(request.function(), &event).await?;
        request.check(&done)?;
        if number >= WARM_UP {
            wall.push(microseconds(done.wall));
            cpu.push(microseconds(done.cpu));
        }
    }
    Ok(Point {
        size,
        request: request.name(),
        wall_us: median(wall),
        cpu_us: median(cpu),
    })
}

fn catalogue() -> anyhow::Result<Catalogue> {
    Catalogue::read(&Options::default().catalogue)
}

/// The real catalogue, again and again under other SKUs.
fn catalogue_of(products: usize) -> anyhow::Result<Catalogue> {
    let mut csv = String::from("sku,name,unit_price\n");
    let real = catalogue()?;
    for (number, product) in real.products.iter().cycle().take(products).enumerate() {
        let round = number / real.products.len();
        let sku = if round == 0 {
            product.sku.to_string()
        } else {
            format!("{}-{round}", product.sku)
        };
        let name = product.name.replace('"', "\"\"");
        writeln!(csv, "{sku},\"{name}\",{}", product.unit_price.minor())?;
    }
    let file = tempfile::NamedTempFile::new()?;
    std::fs::write(file.path(), csv)?;
    Catalogue::read(file.path())
}

/// Stores so many past orders, all forwarded, alike but for their ids.
async fn store(
    tables: &DynamoDb,
    past: &domain::Order,
    numbers: std::ops::Range<usize>,
) -> anyhow::Result<()> {
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let (tables, past, numbers) = (tables.clone(), past.clone(), numbers.clone());
        writers.spawn(async move {
            for number in numbers.skip(writer).step_by(WRITERS) {
                let mut order = past.clone();
                order.id = OrderId::for_key(&format!("past-{number}"));
                order.version = 0;
                order.status = Status::Forwarded;
                order.jobs.clear();
                let committed = tables
                    .commit(order, Vec::new())
                    .await
                    .context("an order cannot be stored")?;
                ensure!(
                    matches!(committed, Committed::Done(_)),
                    "an order is there already"
                );
            }
            Ok(())
        });
    }
    while let Some(done) = writers.join_next().await {
        done??;
    }
    Ok(())
}

/// One row for each size, one column for each request.
fn table(title: &str, points: &[Point]) -> Table {
    let mut requests: Vec<&str> = Vec::new();
    for point in points {
        if !requests.contains(&point.request) {
            requests.push(point.request);
        }
    }
    let columns: Vec<String> = requests
        .iter()
        .map(|request| format!("{request}: ms (own CPU)"))
        .collect();
    let header: Vec<&str> = std::iter::once(title)
        .chain(columns.iter().map(String::as_str))
        .collect();
    let mut table = Table::new(format!("{title}, warm"), &header);
    let sizes: BTreeSet<usize> = points.iter().map(|point| point.size).collect();
    for size in sizes {
        let cell = |request: &&str| {
            let mut at = points
                .iter()
                .filter(|point| point.size == size && point.request == *request);
            at.next().map_or_else(String::new, |point| {
                format!("{:.2} ({:.2})", point.wall_us / 1e3, point.cpu_us / 1e3)
            })
        };
        table.row(std::iter::once(size.to_string()).chain(requests.iter().map(cell)));
    }
    table
}
