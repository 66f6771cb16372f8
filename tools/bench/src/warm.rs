//! Warm requests: what one takes in a process that has answered some already.

use std::collections::BTreeMap;
use std::path::Path;

use kontor::replay::PastOrder;
use serde::{Deserialize, Serialize};

use crate::report::{keep, or_dash, publish, table};
use crate::rig::{
    Call, Invocation, Launch, Request, Shopping, TestRig, best_tenth, build, carts, exact, median,
    microseconds,
};

/// Requests under callgrind: so many, and then more in another process; the difference is theirs.
const INSTRUCTED: [usize; 2] = [10, 30];

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// How many requests of each kind are timed.
    #[arg(long, default_value_t = 300)]
    samples: usize,
    /// How many lines an order has; the real shop's median is 13.
    #[arg(long, default_value_t = 13)]
    lines: usize,
}

/// What the part keeps.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Warm {
    pub(crate) requests: Vec<WarmRequest>,
}

/// A kind of request to a process that has answered some already.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct WarmRequest {
    /// What is asked, such as `checkout, 13 lines`.
    pub(crate) request: String,
    pub(crate) function: String,
    pub(crate) samples: usize,
    /// The function's own processor time (median), in microseconds.
    pub(crate) cpu_us: f64,
    /// What it stays below in a tenth of all requests, in microseconds.
    pub(crate) cpu_best_us: f64,
    /// From the event to the answer (median), in microseconds.
    pub(crate) wall_us: f64,
    /// Instructions (callgrind), where valgrind is there.
    pub(crate) instructions: Option<u64>,
    /// What it writes to its log for one request, in bytes.
    pub(crate) log_bytes: f64,
    pub(crate) answer_bytes: f64,
    /// Its calls to the engines, by operation.
    pub(crate) calls: Vec<Call>,
}

pub(crate) async fn run(args: &Args, out: &Path) -> anyhow::Result<()> {
    let binaries = build(&Request::functions(), false).await?;
    let carts = carts(args.lines)?;
    let mut requests = Vec::new();
    for request in Request::ALL {
        eprintln!("{} ...", request.name());
        // On a rig of its own: what one kind leaves behind is no other's work.
        let rig = TestRig::open().await?;
        let shopping = rig.shopping(&binaries).await?;
        let done = shopping.measure(request, &carts, args.samples).await?;
        let of = |value: fn(&Invocation) -> f64| done.iter().map(value).collect::<Vec<_>>();
        let (cpu, name) = (of(|done| microseconds(done.cpu)), request.name());
        let launch = rig.launch(
            request.function(),
            binaries.join(request.function()),
            rig.endpoints(),
        )?;
        requests.push(WarmRequest {
            request: match request {
                Request::Minute | Request::Page | Request::Product | Request::Search => name.to_owned(),
                _ => format!("{name}, {} lines", args.lines),
            },
            function: request.function().to_owned(),
            samples: args.samples,
            cpu_us: median(&cpu),
            cpu_best_us: best_tenth(&cpu),
            wall_us: median(&of(|done| microseconds(done.wall))),
            instructions: instructions(request, &launch, &shopping, &carts).await?,
            log_bytes: of(|done| exact(done.log_bytes)).iter().sum::<f64>() / exact(args.samples),
            answer_bytes: median(&of(|done| exact(done.answer.len()))),
            calls: means(&done),
        });
    }
    let warm = Warm { requests };
    keep("warm", &warm, out)?;
    publish("warm", &tables(&warm), out)
}

/// The calls of a request on average, by operation.
fn means(done: &[Invocation]) -> Vec<Call> {
    let mut means: BTreeMap<&str, Call> = BTreeMap::new();
    for call in done.iter().flat_map(|done| &done.calls) {
        let mean = means.entry(&call.operation).or_default();
        mean.operation.clone_from(&call.operation);
        mean.add(call, 1.0 / exact(done.len()));
    }
    means.into_values().collect()
}

/// The instructions of a request on average; `None` where valgrind is not installed.
async fn instructions(
    request: Request,
    launch: &Launch,
    shopping: &Shopping,
    carts: &[PastOrder],
) -> anyhow::Result<Option<u64>> {
    let mut sums = [None; 2];
    for (sum, count) in sums.iter_mut().zip(INSTRUCTED) {
        let mut events = Vec::new();
        for cart in carts.iter().cycle().take(count) {
            events.push(request.event(shopping, cart).await?);
        }
        *sum = launch.instructions(&events).await?;
    }
    let difference = sums[0].zip(sums[1]).map(|(few, more)| more.saturating_sub(few));
    Ok(difference.map(|sum| sum / (INSTRUCTED[1] - INSTRUCTED[0]) as u64))
}

fn tables(warm: &Warm) -> [String; 2] {
    let times = warm.requests.iter().map(|of| {
        let [wall, cpu, best] = [of.wall_us, of.cpu_us, of.cpu_best_us].map(|us| us / 1e3);
        let (waiting, thousands) = ((wall - cpu).max(0.0), of.instructions.map(|count| count / 1_000));
        format!(
            "{} | {} | {wall:.2} | {cpu:.2} | {best:.2} | {waiting:.2} | {} | {:.0} | {:.0}",
            of.request,
            of.function,
            or_dash(thousands),
            of.log_bytes,
            of.answer_bytes
        )
    });
    let calls = warm.requests.iter().map(|of| {
        let mut sum = Call::default();
        of.calls.iter().for_each(|call| sum.add(call, 1.0));
        let named = of
            .calls
            .iter()
            .map(|call| format!("{:.2} {}", call.count, call.operation));
        format!(
            "{} | {} | {:.0} | {:.0} | {:.1} | {:.1}",
            of.request,
            named.collect::<Vec<_>>().join(", "),
            sum.sent_bytes,
            sum.received_bytes,
            sum.read_units,
            sum.write_units
        )
    });
    [
        table(
            "Warm requests, in the function: its own work, and waiting for the engines",
            "request | function | ms | own CPU ms | best tenth | waiting ms | k instructions | log bytes | answer bytes",
            times,
        ),
        table(
            "Calls of a warm request, and the units that DynamoDB bills for them",
            "request | calls | bytes sent | bytes received | read units | write units",
            calls,
        ),
    ]
}
