use std::backtrace::Backtrace;
use std::future::Future;
use std::io;
use std::panic::PanicHookInfo;
use std::process::ExitCode;

use tracing::level_filters::LevelFilter;

use crate::config::Variables;
use crate::{Error, metrics, telemetry};

/// Starts a function: opens its log by `LOG_LEVEL` and its metrics under `METRICS_NAMESPACE`, and runs `serve` with the
/// environment until it ends. On one thread: a second one costs 65% more processor time a call.
///
/// `own` are the crates that are heard below warnings; see [`telemetry`](crate::telemetry).
pub fn start<F>(
    function: &'static str,
    own: &'static [&'static str],
    serve: impl FnOnce(Variables) -> F,
) -> ExitCode
where
    F: Future<Output = Result<(), Error>>,
{
    let mut env = Variables::of_the_process();
    // A bad level is told with whatever else is wrong.
    let level = env.parse_or("LOG_LEVEL", LevelFilter::INFO, telemetry::parse_level);
    let lines = telemetry::lines(function, own, level.unwrap_or(LevelFilter::INFO), io::stdout);
    // Only where a log is open already, which then serves as well.
    let _ = tracing::subscriber::set_global_default(lines);
    if let Some(namespace) = env.text("METRICS_NAMESPACE") {
        metrics::open(namespace);
    }
    std::panic::set_hook(Box::new(log_panic));
    match run(serve(env)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(
                error = telemetry::chain(error.as_ref()),
                "the function cannot run"
            );
            ExitCode::FAILURE
        }
    }
}

fn run(serve: impl Future<Output = Result<(), Error>>) -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(serve)
}

/// Where it happened, by which calls, and what it says where that was written in the code: a formatted text may hold anything.
pub(crate) fn log_panic(panic: &PanicHookInfo<'_>) {
    let said = panic.payload().downcast_ref::<&str>();
    let at = panic.location().map(ToString::to_string);
    let stack = Backtrace::force_capture().to_string();
    tracing::error!(
        panic.location = at,
        panic.message = said,
        panic.stack = stack,
        "a panic"
    );
}
