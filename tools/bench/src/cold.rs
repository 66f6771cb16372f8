//! Cold starts: from the start of a process to the first answer, with everything that is put off until then.

use std::collections::BTreeMap;
use std::path::Path;

use crate::figures::{Cold, ColdFunction, ColdStart};
use crate::report::{self, Table};
use crate::stand::{
    Authority, Binaries, Build, Cart, Launch, Process, Request, Share, Shopping, Stand, callgrind, carts,
    median, microseconds, over_tls, sizes,
};

/// The no-op function: what the runtime itself takes.
const FLOOR: &str = "no-op";
/// As small as a Lambda function gets.
const SMALLEST_MB: u64 = 128;
/// The median order of the real shop.
const LINES: usize = 13;

/// What to measure.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// How often each process is started, all kinds in turn.
    #[arg(long, default_value_t = 30)]
    runs: usize,
    /// How often under the share of a processor that 128 MB get.
    #[arg(long, default_value_t = 10)]
    throttled_runs: usize,
}

/// How one binary is started, and what was seen of it.
struct Subject {
    launch: Launch,
    init_us: Vec<f64>,
    first_us: Vec<f64>,
    cpu_us: Vec<f64>,
    throttled_us: Vec<f64>,
    memory: u64,
    sizes: (u64, u64),
}

/// Measures, prints and keeps.
pub(crate) async fn run(args: &Args, out: &Path) -> anyhow::Result<()> {
    let functions: Vec<&str> = Request::FIRST.iter().map(|first| first.function()).collect();
    let own = Binaries::build(&[&functions[..], &[FLOOR]].concat(), Build::Own).await?;
    let sdk_defaults = Binaries::build(&functions, Build::SdkDefaults).await?;
    let bench = Bench::open().await?;
    let mut shopping = bench.shopping(&own).await?;
    let mut floor = bench.subject("catalog", &own.path(FLOOR), false)?;
    let mut measured = Vec::new();
    for first in Request::FIRST {
        let function = first.function();
        eprintln!("{function} ...");
        let mut subjects = [
            bench.subject(function, &own.path(function), false)?,
            bench.subject(function, &sdk_defaults.path(function), true)?,
        ];
        for run in 0..args.runs {
            floor.start(None).await?;
            for subject in &mut subjects {
                let event = first.event(&mut shopping, bench.cart(run)).await?;
                subject.start(Some((first, &event))).await?;
            }
        }
        let share =
            Share::of_memory(SMALLEST_MB).inspect_err(|error| eprintln!("no share of a processor: {error}"));
        for run in 0..args.throttled_runs {
            for subject in &mut subjects {
                let event = first.event(&mut shopping, bench.cart(run)).await?;
                if let Ok(share) = &share {
                    subject.start_throttled(share, first, &event).await?;
                }
            }
        }
        let mut figures = Vec::new();
        for subject in &subjects {
            let event = first.event(&mut shopping, bench.cart(0)).await?;
            figures.push(subject.figures(&[event]).await?);
        }
        let [own, sdk_defaults] =
            <[ColdStart; 2]>::try_from(figures).map_err(|_| anyhow::anyhow!("two subjects"))?;
        measured.push(ColdFunction {
            function: function.to_owned(),
            own,
            sdk_defaults,
        });
    }
    let cold = Cold {
        floor: floor.figures(&[]).await?,
        functions: measured,
    };
    let tables = tables(&cold);
    report::publish(out, "cold", cold, &tables)
}

/// What all processes share.
struct Bench {
    stand: Stand,
    authority: Authority,
    over_tls: BTreeMap<String, String>,
    carts: Vec<Cart>,
    _fronts: Vec<crate::stand::TlsFront>,
}

impl Bench {
    async fn open() -> anyhow::Result<Self> {
        let stand = Stand::open().await?;
        let authority = Authority::new().await?;
        let (over_tls, fronts) = over_tls(stand.endpoints(), &authority).await?;
        Ok(Self {
            stand,
            authority,
            over_tls,
            carts: carts(LINES)?,
            _fronts: fronts,
        })
    }

    /// Warm processes that take an order to where a cold one is to find it.
    async fn shopping(&self, own: &Binaries) -> anyhow::Result<Shopping> {
        self.stand.shopping(own, self.stand.endpoints()).await
    }

    fn cart(&self, run: usize) -> &Cart {
        &self.carts[run % self.carts.len()]
    }

    fn subject(&self, function: &str, executable: &Path, sdk_defaults: bool) -> anyhow::Result<Subject> {
        let launch = self.stand.launch(function, executable, &self.over_tls)?;
        let launch = if sdk_defaults {
            launch.with("SSL_CERT_FILE", &self.authority.whole_bundle())
        } else {
            launch.with("AWS_CA_BUNDLE", &self.authority.own_bundle())
        };
        Ok(Subject {
            launch,
            init_us: Vec::new(),
            first_us: Vec::new(),
            cpu_us: Vec::new(),
            throttled_us: Vec::new(),
            memory: 0,
            sizes: sizes(executable)?,
        })
    }
}

impl Subject {
    async fn start(&mut self, first: Option<(Request, &serde_json::Value)>) -> anyhow::Result<()> {
        let mut process = Process::start(&self.launch).await?;
        self.init_us.push(microseconds(process.init()));
        if let Some((first, event)) = first {
            let done = process.invoke(event).await?;
            first.check(&done)?;
            self.first_us.push(microseconds(done.wall));
        }
        self.cpu_us.push(microseconds(process.cpu()?));
        self.memory = self.memory.max(process.peak_memory()?);
        Ok(())
    }

    async fn start_throttled(
        &mut self,
        share: &Share,
        first: Request,
        event: &serde_json::Value,
    ) -> anyhow::Result<()> {
        let mut process = Process::start(&self.launch.clone().within(&share.wrapper())).await?;
        let done = process.invoke(event).await?;
        first.check(&done)?;
        self.throttled_us.push(microseconds(process.init() + done.wall));
        Ok(())
    }

    async fn figures(&self, events: &[serde_json::Value]) -> anyhow::Result<ColdStart> {
        let median = |values: &[f64]| median(values.iter().copied());
        let instructions = if callgrind::is_there() {
            Some(callgrind::instructions(&self.launch, events).await?)
        } else {
            None
        };
        Ok(ColdStart {
            init_us: median(&self.init_us),
            first_us: median(&self.first_us),
            cpu_us: median(&self.cpu_us),
            throttled_us: (!self.throttled_us.is_empty()).then(|| median(&self.throttled_us)),
            instructions,
            memory_bytes: self.memory,
            binary_bytes: self.sizes.0,
            zip_bytes: self.sizes.1,
        })
    }
}

fn tables(cold: &Cold) -> [Table; 2] {
    let mut times = Table::new(
        "Cold start in ms: init (from the start of the process to its first poll), and both that and the first request with its first \
         calls over TLS, beside the same with the SDK's defaults",
        &[
            "function",
            "init",
            "x no-op",
            "both",
            "SDK's",
            "SDK's x",
            "own CPU",
            "SDK's",
            "SDK's x",
            "both at 128 MB",
            "SDK's",
            "SDK's x",
        ],
    );
    let ms = |us: f64| format!("{:.2}", us / 1e3);
    let dash = || "-".to_owned();
    let beside = |own: Option<f64>, other: Option<f64>| match (own, other) {
        (Some(own), Some(other)) => [ms(own), ms(other), format!("{:.1}", other / own)],
        _ => [dash(), dash(), dash()],
    };
    let both = |start: &ColdStart| Some(start.init_us + start.first_us);
    let floor = &cold.floor;
    let mut cells = vec![FLOOR.to_owned(), ms(floor.init_us), "1.00".to_owned()];
    cells.extend([dash(), dash(), dash(), ms(floor.cpu_us)]);
    cells.resize_with(12, dash);
    times.row(cells);
    for ColdFunction {
        function,
        own,
        sdk_defaults,
    } in &cold.functions
    {
        let times_floor = format!("{:.2}", own.init_us / floor.init_us);
        let mut cells = vec![function.clone(), ms(own.init_us), times_floor];
        cells.extend(beside(both(own), both(sdk_defaults)));
        cells.extend(beside(Some(own.cpu_us), Some(sdk_defaults.cpu_us)));
        cells.extend(beside(own.throttled_us, sdk_defaults.throttled_us));
        times.row(cells);
    }
    let mut sizes = Table::new(
        "What a cold start carries: beside it, the same with the SDK's defaults",
        &[
            "function",
            "M instructions",
            "SDK defaults",
            "memory MB",
            "SDK defaults",
            "binary MB",
            "SDK defaults",
            "zip MB",
            "SDK defaults",
        ],
    );
    let instructions = |start: &ColdStart| {
        start
            .instructions
            .map_or_else(dash, |count| format!("{:.2}", mega(count)))
    };
    let megabytes = |bytes: u64| format!("{:.2}", mega(bytes));
    let mut row = |name: &str, own: &ColdStart, other: Option<&ColdStart>| {
        let other = |cell: &dyn Fn(&ColdStart) -> String| other.map_or_else(dash, cell);
        sizes.row([
            name.to_owned(),
            instructions(own),
            other(&instructions),
            megabytes(own.memory_bytes),
            other(&|start| megabytes(start.memory_bytes)),
            megabytes(own.binary_bytes),
            other(&|start| megabytes(start.binary_bytes)),
            megabytes(own.zip_bytes),
            other(&|start| megabytes(start.zip_bytes)),
        ]);
    };
    row(FLOOR, floor, None);
    for measured in &cold.functions {
        row(&measured.function, &measured.own, Some(&measured.sdk_defaults));
    }
    [times, sizes]
}

#[expect(clippy::cast_precision_loss, reason = "shown with two digits")]
fn mega(count: u64) -> f64 {
    count as f64 / 1e6
}
