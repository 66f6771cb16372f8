//! Warm requests: what one takes in a process that has answered some already.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use crate::figures::{Call, Warm, WarmRequest};
use crate::report::{self, Table};
use crate::stand::{
    Binaries, Build, Cart, Request, Shopping, Stand, Tallied, Tally, best_tenth, callgrind, carts, median,
    microseconds,
};

/// Requests before the first one that counts.
const WARM_UP: usize = 5;
/// After these, until what a warm process does beside its answers is done.
const SETTLED: Duration = Duration::from_millis(500);
/// Requests whose calls are counted.
const COUNTED: usize = 20;
/// Requests under callgrind: so many, and then more in another process; the difference is theirs.
const INSTRUCTED: [usize; 2] = [10, 30];

/// What to measure.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// How many requests of each kind are timed.
    #[arg(long, default_value_t = 300)]
    samples: usize,
    /// How many lines an order has; the real shop's median is 13.
    #[arg(long, default_value_t = 13)]
    lines: usize,
}

/// Measures, prints and keeps.
pub(crate) async fn run(args: &Args, out: &Path) -> anyhow::Result<()> {
    let functions: Vec<&str> = Request::FIRST.iter().map(|first| first.function()).collect();
    let own = Binaries::build(&functions, Build::Own).await?;
    let carts = carts(args.lines)?;
    let mut requests = Vec::new();
    for request in Request::ALL {
        eprintln!("{} ...", request.name());
        // Each on its own stand: what one kind leaves behind is no other's work.
        let stand = Stand::open().await?;
        let mut measured = timed(&stand, &own, request, &carts, args).await?;
        measured.calls = calls(&stand, &own, request, &carts).await?;
        if callgrind::is_there() {
            measured.instructions = Some(instructions(&stand, &own, request, &carts).await?);
        }
        requests.push(measured);
    }
    let warm = Warm { requests };
    let tables = tables(&warm);
    report::publish(out, "warm", warm, &tables)
}

async fn timed(
    stand: &Stand,
    own: &Binaries,
    request: Request,
    carts: &[Cart],
    args: &Args,
) -> anyhow::Result<WarmRequest> {
    let mut shopping = stand.shopping(own, stand.endpoints()).await?;
    let (mut cpu, mut wall, mut answers) = (Vec::new(), Vec::new(), Vec::new());
    let mut written = 0.0;
    for (number, cart) in carts.iter().cycle().take(WARM_UP + args.samples).enumerate() {
        if number == WARM_UP {
            tokio::time::sleep(SETTLED).await;
        }
        let event = request.event(&mut shopping, cart).await?;
        let before = shopping.process(request.function())?.written();
        let done = shopping.invoke(request.function(), &event).await?;
        request.check(&done)?;
        if number >= WARM_UP {
            cpu.push(microseconds(done.cpu));
            wall.push(microseconds(done.wall));
            answers.push(exact(done.answer.len()));
            written += exact(usize::try_from(
                shopping.process(request.function())?.written() - before,
            )?);
        }
    }
    let name = if request.is_of_a_cart() {
        format!("{}, {} lines", request.name(), args.lines)
    } else {
        request.name().to_owned()
    };
    Ok(WarmRequest {
        request: name,
        function: request.function().to_owned(),
        samples: args.samples,
        cpu_us: median(cpu.iter().copied()),
        cpu_best_us: best_tenth(cpu),
        wall_us: median(wall),
        instructions: None,
        log_bytes: written / exact(args.samples),
        answer_bytes: median(answers),
        calls: Vec::new(),
    })
}

/// The calls of a request on average, by operation.
async fn calls(stand: &Stand, own: &Binaries, request: Request, carts: &[Cart]) -> anyhow::Result<Vec<Call>> {
    let mut tallies = Vec::new();
    let mut endpoints = BTreeMap::new();
    for (variable, endpoint) in stand.endpoints() {
        let tally = Tally::before(endpoint).await?;
        endpoints.insert(variable.clone(), tally.endpoint());
        tallies.push(tally);
    }
    let mut shopping = stand.shopping(own, &endpoints).await?;
    let mut all: BTreeMap<String, Tallied> = BTreeMap::new();
    for (number, cart) in carts.iter().cycle().take(WARM_UP + COUNTED).enumerate() {
        if number == WARM_UP {
            tokio::time::sleep(SETTLED).await;
        }
        let event = request.event(&mut shopping, cart).await?;
        for tally in &tallies {
            tally.take();
        }
        request.check(&shopping.invoke(request.function(), &event).await?)?;
        for (operation, tallied) in tallies.iter().flat_map(Tally::take) {
            if number >= WARM_UP {
                all.entry(operation).or_default().add(&tallied);
            }
        }
    }
    let mean = |sum: f64| sum / exact(COUNTED);
    let call = |(operation, sum): (String, Tallied)| Call {
        operation,
        count: mean(exact(sum.calls)),
        sent_bytes: mean(exact(sum.sent_bytes)),
        received_bytes: mean(exact(sum.received_bytes)),
        read_units: mean(sum.read_units),
        write_units: mean(sum.write_units),
    };
    Ok(all.into_iter().map(call).collect())
}

async fn instructions(
    stand: &Stand,
    own: &Binaries,
    request: Request,
    carts: &[Cart],
) -> anyhow::Result<u64> {
    let mut shopping: Shopping = stand.shopping(own, stand.endpoints()).await?;
    let function = request.function();
    let launch = stand.launch(function, &own.path(function), stand.endpoints())?;
    let mut sums = Vec::new();
    for count in INSTRUCTED {
        let mut events = Vec::new();
        for cart in carts.iter().cycle().take(count) {
            events.push(request.event(&mut shopping, cart).await?);
        }
        sums.push(callgrind::instructions(&launch, &events).await?);
    }
    Ok(sums[1].saturating_sub(sums[0]) / (INSTRUCTED[1] - INSTRUCTED[0]) as u64)
}

fn tables(warm: &Warm) -> [Table; 2] {
    let mut times = Table::new(
        "Warm requests, in the function: its own work, and waiting for the engines",
        &[
            "request",
            "function",
            "ms",
            "own CPU ms",
            "best tenth",
            "waiting ms",
            "k instructions",
            "log bytes",
            "answer bytes",
        ],
    );
    let mut calls = Table::new(
        "Calls of a warm request, and the units that DynamoDB bills for them",
        &[
            "request",
            "calls",
            "bytes sent",
            "bytes received",
            "read units",
            "write units",
        ],
    );
    for request in &warm.requests {
        times.row([
            request.request.clone(),
            request.function.clone(),
            format!("{:.2}", request.wall_us / 1e3),
            format!("{:.2}", request.cpu_us / 1e3),
            format!("{:.2}", request.cpu_best_us / 1e3),
            format!("{:.2}", (request.wall_us - request.cpu_us).max(0.0) / 1e3),
            request
                .instructions
                .map_or_else(|| "-".to_owned(), |count| (count / 1_000).to_string()),
            format!("{:.0}", request.log_bytes),
            format!("{:.0}", request.answer_bytes),
        ]);
        let sum = |value: fn(&Call) -> f64| request.calls.iter().map(value).sum::<f64>();
        let named = |call: &Call| format!("{:.2} {}", call.count, call.operation);
        calls.row([
            request.request.clone(),
            request.calls.iter().map(named).collect::<Vec<_>>().join(", "),
            format!("{:.0}", sum(|call| call.sent_bytes)),
            format!("{:.0}", sum(|call| call.received_bytes)),
            format!("{:.1}", sum(|call| call.read_units)),
            format!("{:.1}", sum(|call| call.write_units)),
        ]);
    }
    [times, calls]
}

#[expect(clippy::cast_precision_loss, reason = "counts and sizes far below 2^52")]
fn exact(count: usize) -> f64 {
    count as f64
}
