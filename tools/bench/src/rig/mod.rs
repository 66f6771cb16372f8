//! The test rig: one process of each function in a Lambda runtime of its own, before the engines and sandboxes of the local world. Nothing
//! else runs there, so that the processor time of a request is its own.

mod binaries;
mod events;
mod lambda;
pub(crate) mod process;
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
use sam_runner::template::{Document, Stack};

use self::lambda::Lambda;
use self::tally::Tally;

pub(crate) use binaries::{build, sizes};
pub(crate) use lambda::{Invocation, Launch};
pub(crate) use process::{best_tenth, median, microseconds};
pub(crate) use request::Request;
pub(crate) use shopping::{Shopping, cart_of, carts};
pub(crate) use tally::{Call, exact};
pub(crate) use tls::{Authority, TlsFronts};

/// Pieces of each product: nothing sells out while it is measured.
const PLENTY: u32 = 1_000_000;

/// Engines and sandboxes, stocked, and the stack that has each function's environment.
pub(crate) struct TestRig {
    outside: Outside,
    stack: Stack,
}

impl TestRig {
    /// Opens a rig that sells this catalogue, plenty of everything.
    pub(crate) async fn stocked_with(mut catalogue: Catalogue) -> anyhow::Result<Self> {
        // The warehouse's own time is not measured.
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
        Ok(Self { outside, stack })
    }

    /// Opens a rig that sells the catalogue of the local world.
    pub(crate) async fn open() -> anyhow::Result<Self> {
        Self::stocked_with(Catalogue::read(&Options::default().catalogue)?).await
    }

    /// The engines' addresses, by the variables that the SDK reads them from.
    pub(crate) fn endpoints(&self) -> BTreeMap<String, String> {
        self.outside.environment()
    }

    /// The shop's tables, for filling them.
    pub(crate) fn tables(&self) -> anyhow::Result<DynamoDb> {
        self.outside.tables(&self.stack)
    }

    /// A function with a binary of its own; the environment has the engines' addresses.
    pub(crate) fn launch(
        &self,
        binary: &str,
        executable: PathBuf,
        environment: BTreeMap<String, String>,
    ) -> anyhow::Result<Launch> {
        let mut functions = self.stack.functions.iter();
        let function = functions.find(|function| function.binary.name == binary);
        let function = function.with_context(|| format!("the template has no function {binary}"))?;
        Ok(Launch {
            function: function.clone(),
            executable,
            environment,
        })
    }

    /// A warm process of each function that is measured. All that they call is counted.
    pub(crate) async fn shopping(&self, binaries: &Path) -> anyhow::Result<Shopping> {
        let tally = Tally::before(self.endpoints()).await?;
        let mut functions = Vec::new();
        for name in Request::functions() {
            let launch = self.launch(name, binaries.join(name), BTreeMap::new())?;
            functions.push((launch.function, launch.executable));
        }
        let lambda = Lambda::start(functions, tally.endpoints()).await?;
        Ok(Shopping { lambda, tally })
    }
}

/// The sources that this program was built from.
pub(crate) fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
