//! Runs that a schedule starts.

use std::time::Instant;

use serde::de::IgnoredAny;

use crate::clock::Deadline;
use crate::invocations::{self, Invocation};
use crate::{Error, metrics, telemetry};

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
    invocations::serve(async |asked: Invocation<IgnoredAny>| {
        let facts = vec![("request_id", asked.request_id)];
        let run = telemetry::scope(facts, once(runner, asked.deadline));
        metrics::measured(operation, |run| usize::from(run.is_err()), run).await
    })
    .await
}

/// Runs once, and logs why where it fails.
///
/// # Errors
/// [`RunFailed`].
pub async fn once(runner: &impl Run, deadline: Deadline) -> Result<(), RunFailed> {
    let begun = Instant::now();
    let outcome = Box::pin(runner.run(deadline)).await;
    outcome.map_err(|error| {
        let duration_ms = (begun.elapsed().as_secs_f64() * 1e6).round() / 1e3;
        let error = telemetry::chain(error.as_ref());
        tracing::error!(error, duration_ms, "the run failed");
        RunFailed
    })
}
