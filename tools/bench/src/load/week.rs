//! A week of orders as fast as the warehouse takes them, in the local world as everybody has it.

use std::path::Path;

use anyhow::ensure;
use kontor::replay::{ReplayArgs, replay};
use kontor::world::{Options, World};
use sam_runner::binaries::Binaries;
use serde::Serialize;

use crate::report::{publish, table};
use crate::rig::exact;

/// `WarehouseOrdersPerMinute` by default, in orders a second.
const WAREHOUSE_TAKES: f64 = 8.0;

/// What the week took.
#[derive(Serialize)]
struct Week {
    orders: usize,
    in_warehouse: usize,
    /// From the first request to the last order's arrival.
    seconds: f64,
    /// The least that the warehouse can take for so many.
    least_seconds: f64,
}

/// Replays the orders of a file.
///
/// # Errors
/// Where an order does not reach the warehouse.
pub(super) async fn run(orders: &Path, binaries: Binaries, out: &Path) -> anyhow::Result<()> {
    let world = World::start(Options {
        binaries,
        announce: true,
        ..Options::default()
    })
    .await?;
    let args = ReplayArgs {
        orders: orders.to_owned(),
        rate: None,
        shop: world.shop_url().to_owned(),
    };
    let replayed = replay(&args).await;
    world.stop().await;
    let replayed = replayed?;
    println!("{replayed}");
    let week = Week {
        orders: replayed.orders,
        in_warehouse: replayed.forwarded,
        seconds: replayed.took.as_secs_f64(),
        least_seconds: exact(replayed.orders) / WAREHOUSE_TAKES,
    };
    let took = table(
        "A week of orders, as fast as the warehouse takes them",
        "orders | in the warehouse | took, s | the warehouse's least, s",
        [format!(
            "{} | {} | {:.1} | {:.1}",
            week.orders, week.in_warehouse, week.seconds, week.least_seconds
        )],
    );
    publish("week", &week, &[took], out)?;
    ensure!(
        week.in_warehouse == week.orders,
        "not every order reached the warehouse"
    );
    Ok(())
}
