//! The shop that the tests share: a local world of their own, or one that is deployed.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use kontor::world::{Options, World};
use tempfile::TempDir;

/// A product for one flash sale: 100 pieces.
pub const FLASH: &str = "FLASH";
/// A product for one race of the same key: 100,000 pieces.
pub const RACE: &str = "RACE";
/// A product of which 2 pieces are left.
pub const PAIR: &str = "PAIR";

/// A product that is ordered and not paid for: 1,000 pieces.
pub const LATER: &str = "LATER";

/// A running shop, and the outside world that it knows.
pub struct Running {
    /// The shop's address.
    pub shop_url: String,
    /// The payment provider's sandbox.
    pub payments_url: String,
    /// The warehouse simulator.
    pub warehouse_url: String,
    /// What the payment sandbox signs its events with: for tests that write events of their own.
    pub webhook_secret: String,
    inside: Option<Inside>,
}

/// A local world and the runtime that carries it.
struct Inside {
    world: World,
    /// Carries the world's tasks, whichever test started it.
    _runtime: tokio::runtime::Runtime,
    _catalogue: TempDir,
}

impl Running {
    /// The local world, for tests that look inside.
    ///
    /// # Panics
    /// Where the shop is one at an address.
    pub fn world(&self) -> &World {
        let inside = self.inside.as_ref();
        &inside
            .expect("this test looks inside the shop: run it without SHOP")
            .world
    }

    /// Kills every process of a function, whatever it is doing.
    pub fn kill(&self, function: &str) {
        // One that is only being started has no number yet, and 0 would be everybody.
        let processes = self.world().processes(function);
        for process in processes.iter().filter(|process| process.pid != 0) {
            // One that has ended by itself meanwhile is as dead.
            Command::new("kill")
                .args(["-KILL", &process.pid.to_string()])
                .output()
                .ok();
        }
    }

    /// The shop at the address `SHOP`, stocked with [`catalogue`]; `PAYMENTS`, `WAREHOUSE` and `WEBHOOK_SECRET` are those of its
    /// outside world.
    fn at_an_address() -> Option<Self> {
        let shop_url = std::env::var("SHOP").ok()?;
        let variable =
            |name: &str| std::env::var(name).unwrap_or_else(|_| panic!("SHOP is set, and {name} is not"));
        Some(Self {
            shop_url,
            payments_url: variable("PAYMENTS"),
            warehouse_url: variable("WAREHOUSE"),
            webhook_secret: variable("WEBHOOK_SECRET"),
            inside: None,
        })
    }

    fn on_this_machine(parameters: &[(&str, &str)]) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let (directory, catalogue) = catalogue_file();
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
        Self {
            shop_url: world.shop_url().to_owned(),
            payments_url: world.payments_url(),
            warehouse_url: world.warehouse_url(),
            webhook_secret: World::WEBHOOK_SECRET.to_owned(),
            inside: Some(Inside {
                world,
                _runtime: runtime,
                _catalogue: directory,
            }),
        }
    }
}

/// The shop, found or started by whichever test asks first. A local world ends with the process: the functions' processes
/// notice that their Runtime API is gone.
///
/// # Panics
/// Where it does not start.
pub fn running() -> &'static Running {
    running_with(&[])
}

/// As [`running`]; a local world is on a template with these parameters, where no test has started it yet.
///
/// # Panics
/// Where it does not start.
pub fn running_with(parameters: &[(&str, &str)]) -> &'static Running {
    static RUNNING: OnceLock<Running> = OnceLock::new();
    RUNNING.get_or_init(|| Running::at_an_address().unwrap_or_else(|| Running::on_this_machine(parameters)))
}

/// What the shop of the tests sells, as CSV: the real catalogue with a stock of 100,000 each, and the tests' own products, of which an
/// order takes any number.
///
/// # Panics
/// Where the real catalogue is empty.
pub fn catalogue() -> String {
    let real = include_str!("../../tools/kontor/data/online-retail/products.csv");
    let mut rows = real.lines();
    let header = rows.next().expect("a header");
    let columns = header.split(',').count();
    let mut csv = format!("{header},stock,max_per_order\n");
    for row in rows {
        writeln!(csv, "{row},100000,").expect("a string takes it");
    }
    for (sku, price, stock) in [
        (FLASH, 1_000, 100),
        (RACE, 1_000, 100_000),
        (PAIR, 1_000, 2),
        (LATER, 1_000, 1_000),
    ] {
        let rest = if columns == 4 { ",19" } else { "" };
        writeln!(csv, "{sku},TEST PRODUCT {sku},{price}{rest},{stock},100000").expect("a string takes it");
    }
    csv
}

fn catalogue_file() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("products.csv");
    std::fs::write(&path, catalogue()).expect("written");
    (directory, path)
}
