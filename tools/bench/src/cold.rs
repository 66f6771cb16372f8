//! Cold starts: from the start of a process to its first answer.

use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::report::{keep, or_dash, publish, table};
use crate::rig::{
    Authority, Invocation, Launch, Request, TestRig, TlsFronts, build, carts, median, microseconds, sizes,
};

/// The function that does nothing: what the runtime itself takes.
const NO_OP: &str = "no-op";
/// The median order of the real shop.
const LINES: usize = 13;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// How often each process is started, its two builds in turn.
    #[arg(long, default_value_t = 30)]
    runs: usize,
}

/// What the part keeps.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Cold {
    /// The no-op function.
    pub(crate) floor: ColdStart,
    pub(crate) functions: Vec<ColdFunction>,
}

/// A function's cold start, as deployed and with the AWS SDK's defaults.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ColdFunction {
    pub(crate) function: String,
    pub(crate) own: ColdStart,
    /// With the SDK's own HTTP client, crypto provider and certificates.
    pub(crate) sdk_defaults: ColdStart,
}

/// Medians over all runs.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct ColdStart {
    /// From the start of the process to its first poll for work, in microseconds.
    pub(crate) init_us: f64,
    /// From the first poll to the answer to the first event, in microseconds.
    pub(crate) first_us: f64,
    /// Processor time of both, in microseconds.
    pub(crate) cpu_us: f64,
    /// Instructions of both (callgrind), where valgrind is there.
    pub(crate) instructions: Option<u64>,
    /// The most memory that it had, in bytes.
    pub(crate) memory_bytes: u64,
    pub(crate) binary_bytes: u64,
    /// The binary in a zip, in bytes.
    pub(crate) zip_bytes: u64,
}

/// One binary, how it is started, and the measurements of each start.
struct Subject {
    launch: Launch,
    starts: Vec<Invocation>,
}

pub(crate) async fn run(args: &Args, out: &Path) -> anyhow::Result<()> {
    let names = Request::functions();
    let own = build(&[&names[..], &[NO_OP]].concat(), false).await?;
    let sdk_defaults = build(&names, true).await?;
    let rig = TestRig::open().await?;
    let authority = Authority::new().await?;
    let fronts = TlsFronts::before(&rig.endpoints(), &authority).await?;
    let subject = |name, executable, ca_variable: &str, bundle| -> anyhow::Result<Subject> {
        let mut environment = fronts.endpoints.clone();
        environment.insert(ca_variable.to_owned(), authority.file(bundle));
        let launch = rig.launch(name, executable, environment)?;
        Ok(Subject {
            launch,
            starts: Vec::new(),
        })
    };
    // Warm processes bring orders to where a cold one is to find them.
    let shopping = rig.shopping(&own).await?;
    let carts = carts(LINES)?;
    let mut no_op = subject("catalog", own.join(NO_OP), "AWS_CA_BUNDLE", "own.pem")?;
    let mut functions = Vec::new();
    for first in Request::FIRST {
        let name = first.function();
        eprintln!("{name} ...");
        let mut subjects = [
            subject(name, own.join(name), "AWS_CA_BUNDLE", "own.pem")?,
            subject(name, sdk_defaults.join(name), "SSL_CERT_FILE", "all.pem")?,
        ];
        for cart in carts.iter().cycle().take(args.runs) {
            no_op.start(None, &json!({})).await?;
            for subject in &mut subjects {
                let event = first.event(&shopping, cart).await?;
                subject.start(Some(first), &event).await?;
            }
        }
        let [own, sdk_defaults] = &subjects;
        functions.push(ColdFunction {
            function: name.to_owned(),
            own: own.figures(&first.event(&shopping, &carts[0]).await?).await?,
            sdk_defaults: sdk_defaults
                .figures(&first.event(&shopping, &carts[0]).await?)
                .await?,
        });
    }
    let floor = no_op.figures(&json!({})).await?;
    let cold = Cold { floor, functions };
    keep("cold", &cold, out)?;
    publish("cold", &tables(&cold), out)
}

impl Subject {
    async fn start(&mut self, first: Option<Request>, event: &Value) -> anyhow::Result<()> {
        let lambda = self.launch.start().await?;
        let done = lambda.invoke(self.name(), event).await?;
        lambda.stop().await;
        if let Some(first) = first {
            first.check(&done)?;
        }
        self.starts.push(done);
        Ok(())
    }

    fn name(&self) -> &str {
        &self.launch.function.binary.name
    }

    async fn figures(&self, event: &Value) -> anyhow::Result<ColdStart> {
        let (binary_bytes, zip_bytes) = sizes(&self.launch.executable)?;
        let of = |time: fn(&Invocation) -> Duration| {
            let times = self.starts.iter().map(|start| microseconds(time(start)));
            median(&times.collect::<Vec<_>>())
        };
        Ok(ColdStart {
            init_us: of(|start| start.init),
            first_us: of(|start| start.wall.saturating_sub(start.init)),
            cpu_us: of(|start| start.cpu),
            instructions: self.launch.instructions(std::slice::from_ref(event)).await?,
            memory_bytes: self
                .starts
                .iter()
                .map(|start| start.peak_memory)
                .max()
                .unwrap_or(0),
            binary_bytes,
            zip_bytes,
        })
    }
}

fn tables(cold: &Cold) -> [String; 2] {
    let functions = cold.functions.iter();
    let functions = functions.map(|one| (one.function.as_str(), &one.own, Some(&one.sdk_defaults)));
    let rows: Vec<_> = std::iter::once((NO_OP, &cold.floor, None))
        .chain(functions)
        .collect();
    let times = rows.iter().map(|(name, own, sdk)| {
        let ratio = own.init_us / cold.floor.init_us;
        let columns: [fn(&ColdStart) -> f64; 2] =
            [|start| start.init_us + start.first_us, |start| start.cpu_us];
        let triples = columns.map(|of| beside(of(own), sdk.map(of)));
        format!(
            "{name} | {:.2} | {ratio:.2} | {}",
            own.init_us / 1e3,
            triples.join(" | ")
        )
    });
    let sizes = rows.iter().map(|(name, own, sdk)| {
        let columns: [fn(&ColdStart) -> Option<u64>; 4] = [
            |start| start.instructions,
            |start| Some(start.memory_bytes),
            |start| Some(start.binary_bytes),
            |start| Some(start.zip_bytes),
        ];
        let pairs = columns.map(|of| format!("{} | {}", millions(of(own)), millions(sdk.and_then(of))));
        format!("{name} | {}", pairs.join(" | "))
    });
    [
        table(
            "Cold start in ms: init (start to first poll), init and first request (both), processor time; with the SDK's defaults",
            "function | init | x no-op | both | SDK | SDK x | CPU | SDK | SDK x",
            times,
        ),
        table(
            "Instructions, memory and sizes of a cold start; with the SDK's defaults",
            "function | M instructions | SDK | memory MB | SDK | binary MB | SDK | zip MB | SDK",
            sizes,
        ),
    ]
}

/// A time, that with the SDK's defaults, and how often it has room in the latter.
fn beside(own: f64, sdk: Option<f64>) -> String {
    let ms = |us: f64| format!("{:.2}", us / 1e3);
    let ratio = sdk.map(|sdk| format!("{:.1}", sdk / own));
    format!("{} | {} | {}", ms(own), or_dash(sdk.map(ms)), or_dash(ratio))
}

#[expect(clippy::cast_precision_loss, reason = "shown with two digits")]
fn millions(count: Option<u64>) -> String {
    or_dash(count.map(|count| format!("{:.2}", count as f64 / 1e6)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::kept;

    #[test]
    fn the_kept_figures_fill_both_tables() {
        let kept = kept::<Cold>("cold", &crate::rig::workspace().join("docs/performance")).expect("kept");
        for (table, columns) in tables(&kept).into_iter().zip([9, 9]) {
            assert!(table.lines().any(|line| line.starts_with("| no-op ")), "{table}");
            assert_eq!(table.lines().count(), 5 + kept.functions.len(), "{table}");
            let mut cells = table.lines().skip(2).map(|line| line.matches('|').count());
            assert!(cells.all(|cells| cells == columns + 1), "{table}");
        }
    }
}
