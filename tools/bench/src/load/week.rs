//! A week of orders as fast as the warehouse takes them, in the local world as everybody has it.

use std::path::Path;

use anyhow::ensure;
use kontor::replay::{ReplayArgs, replay};
use kontor::world::{Options, World};
use sam_runner::binaries::Binaries;

use crate::report::{publish, table};
use crate::rig::exact;

/// `WarehouseOrdersPerMinute` by default, in orders a second.
const WAREHOUSE_TAKES: f64 = 8.0;

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
    let (took, least) = (
        replayed.took.as_secs_f64(),
        exact(replayed.orders) / WAREHOUSE_TAKES,
    );
    let took = table(
        "A week of orders, as fast as the warehouse takes them",
        "orders | in the warehouse | took, s | the warehouse's least, s",
        [format!(
            "{} | {} | {took:.1} | {least:.1}",
            replayed.orders, replayed.forwarded
        )],
    );
    publish("week", &[took], out)?;
    let all = replayed.forwarded == replayed.orders;
    ensure!(all, "not every order reached the warehouse");
    Ok(())
}
