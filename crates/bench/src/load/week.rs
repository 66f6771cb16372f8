//! A week of orders as fast as the warehouse takes them, with the local world as everybody has it.

use std::path::Path;

use anyhow::bail;
use local::binaries::Binaries;
use local::replay::{ReplayArgs, replay};
use local::world::{Options, World};
use serde::{Deserialize, Serialize};

use super::machine::Memory;
use crate::report::{self, Table};

/// What `WarehouseOrdersPerMinute` is by default, in orders a second.
const WAREHOUSE_TAKES: f64 = 8.0;

/// What the week took.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Week {
    /// Orders of the file.
    pub(crate) orders: usize,
    /// Those that the warehouse got.
    pub(crate) in_warehouse: usize,
    /// From the first request to the last order's arrival, in seconds.
    pub(crate) seconds: f64,
    /// The least that the warehouse can take for so many, in seconds.
    pub(crate) least_seconds: f64,
    /// Resident memory of the local world, before and after, in bytes.
    pub(crate) world_bytes: [u64; 2],
    /// Resident memory of all processes of functions at the end, in bytes.
    pub(crate) functions_bytes: u64,
}

/// Replays the orders of a file and keeps what it took.
pub(super) async fn run(orders: &Path, binaries: Binaries, out: &Path) -> anyhow::Result<()> {
    let world = World::start(Options {
        binaries,
        announce: true,
        ..Options::default()
    })
    .await?;
    let before = Memory::of(&world)?;
    let replayed = replay(&ReplayArgs {
        orders: orders.to_owned(),
        rate: None,
        shop: world.shop_url().to_owned(),
    })
    .await?;
    let after = Memory::of(&world)?;
    println!("{replayed}");
    #[expect(clippy::cast_precision_loss, reason = "thousands of orders")]
    let least_seconds = replayed.orders as f64 / WAREHOUSE_TAKES;
    let week = Week {
        orders: replayed.orders,
        in_warehouse: replayed.forwarded,
        seconds: replayed.took.as_secs_f64(),
        least_seconds,
        world_bytes: [before.world, after.world],
        functions_bytes: after.functions,
    };
    world.stop().await;
    let complete = week.in_warehouse == week.orders;
    let table = table(&week);
    report::publish(out, "week", week, &[table])?;
    if !complete {
        bail!("not every order of the week reached the warehouse");
    }
    Ok(())
}

fn table(week: &Week) -> Table {
    let mut table = Table::new(
        "A week of orders, as fast as the warehouse takes them",
        &[
            "",
            "orders",
            "in the warehouse",
            "took, s",
            "the warehouse's least, s",
            "world before, MB",
            "after, MB",
        ],
    );
    let [before, after] = week.world_bytes.map(super::megabytes);
    table.row([
        "week".to_owned(),
        week.orders.to_string(),
        week.in_warehouse.to_string(),
        format!("{:.1}", week.seconds),
        format!("{:.1}", week.least_seconds),
        before,
        after,
    ]);
    table
}
