//! Warm requests: what one takes in a process that has answered some already.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use crate::figures::{Call, Warm, WarmRequest};
use crate::report::{Report, table};
use crate::rig::{
    Binaries, Build, Cart, Invocation, Request, Shopping, Tally, TestRig, add, best_tenth, callgrind, carts,
    median, microseconds,
};

/// Requests before the first one that counts.
const WARM_UP: usize = 5;
/// After these, until what a warm process does besides its answers is done.
const SETTLE: Duration = Duration::from_millis(500);
/// Requests whose calls are counted.
const COUNTED: usize = 20;
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

pub(crate) async fn run(args: &Args, out: &Path) -> anyhow::Result<()> {
    let own = Binaries::build(&Request::functions(), Build::Own).await?;
    let carts = carts(args.lines)?;
    let mut requests = Vec::new();
    for request in Request::ALL {
        eprintln!("{} ...", request.name());
        // Each on a rig of its own: what one kind leaves behind is no other's work.
        let rig = TestRig::open().await?;
        let mut shopping = rig.shopping(&own, rig.endpoints()).await?;
        let done = warmed(&mut shopping, request, &carts, args.samples).await?;
        let of = |value: fn(&Invocation) -> f64| done.iter().map(value).collect::<Vec<_>>();
        let cpu = of(|done| microseconds(done.cpu));
        let name = match request {
            Request::Minute | Request::Page | Request::Product | Request::Search => request.name().to_owned(),
            _ => format!("{}, {} lines", request.name(), args.lines),
        };
        requests.push(WarmRequest {
            request: name,
            function: request.function().to_owned(),
            samples: args.samples,
            cpu_us: median(&cpu),
            cpu_best_us: best_tenth(&cpu),
            wall_us: median(&of(|done| microseconds(done.wall))),
            instructions: instructions(&rig, &own, request, &carts).await?,
            log_bytes: of(|done| exact(done.log_bytes)).iter().sum::<f64>() / exact(args.samples as u64),
            answer_bytes: median(&of(|done| exact(done.answer.len() as u64))),
            calls: calls(&rig, &own, request, &carts).await?,
        });
    }
    let warm = Warm { requests };
    Report::new("warm", &warm, &tables(&warm))?.publish(out)
}

/// So many requests, after some that do not count.
async fn warmed(
    shopping: &mut Shopping,
    request: Request,
    carts: &[Cart],
    samples: usize,
) -> anyhow::Result<Vec<Invocation>> {
    let mut done = Vec::new();
    for (number, cart) in carts.iter().cycle().take(WARM_UP + samples).enumerate() {
        if number == WARM_UP {
            tokio::time::sleep(SETTLE).await;
            done.clear();
        }
        let event = request.event(shopping, cart).await?;
        done.push(request.invoke(shopping, &event).await?);
    }
    Ok(done)
}

/// The calls of a request on average, by operation.
async fn calls(rig: &TestRig, own: &Binaries, request: Request, carts: &[Cart]) -> anyhow::Result<Vec<Call>> {
    let (mut shopping, tallies) = rig.tallied_shopping(own).await?;
    warmed(&mut shopping, request, carts, 0).await?;
    tokio::time::sleep(SETTLE).await;
    let mut all = BTreeMap::new();
    for cart in carts.iter().cycle().skip(WARM_UP).take(COUNTED) {
        let event = request.event(&mut shopping, cart).await?;
        for tally in &tallies {
            tally.take();
        }
        request.invoke(&mut shopping, &event).await?;
        for call in tallies.iter().flat_map(Tally::take) {
            add(&mut all, call);
        }
    }
    let mean = |sum: f64| sum / exact(COUNTED as u64);
    let means = all.into_values().map(|sum| Call {
        operation: sum.operation,
        count: mean(sum.count),
        sent_bytes: mean(sum.sent_bytes),
        received_bytes: mean(sum.received_bytes),
        read_units: mean(sum.read_units),
        write_units: mean(sum.write_units),
    });
    Ok(means.collect())
}

async fn instructions(
    rig: &TestRig,
    own: &Binaries,
    request: Request,
    carts: &[Cart],
) -> anyhow::Result<Option<u64>> {
    let mut shopping = rig.shopping(own, rig.endpoints()).await?;
    let launch = rig.launch(request.function(), &own.path(request.function()), rig.endpoints())?;
    let mut sums = Vec::new();
    for count in INSTRUCTED {
        let mut events = Vec::new();
        for cart in carts.iter().cycle().take(count) {
            events.push(request.event(&mut shopping, cart).await?);
        }
        sums.push(callgrind::instructions(&launch, &events).await?);
    }
    let difference = sums[0].zip(sums[1]).map(|(few, more)| more.saturating_sub(few));
    Ok(difference.map(|sum| sum / (INSTRUCTED[1] - INSTRUCTED[0]) as u64))
}

fn tables(warm: &Warm) -> [String; 2] {
    let ms = |us: f64| format!("{:.2}", us.max(0.0) / 1e3);
    let thousands = |count: u64| (count / 1_000).to_string();
    let sum = |of: &WarmRequest, value: fn(&Call) -> f64| of.calls.iter().map(value).fold(0.0, |a, b| a + b);
    let named = |call: &Call| format!("{:.2} {}", call.count, call.operation);
    let times = table(
        "Warm requests, in the function: its own work, and waiting for the engines",
        &warm.requests,
        &[
            ("request", &|of| of.request.clone()),
            ("function", &|of| of.function.clone()),
            ("ms", &|of| ms(of.wall_us)),
            ("own CPU ms", &|of| ms(of.cpu_us)),
            ("best tenth", &|of| ms(of.cpu_best_us)),
            ("waiting ms", &|of| ms(of.wall_us - of.cpu_us)),
            ("k instructions", &|of| {
                of.instructions.map_or_else(|| "-".to_owned(), thousands)
            }),
            ("log bytes", &|of| format!("{:.0}", of.log_bytes)),
            ("answer bytes", &|of| format!("{:.0}", of.answer_bytes)),
        ],
    );
    let calls = table(
        "Calls of a warm request, and the units that DynamoDB bills for them",
        &warm.requests,
        &[
            ("request", &|of| of.request.clone()),
            ("calls", &|of| {
                of.calls.iter().map(named).collect::<Vec<_>>().join(", ")
            }),
            ("bytes sent", &|of| {
                format!("{:.0}", sum(of, |call| call.sent_bytes))
            }),
            ("bytes received", &|of| {
                format!("{:.0}", sum(of, |call| call.received_bytes))
            }),
            ("read units", &|of| {
                format!("{:.1}", sum(of, |call| call.read_units))
            }),
            ("write units", &|of| {
                format!("{:.1}", sum(of, |call| call.write_units))
            }),
        ],
    );
    [times, calls]
}

#[expect(clippy::cast_precision_loss, reason = "counts and sizes far below 2^52")]
fn exact(count: u64) -> f64 {
    count as f64
}
