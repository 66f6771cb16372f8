//! What can be chosen about the local world.

use sam_runner::binaries::Binaries;
use sam_runner::engines::EnginePorts;
use sam_runner::engines::server::Port;
use sam_runner::logs::LogSink;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What can be chosen about the local world. The default suits tests: any free ports, nothing kept, nothing shown.
#[derive(Debug, Clone)]
pub struct Options {
    /// The SAM template.
    pub template: PathBuf,
    /// The directory of the website.
    pub website: PathBuf,
    /// The catalogue file (CSV).
    pub catalogue: PathBuf,
    /// Where tables, messages and the warehouse's orders outlive the process; `None` keeps them in memory.
    pub data: Option<PathBuf>,
    /// Where everything listens.
    pub ports: Ports,
    /// Where the sandboxes and engines can be reached besides: for containers, to which this machine has another address.
    pub listen_also: Option<IpAddr>,
    /// Most processes of one function.
    pub max_processes: usize,
    /// How the functions' binaries come about.
    pub binaries: Binaries,
    /// Where the functions' output goes.
    pub logs: LogSink,
    /// Whether to print the steps of the start on standard error.
    pub announce: bool,
    /// How long the warehouse works on an order.
    pub warehouse_latency: Duration,
    /// Calls the warehouse answers a second; 0 means no limit.
    pub warehouse_rate_per_s: u32,
    /// Parameters of the template beyond those that the local world sets itself.
    pub parameters: BTreeMap<String, String>,
    /// Variables of every function's environment beyond the template's, or instead: for a proxy between functions and engines, say.
    pub environment: BTreeMap<String, String>,
}

/// Where everything listens, on the loopback interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ports {
    /// The website and the API.
    pub shop: u16,
    /// The payment provider's sandbox.
    pub payments: u16,
    /// The warehouse simulator.
    pub warehouse: u16,
    /// The engines.
    pub engines: EnginePorts,
    /// Lambda's Invoke and Runtime APIs.
    pub lambda: Port,
}

impl Ports {
    /// Any free ones.
    pub const FREE: Self = Self {
        shop: 0,
        payments: 0,
        warehouse: 0,
        engines: EnginePorts {
            dynamodb: Port::Exactly(0),
            sqs: Port::Exactly(0),
            ssm: Port::Exactly(0),
        },
        lambda: Port::Exactly(0),
    };
}

impl Default for Options {
    fn default() -> Self {
        let workspace = workspace();
        Self {
            template: workspace.join("template.yaml"),
            website: workspace.join("web"),
            catalogue: Path::new(env!("CARGO_MANIFEST_DIR")).join("data/online-retail/products.csv"),
            data: None,
            ports: Ports::FREE,
            listen_also: None,
            max_processes: default_processes(),
            binaries: Binaries::BuildQuietly,
            logs: LogSink::Silent,
            announce: false,
            warehouse_latency: Duration::from_millis(500),
            warehouse_rate_per_s: 10,
            parameters: BTreeMap::new(),
            environment: BTreeMap::new(),
        }
    }
}

/// Four for each processor, within reason: functions mostly wait for I/O.
pub(crate) fn default_processes() -> usize {
    std::thread::available_parallelism().map_or(4, |processors| (4 * processors.get()).clamp(4, 16))
}

/// The workspace that this program was built from: this program needs its sources.
fn workspace() -> PathBuf {
    let crate_directory = Path::new(env!("CARGO_MANIFEST_DIR"));
    crate_directory
        .ancestors()
        .nth(2)
        .unwrap_or(crate_directory)
        .to_path_buf()
}
