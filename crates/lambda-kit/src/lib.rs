//! What every function shares. No business word in it.
//!
//! A function's `main` calls [`start`], which reads the environment, opens the log and runs the function on one thread.
//! Requests and responses are `lambda_http`'s, invocations are run by `lambda_runtime`, logs go through `tracing-subscriber`.

pub mod aws;
pub mod config;
#[cfg(test)]
mod fuzz;
pub mod http;
mod invocations;
pub mod json;
pub mod metrics;
mod problem;
pub mod schedule;
pub mod secret;
pub mod sqs;
mod ssm;
pub mod telemetry;
pub mod trace;

use std::process::ExitCode;

use tracing::level_filters::LevelFilter;

use crate::config::Variables;
pub use crate::problem::{Fault, Problem};

/// Why a function, or one run of it, failed: for the log.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// The time.
pub mod clock {
    use jiff::Timestamp;

    /// Now, in whole milliseconds: finer time would not survive being stored.
    pub fn now() -> Timestamp {
        from_milliseconds(Timestamp::now().as_millisecond())
    }

    /// So many milliseconds after 1970; out of range, where neither a clock nor Lambda is, 1970 itself.
    pub(crate) fn from_milliseconds(milliseconds: impl TryInto<i64>) -> Timestamp {
        let milliseconds = milliseconds.try_into().unwrap_or_default();
        Timestamp::from_millisecond(milliseconds).unwrap_or_default()
    }
}

/// Randomness.
pub mod random {
    /// Bytes of the operating system's that nobody can foretell.
    pub fn bytes<const N: usize>() -> [u8; N] {
        let mut bytes = [0; N];
        getrandom::fill(&mut bytes).expect("a running system has randomness");
        bytes
    }
}

/// Starts a function: opens its log by `LOG_LEVEL` and its metrics under `METRICS_NAMESPACE`, and runs `serve` with the
/// environment until it ends. On one thread: a second one costs 65% more processor time a call.
///
/// `own` are the crates that are heard below warnings; see [`telemetry`].
pub fn start<F: Future<Output = Result<(), Error>>>(
    function: &'static str,
    own: &'static [&'static str],
    serve: impl FnOnce(Variables) -> F,
) -> ExitCode {
    let mut env = Variables::of_the_process();
    // A bad level is reported with whatever else is wrong.
    let level = env.parse_or("LOG_LEVEL", LevelFilter::INFO, telemetry::parse_level);
    let lines = telemetry::lines(function, own, level.unwrap_or(LevelFilter::INFO), std::io::stdout);
    // Only where a log is open already, which then serves as well.
    let _ = tracing::subscriber::set_global_default(lines);
    if let Some(namespace) = env.text("METRICS_NAMESPACE") {
        metrics::open(namespace);
    }
    std::panic::set_hook(Box::new(telemetry::log_panic));
    let ended = block_on(serve(env)).inspect_err(|error| {
        let error = telemetry::chain(error.as_ref());
        tracing::error!(error, "the function cannot run");
    });
    ended.map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS)
}

fn block_on<F: Future>(future: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("the system has an event queue").block_on(future)
}

/// The cells of a table of cases: one case a line, its cells between `|`.
#[cfg(test)]
fn cases<const N: usize>(table: &'static str) -> impl Iterator<Item = [&'static str; N]> {
    table.trim().lines().map(|line| {
        let mut cells = line.split('|').map(str::trim);
        std::array::from_fn(|_| cells.next().expect("a cell for each column"))
    })
}

#[test]
fn times_are_whole_milliseconds() {
    let [soon, never] = [55_000, u64::MAX].map(clock::from_milliseconds);
    assert_eq!([soon.as_second(), never.as_second()], [55, 0]);
    assert_eq!(clock::now().subsec_nanosecond() % 1_000_000, 0);
}
