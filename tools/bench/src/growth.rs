//! Growth: the same requests with larger orders, larger catalogues, and more orders in the table.

use std::ops::Range;
use std::path::Path;

use anyhow::{Context, ensure};
use app::ports::{Committed, Orders};
use domain::{Order, OrderId, OrderParts, ReportedPayment, Sku};
use dynamodb::DynamoDb;
use kontor::catalogue::Catalogue;
use kontor::replay::PastOrder;
use kontor::world::Options;
use tokio::task::JoinSet;

use crate::report::{publish, table};
use crate::rig::Request::{Checkout, HandOver, Minute, Page, Product, Quote, Search, Status};
use crate::rig::{
    Invocation, Request, Shopping, TestRig, build, cart_of, carts, exact, median, microseconds,
};

/// Lines of an order: the least, the median, up to the largest of the real shop.
const LINES: [usize; 6] = [1, 13, 100, 300, 600, 1_200];
/// Products of a catalogue: the real one, and larger ones.
const PRODUCTS: [usize; 3] = [3_768, 20_000, 100_000];
/// Requests of each kind at each size.
const SAMPLES: usize = 15;
/// Concurrent writers.
const WRITERS: usize = 16;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Orders in the largest table; the smaller ones have a tenth each, from a thousand on. A million take some ten minutes to write.
    #[arg(long, default_value_t = 100_000)]
    orders: usize,
}

/// A request at a size: medians.
struct Point {
    size: usize,
    request: &'static str,
    wall_us: f64,
    /// The function's own processor time.
    cpu_us: f64,
    /// Calls to AWS.
    calls: f64,
    /// DynamoDB's capacity units, read and written.
    units: f64,
}

/// # Errors
/// Where a request makes more calls or takes more units than it did when the table of orders was smaller, too.
pub(crate) async fn run(args: &Args, out: &Path) -> anyhow::Result<()> {
    let binaries = build(&Request::functions(), false).await?;
    let (lines, products) = (by_lines(&binaries).await?, by_products(&binaries).await?);
    let orders = by_orders(&binaries, args.orders).await?;
    let tables = [
        points_table("Lines of an order", &lines),
        points_table("Products of the catalogue", &products),
        points_table("Orders in the table", &orders),
    ];
    publish("growth", &tables, out)?;
    proof(&orders)
}

/// That a request does the same however many orders there are.
fn proof(points: &[Point]) -> anyhow::Result<()> {
    for point in points {
        let mut others = points.iter().filter(|other| other.request == point.request);
        let same = others.all(|other| {
            (other.calls - point.calls).abs() < 0.01 && (other.units - point.units).abs() < 0.01
        });
        ensure!(same, "{} does more where there are more orders", point.request);
    }
    Ok(())
}

async fn by_lines(binaries: &Path) -> anyhow::Result<Vec<Point>> {
    let rig = TestRig::open().await?;
    let products = catalogue()?.products;
    let skus: Vec<String> = products.iter().map(|product| product.sku.to_string()).collect();
    let mut points = Vec::new();
    for lines in LINES {
        eprintln!("{lines} lines ...");
        let shopping = rig.shopping(binaries).await?;
        let cart = cart_of(&skus[..lines]);
        for request in [Quote, Checkout, Status, HandOver] {
            points.push(point(&shopping, request, &cart, lines).await?);
        }
    }
    Ok(points)
}

async fn by_products(binaries: &Path) -> anyhow::Result<Vec<Point>> {
    let cart = &carts(13)?[0];
    let mut points = Vec::new();
    for products in PRODUCTS {
        eprintln!("{products} products ...");
        let rig = TestRig::stocked_with(catalogue_of(products)?).await?;
        let shopping = rig.shopping(binaries).await?;
        for request in [Page, Product, Search, Quote, Checkout] {
            points.push(point(&shopping, request, cart, products).await?);
        }
    }
    Ok(points)
}

async fn by_orders(binaries: &Path, most: usize) -> anyhow::Result<Vec<Point>> {
    let rig = TestRig::open().await?;
    let shopping = rig.shopping(binaries).await?;
    let cart = &carts(13)?[0];
    let tables = rig.tables()?;
    let id = OrderId::parse(&shopping.place(cart).await?.id)?;
    let placed = tables.get(id).await?.context("the order is not there")?;
    let past = forwarded(placed)?;
    let (mut points, mut stored) = (Vec::new(), 0);
    let sizes = std::iter::successors(Some(1_000), |size| Some(size * 10));
    for size in sizes.take_while(|size| *size <= most) {
        eprintln!("{size} orders ...");
        store(&tables, &past, stored..size).await?;
        stored = size;
        for request in [Minute, Checkout, Status, HandOver] {
            points.push(point(&shopping, request, cart, size).await?);
        }
    }
    Ok(points)
}

/// Measures a request, and counts its calls.
async fn point(
    shopping: &Shopping,
    request: Request,
    cart: &PastOrder,
    size: usize,
) -> anyhow::Result<Point> {
    let done = shopping
        .measure(request, std::slice::from_ref(cart), SAMPLES)
        .await?;
    let of = |value: fn(&Invocation) -> f64| median(&done.iter().map(value).collect::<Vec<_>>());
    Ok(Point {
        size,
        request: request.name(),
        wall_us: of(|done| microseconds(done.wall)),
        cpu_us: of(|done| microseconds(done.cpu)),
        calls: of(|done| exact(done.calls.len())),
        units: of(|done| {
            done.calls
                .iter()
                .map(|call| call.read_units + call.write_units)
                .sum()
        }),
    })
}

fn catalogue() -> anyhow::Result<Catalogue> {
    Catalogue::read(&Options::default().catalogue)
}

/// The real catalogue, again and again under other SKUs.
fn catalogue_of(products: usize) -> anyhow::Result<Catalogue> {
    let real = catalogue()?;
    let mut all = Catalogue {
        products: Vec::new(),
        stock: Vec::new(),
    };
    let both = real.products.iter().zip(&real.stock).cycle().take(products);
    for (number, (product, level)) in both.enumerate() {
        let (mut product, mut level) = (product.clone(), level.clone());
        if let round @ 1.. = number / real.products.len() {
            product.sku = Sku::parse(&format!("{}-{round}", product.sku))?;
            level.sku = product.sku.clone();
        }
        all.products.push(product);
        all.stock.push(level);
    }
    Ok(all)
}

/// A placed order, paid and handed over to the warehouse.
fn forwarded(placed: Order) -> anyhow::Result<Order> {
    let (amount, at) = (placed.quote().total, placed.placed_at());
    let payment_id = "pi_past".to_owned();
    let (paid, _) = placed.settle(ReportedPayment { payment_id, amount }, at);
    Ok(paid.accepted_by_warehouse("PAST".to_owned(), at)?)
}

/// Stores so many past orders, alike but for their ids.
async fn store(tables: &DynamoDb, past: &Order, numbers: Range<usize>) -> anyhow::Result<()> {
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let (tables, past, numbers) = (tables.clone(), past.clone(), numbers.clone());
        writers.spawn(async move {
            for number in numbers.skip(writer).step_by(WRITERS) {
                let order = Order::restore(OrderParts {
                    id: OrderId::for_key(&format!("past-{number}")),
                    version: 0,
                    ..past.clone().into_parts()
                })?;
                let committed = tables.commit(order, Vec::new()).await;
                let committed = committed.context("an order cannot be stored")?;
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

/// One row for each request and size.
fn points_table(title: &str, points: &[Point]) -> String {
    let mut rows: Vec<&Point> = points.iter().collect();
    rows.sort_by_key(|point| points.iter().position(|first| first.request == point.request));
    let rows = rows.into_iter().map(|point| {
        let [wall, cpu] = [point.wall_us, point.cpu_us].map(|us| us / 1e3);
        let (calls, units) = (point.calls, point.units);
        format!(
            "{} | {} | {wall:.2} | {cpu:.2} | {calls:.0} | {units:.1}",
            point.request, point.size
        )
    });
    let header = "request, warm | of | ms | own CPU ms | calls | read and write units";
    table(title, header, rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(size: usize, request: &'static str, calls: f64, units: f64) -> Point {
        Point {
            size,
            request,
            wall_us: 1.0,
            cpu_us: 1.0,
            calls,
            units,
        }
    }

    #[test]
    fn growth_holds_where_each_request_does_the_same() {
        let with = |more| proof(&[point(10, "a", 1.0, 29.0), point(10, "b", 2.0, 1.0), more]);
        assert!(with(point(100, "a", 1.0, 29.0)).is_ok());
        assert!(with(point(100, "a", 2.0, 29.0)).is_err());
        assert!(with(point(100, "b", 2.0, 1.5)).is_err());
    }
}
