//! Runs that a schedule starts.

use std::panic::AssertUnwindSafe;
use std::time::Instant;

use futures_util::FutureExt;

use crate::clock::Deadline;
use crate::{Error, invocations, metrics, telemetry};

/// What a function does at its time. The event tells nothing that it needs.
pub trait Run {
    /// Runs once, to be done by the deadline. An error makes the run a failed one.
    fn run(&self, deadline: Deadline) -> impl Future<Output = Result<(), Error>>;
}

/// A run failed; why is in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the run failed")]
pub struct RunFailed;

/// Runs whenever the schedule says so, until Lambda ends the process. `operation` is the run's name among the metrics.
///
/// # Errors
/// Where Lambda's own interface fails.
pub async fn serve(operation: &'static str, runner: impl Run) -> Result<(), Error> {
    let runner = &runner;
    invocations::run(async |_, context| {
        let deadline = Deadline::from_millisecond(context.deadline);
        let run = telemetry::scope(vec![("request_id", context.request_id)], once(runner, deadline));
        let run = metrics::measured(operation, |run| usize::from(run.is_err()), run).await;
        run.map_err(|error| invocations::failed("RunFailed", &error))
    })
    .await
}

/// Runs once, and logs why where it fails. A panic fails the run alone.
///
/// # Errors
/// [`RunFailed`].
pub async fn once(runner: &impl Run, deadline: Deadline) -> Result<(), RunFailed> {
    let begun = Instant::now();
    let outcome = AssertUnwindSafe(Box::pin(runner.run(deadline)))
        .catch_unwind()
        .await;
    outcome
        .unwrap_or_else(|_| Err("a panic".into()))
        .map_err(|error| {
            let duration_ms = telemetry::milliseconds(begun);
            tracing::error!(
                error = telemetry::chain(error.as_ref()),
                duration_ms,
                "the run failed"
            );
            RunFailed
        })
}
