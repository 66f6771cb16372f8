//! The local world that the tests share.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use local::world::{Options, World};
use tempfile::TempDir;

/// A product for one flash sale: 100 pieces.
pub const FLASH: &str = "FLASH";
/// A product for one race of the same key: 100,000 pieces.
pub const RACE: &str = "RACE";
/// A product of which 2 pieces are left.
pub const PAIR: &str = "PAIR";

/// A running world and the runtime that carries it.
pub struct Running {
    /// The world.
    pub world: World,
    /// Carries the world's tasks, whichever test started it.
    pub runtime: tokio::runtime::Runtime,
    _catalogue: TempDir,
}

impl Running {
    /// Kills every process of a function, whatever it is doing.
    pub fn kill(&self, function: &str) {
        for process in self.world.processes(function) {
            // One that has ended by itself meanwhile is as dead.
            Command::new("kill")
                .args(["-KILL", &process.pid.to_string()])
                .output()
                .ok();
        }
    }
}

/// The world, started by whichever test asks first. It ends with the process: the functions' processes notice that their
/// Runtime API is gone.
///
/// # Panics
/// Where it does not start.
pub fn running() -> &'static Running {
    running_with(&[])
}

/// As [`running`], on a template with these parameters, where no test has started it yet.
///
/// # Panics
/// Where it does not start.
pub fn running_with(parameters: &[(&str, &str)]) -> &'static Running {
    static RUNNING: OnceLock<Running> = OnceLock::new();
    RUNNING.get_or_init(|| {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let (directory, catalogue) = catalogue();
        let options = Options {
            catalogue,
            parameters: parameters
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            ..Options::default()
        };
        let world = std::thread::scope(|scope| {
            scope
                .spawn(|| runtime.block_on(World::start(options)).expect("a world"))
                .join()
                .expect("a world")
        });
        Running {
            world,
            runtime,
            _catalogue: directory,
        }
    })
}

/// The real catalogue with a stock of 100,000 each, and the tests' own products.
fn catalogue() -> (TempDir, PathBuf) {
    let real = include_str!("../../crates/local/data/online-retail/products.csv");
    let mut rows = real.lines();
    let header = rows.next().expect("a header");
    let columns = header.split(',').count();
    let mut csv = format!("{header},stock\n");
    for row in rows {
        writeln!(csv, "{row},100000").expect("a string takes it");
    }
    for (sku, price, stock) in [(FLASH, 1_000, 100), (RACE, 1_000, 100_000), (PAIR, 1_000, 2)] {
        let rest = if columns == 4 { ",19" } else { "" };
        writeln!(csv, "{sku},TEST PRODUCT {sku},{price}{rest},{stock}").expect("a string takes it");
    }
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("products.csv");
    std::fs::write(&path, csv).expect("written");
    (directory, path)
}
