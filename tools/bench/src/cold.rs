//! Cold starts: from the start of a process to its first answer.

use std::path::Path;

use serde_json::Value;

use crate::figures::{Cold, ColdFunction, ColdStart};
use crate::report::{Report, table};
use crate::rig::{
    Authority, Binaries, Build, Launch, Process, Request, Share, TestRig, TlsFronts, callgrind, carts,
    median, microseconds, sizes,
};

/// The function that does nothing: what the runtime itself takes.
const NO_OP: &str = "no-op";
/// As small as a Lambda function gets.
const SMALLEST_MB: u64 = 128;
/// The median order of the real shop.
const LINES: usize = 13;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// How often each process is started, its two builds in turn.
    #[arg(long, default_value_t = 30)]
    runs: usize,
    /// How often under the share of a processor that 128 MB get.
    #[arg(long, default_value_t = 10)]
    throttled_runs: usize,
}

/// One binary, how it is started, and its measurements in microseconds.
struct Subject {
    launch: Launch,
    init: Vec<f64>,
    first: Vec<f64>,
    cpu: Vec<f64>,
    throttled: Vec<f64>,
    memory: u64,
}

pub(crate) async fn run(args: &Args, out: &Path) -> anyhow::Result<()> {
    let names = Request::functions();
    let own = Binaries::build(&[&names[..], &[NO_OP]].concat(), Build::Own).await?;
    let sdk_defaults = Binaries::build(&names, Build::SdkDefaults).await?;
    let rig = TestRig::open().await?;
    let authority = Authority::new().await?;
    let fronts = TlsFronts::before(rig.endpoints(), &authority).await?;
    let subject = |name, executable: &Path, ca_variable, bundle| -> anyhow::Result<Subject> {
        let launch = rig.launch(name, executable, &fronts.endpoints)?;
        Ok(Subject::new(launch.with(ca_variable, &authority.bundle(bundle))))
    };
    // Warm processes bring orders to where a cold one is to find them.
    let mut shopping = rig.shopping(&own, rig.endpoints()).await?;
    let carts = carts(LINES)?;
    let share =
        Share::of_memory(SMALLEST_MB).inspect_err(|error| eprintln!("no share of a processor: {error}"));
    let mut no_op = subject("catalog", &own.path(NO_OP), "AWS_CA_BUNDLE", "own.pem")?;
    let mut functions = Vec::new();
    for first in Request::FIRST {
        let name = first.function();
        eprintln!("{name} ...");
        let mut subjects = [
            subject(name, &own.path(name), "AWS_CA_BUNDLE", "own.pem")?,
            subject(name, &sdk_defaults.path(name), "SSL_CERT_FILE", "all.pem")?,
        ];
        for cart in carts.iter().cycle().take(args.runs) {
            no_op.start(None).await?;
            for subject in &mut subjects {
                let event = first.event(&mut shopping, cart).await?;
                subject.start(Some((first, &event))).await?;
            }
        }
        for cart in carts.iter().cycle().take(args.throttled_runs) {
            for subject in &mut subjects {
                let event = first.event(&mut shopping, cart).await?;
                if let Ok(share) = &share {
                    subject.start_throttled(share, first, &event).await?;
                }
            }
        }
        let [own, sdk_defaults] = &subjects;
        functions.push(ColdFunction {
            function: name.to_owned(),
            own: own
                .figures(&[first.event(&mut shopping, &carts[0]).await?])
                .await?,
            sdk_defaults: sdk_defaults
                .figures(&[first.event(&mut shopping, &carts[0]).await?])
                .await?,
        });
    }
    let floor = no_op.figures(&[]).await?;
    let cold = Cold { floor, functions };
    Report::new("cold", &cold, &tables(&cold))?.publish(out)
}

impl Subject {
    fn new(launch: Launch) -> Self {
        Self {
            launch,
            init: Vec::new(),
            first: Vec::new(),
            cpu: Vec::new(),
            throttled: Vec::new(),
            memory: 0,
        }
    }

    async fn start(&mut self, first: Option<(Request, &Value)>) -> anyhow::Result<()> {
        let mut process = Process::start(&self.launch).await?;
        self.init.push(microseconds(process.init));
        if let Some((first, event)) = first {
            let done = process.invoke(event).await?;
            first.check(&done)?;
            self.first.push(microseconds(done.wall));
        }
        self.cpu.push(microseconds(process.cpu()?));
        self.memory = self.memory.max(process.peak_memory()?);
        Ok(())
    }

    async fn start_throttled(&mut self, share: &Share, first: Request, event: &Value) -> anyhow::Result<()> {
        let mut process = Process::start(&self.launch.clone().within(&share.wrapper())).await?;
        let done = process.invoke(event).await?;
        first.check(&done)?;
        self.throttled.push(microseconds(process.init + done.wall));
        Ok(())
    }

    async fn figures(&self, events: &[Value]) -> anyhow::Result<ColdStart> {
        let (binary_bytes, zip_bytes) = sizes(&self.launch.executable)?;
        Ok(ColdStart {
            init_us: median(&self.init),
            first_us: median(&self.first),
            cpu_us: median(&self.cpu),
            throttled_us: (!self.throttled.is_empty()).then(|| median(&self.throttled)),
            instructions: callgrind::instructions(&self.launch, events).await?,
            memory_bytes: self.memory,
            binary_bytes,
            zip_bytes,
        })
    }
}

/// A row of the tables: the function, its own start, and that with the SDK's defaults.
type Row<'r> = (&'r str, &'r ColdStart, Option<&'r ColdStart>);

fn tables(cold: &Cold) -> [String; 2] {
    let functions = cold.functions.iter();
    let functions = functions.map(|one| (one.function.as_str(), &one.own, Some(&one.sdk_defaults)));
    let rows: Vec<Row<'_>> = std::iter::once((NO_OP, &cold.floor, None))
        .chain(functions)
        .collect();
    let floor = cold.floor.init_us;
    let name = |row: &Row<'_>| row.0.to_owned();
    let ms = |us: Option<f64>| us.map_or_else(|| "-".to_owned(), |us| format!("{:.2}", us / 1e3));
    let both = |start: &ColdStart| (start.first_us > 0.0).then_some(start.init_us + start.first_us);
    let cpu = |start: &ColdStart| Some(start.cpu_us);
    let throttled = |start: &ColdStart| start.throttled_us;
    let sdk = |row: &Row<'_>, of: &dyn Fn(&ColdStart) -> Option<f64>| row.2.and_then(of);
    let ratio = |row: &Row<'_>, of: &dyn Fn(&ColdStart) -> Option<f64>| {
        let both = of(row.1).zip(sdk(row, of));
        both.map_or_else(|| "-".to_owned(), |(own, sdk)| format!("{:.1}", sdk / own))
    };
    let times = table(
        "Cold start in ms: init (start to first poll), init and first request (both), processor time; with the SDK's defaults",
        &rows,
        &[
            ("function", &name),
            ("init", &|row| ms(Some(row.1.init_us))),
            ("x no-op", &|row| format!("{:.2}", row.1.init_us / floor)),
            ("both", &|row| ms(both(row.1))),
            ("SDK", &|row| ms(sdk(row, &both))),
            ("SDK x", &|row| ratio(row, &both)),
            ("CPU", &|row| ms(cpu(row.1))),
            ("SDK", &|row| ms(sdk(row, &cpu))),
            ("SDK x", &|row| ratio(row, &cpu)),
            ("both at 128 MB", &|row| ms(throttled(row.1))),
            ("SDK", &|row| ms(sdk(row, &throttled))),
            ("SDK x", &|row| ratio(row, &throttled)),
        ],
    );
    let instructions = |start: &ColdStart| start.instructions.map_or_else(|| "-".to_owned(), mega);
    let memory = |start: &ColdStart| mega(start.memory_bytes);
    let binary = |start: &ColdStart| mega(start.binary_bytes);
    let zip = |start: &ColdStart| mega(start.zip_bytes);
    let other = |row: &Row<'_>, of: &dyn Fn(&ColdStart) -> String| row.2.map_or_else(|| "-".to_owned(), of);
    let sizes = table(
        "Instructions, memory and sizes of a cold start; with the SDK's defaults",
        &rows,
        &[
            ("function", &name),
            ("M instructions", &|row| instructions(row.1)),
            ("SDK", &|row| other(row, &instructions)),
            ("memory MB", &|row| memory(row.1)),
            ("SDK", &|row| other(row, &memory)),
            ("binary MB", &|row| binary(row.1)),
            ("SDK", &|row| other(row, &binary)),
            ("zip MB", &|row| zip(row.1)),
            ("SDK", &|row| other(row, &zip)),
        ],
    );
    [times, sizes]
}

#[expect(clippy::cast_precision_loss, reason = "shown with two digits")]
fn mega(count: u64) -> String {
    format!("{:.2}", count as f64 / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::kept;

    #[test]
    fn the_kept_figures_fill_both_tables() {
        let kept = kept::<Cold>(&crate::rig::workspace().join("docs/performance"), "cold").expect("kept");
        let no_op = |table: &String| table.lines().any(|line| line.starts_with("| no-op "));
        let [times, sizes] = tables(&kept);
        assert!(no_op(&times) && no_op(&sizes), "{times}{sizes}");
        assert_eq!(times.lines().count(), 5 + kept.functions.len(), "{times}");
        let cells = times.lines().skip(2).map(|line| line.matches('|').count());
        assert!(
            cells.eq(std::iter::repeat_n(13, 3 + kept.functions.len())),
            "{times}"
        );
    }
}
