//! A week of orders as fast as the warehouse takes them, with the local world as everybody has it.

use std::path::Path;
use std::pin::pin;
use std::time::{Duration, Instant};

use anyhow::bail;
use kontor::replay::{ReplayArgs, replay};
use kontor::world::{Options, World};
use sam_runner::binaries::Binaries;
use serde::{Deserialize, Serialize};

use super::machine::Memory;
use crate::report::{self, Table};

/// What `WarehouseOrdersPerMinute` is by default, in orders a second.
const WAREHOUSE_TAKES: f64 = 8.0;
/// How often the memory is looked at.
const LOOK: Duration = Duration::from_secs(10);

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
    /// The memory every ten seconds, from before the first order to after the last.
    pub(crate) memory: Vec<Look>,
}

/// Resident memory at one time.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Look {
    /// Seconds since the first request.
    pub(crate) at: f64,
    /// Of the local world, in bytes.
    pub(crate) world_bytes: u64,
    /// Of all processes of functions, in bytes.
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
    let begun = Instant::now();
    let look = || {
        Memory::of(&world).map(|memory| Look {
            at: begun.elapsed().as_secs_f64(),
            world_bytes: memory.world,
            functions_bytes: memory.functions,
        })
    };
    let args = ReplayArgs {
        orders: orders.to_owned(),
        rate: None,
        shop: world.shop_url().to_owned(),
    };
    let mut replaying = pin!(replay(&args));
    let mut memory = vec![look()?];
    let replayed = loop {
        match tokio::time::timeout(LOOK, &mut replaying).await {
            Ok(replayed) => break replayed?,
            Err(_) => memory.push(look()?),
        }
    };
    memory.push(look()?);
    println!("{replayed}");
    #[expect(clippy::cast_precision_loss, reason = "thousands of orders")]
    let least_seconds = replayed.orders as f64 / WAREHOUSE_TAKES;
    let week = Week {
        orders: replayed.orders,
        in_warehouse: replayed.forwarded,
        seconds: replayed.took.as_secs_f64(),
        least_seconds,
        memory,
    };
    world.stop().await;
    let complete = week.in_warehouse == week.orders;
    let tables = [table(&week), memory_table(&week)];
    report::publish(out, "week", week, &tables)?;
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
        ],
    );
    table.row([
        "week".to_owned(),
        week.orders.to_string(),
        week.in_warehouse.to_string(),
        format!("{:.1}", week.seconds),
        format!("{:.1}", week.least_seconds),
    ]);
    table
}

fn memory_table(week: &Week) -> Table {
    let mut table = Table::new("Its memory", &["at, s", "world, MB", "functions, MB"]);
    for look in &week.memory {
        table.row([
            format!("{:.0}", look.at),
            super::megabytes(look.world_bytes),
            super::megabytes(look.functions_bytes),
        ]);
    }
    table
}
