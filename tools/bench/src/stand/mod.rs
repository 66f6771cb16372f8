//! The test stand: one process of a function at a time, behind a Runtime API of its own, before the engines and sandboxes of the local
//! world. Nothing else runs there, so that what a request takes is its own.

mod binaries;
pub(crate) mod callgrind;
mod events;
mod median;
mod process;
mod processor;
mod request;
mod shopping;
mod tally;
mod tls;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context;
use dynamodb::DynamoDb;
use kontor::catalogue::Catalogue;
use kontor::world::{Options, Outside};
use sam_runner::runtime::environment;
use sam_runner::template::{Document, Function, Stack};

pub(crate) use binaries::{Binaries, Build, sizes};
pub(crate) use median::{best_tenth, median, microseconds};
pub(crate) use process::{Launch, Process};
pub(crate) use processor::Share;
pub(crate) use request::Request;
pub(crate) use shopping::{Cart, Shopping, carts};
pub(crate) use tally::{Tallied, Tally};
pub(crate) use tls::{Authority, TlsFront, over_tls};

/// Pieces of each product: nothing sells out while it is measured.
const PLENTY: u32 = 1_000_000;

/// Engines and sandboxes, stocked, and the template that says what each function is told.
pub(crate) struct Stand {
    outside: Outside,
    stack: Stack,
    endpoints: BTreeMap<String, String>,
}

impl Stand {
    /// Opens a stand that sells this catalogue, plenty of everything.
    pub(crate) async fn stocked_with(mut catalogue: Catalogue) -> anyhow::Result<Self> {
        // Who waits for the warehouse measures the warehouse.
        let options = Options {
            warehouse_latency: std::time::Duration::ZERO,
            warehouse_rate_per_s: 0,
            parameters: BTreeMap::from([("WarehouseOrdersPerMinute".to_owned(), "30000".to_owned())]),
            ..Options::default()
        };
        for level in &mut catalogue.stock {
            level.available = PLENTY;
        }
        let outside = Outside::start(&options).await?;
        let stack = outside.read(&Document::read(&options.template)?, &options)?;
        outside.stock(&stack, &catalogue).await?;
        Ok(Self {
            endpoints: outside.environment(),
            outside,
            stack,
        })
    }

    /// Opens a stand that sells the catalogue of the local world.
    pub(crate) async fn open() -> anyhow::Result<Self> {
        Self::stocked_with(Catalogue::read(&Options::default().catalogue)?).await
    }

    /// The engines' addresses, by the variables that the SDK reads them from.
    pub(crate) fn endpoints(&self) -> &BTreeMap<String, String> {
        &self.endpoints
    }

    /// The shop's tables, for filling them.
    pub(crate) fn tables(&self) -> anyhow::Result<DynamoDb> {
        self.outside.tables(&self.stack)
    }

    /// How a process of the function with this binary is started; `endpoints` are where it finds the engines.
    pub(crate) fn launch(
        &self,
        binary: &str,
        executable: &Path,
        endpoints: &BTreeMap<String, String>,
    ) -> anyhow::Result<Launch> {
        let function = self.function(binary)?;
        Ok(Launch::new(
            executable.to_owned(),
            environment(function, executable, endpoints),
        ))
    }

    /// A warm process of each function, by these endpoints.
    pub(crate) async fn shopping(
        &self,
        binaries: &Binaries,
        endpoints: &BTreeMap<String, String>,
    ) -> anyhow::Result<Shopping> {
        let mut processes = BTreeMap::new();
        for function in &self.stack.functions {
            let name = &function.binary.name;
            let launch = self.launch(name, &binaries.path(name), endpoints)?;
            processes.insert(name.clone(), Process::start(&launch).await?);
        }
        Ok(Shopping::new(processes))
    }

    fn function(&self, binary: &str) -> anyhow::Result<&Function> {
        let mut functions = self.stack.functions.iter();
        functions
            .find(|function| function.binary.name == binary)
            .with_context(|| format!("the template has no function {binary}"))
    }
}

/// The sources that this program was built from: it is a tool for whoever has them.
pub(crate) fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
