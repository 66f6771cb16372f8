//! Runs that a schedule starts.

use jiff::Timestamp;

use crate::{Error, clock, invocations, metrics, telemetry};

/// What a function does at its time, whatever the event.
pub trait Run {
    /// Runs once, to be done by the deadline. An error makes the run a failed one.
    fn run(&self, deadline: Timestamp) -> impl Future<Output = Result<(), Error>>;
}

/// Runs whenever the schedule says so, until Lambda ends the process, or its interface fails. `operation` is the run's name among
/// the metrics.
pub async fn serve(operation: &str, runner: impl Run) -> Result<(), Error> {
    let runner = &runner;
    invocations::run(async |_, context| {
        let run = once(runner, clock::from_milliseconds(context.deadline));
        let run = telemetry::scope("request_id", context.request_id, run);
        let done = metrics::measured(operation, |done| usize::from(!done), run).await;
        done.then_some(())
            .ok_or_else(|| invocations::failed("RunFailed", "the run failed"))
    })
    .await
}

/// Runs once, and logs why where it fails; whether it is done. A panic fails the run alone.
pub async fn once(runner: &impl Run, deadline: Timestamp) -> bool {
    let (outcome, duration_ms) = invocations::guarded(Box::pin(runner.run(deadline))).await;
    let failed = outcome.flatten().inspect_err(|error| {
        let error = telemetry::chain(error.as_ref());
        tracing::error!(error, duration_ms, "the run failed");
    });
    failed.is_ok()
}
