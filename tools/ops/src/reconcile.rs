//! A run of the reconciler, now.

use std::fmt;

use anyhow::Context;
use app::ports::Orders;
use aws_sdk_lambda::primitives::Blob;
use domain::DueIndex;
use jiff::Timestamp;
use serde::Serialize;

use crate::shop::LIVE;
use crate::{Outcome, Report, Shop};

/// Due orders are counted up to here.
const MOST: usize = 1_000;

/// How a run of the reconciler went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReconciledNow {
    /// What Lambda says of a run that failed; why is in the function's log.
    pub failure: Option<String>,
    /// Orders that were due before, up to 1,000 of each index.
    pub due_before: usize,
    /// Orders that are still due, or again.
    pub due_after: usize,
}

impl Shop {
    /// Runs the reconciler as the clock does, and waits for its end, which may take a minute.
    ///
    /// # Errors
    /// Where it could not be started, or the store does not answer.
    pub async fn reconcile(&self, now: impl Fn() -> Timestamp) -> anyhow::Result<ReconciledNow> {
        let due_before = self.due_at(now()).await?;
        let run = self
            .clients
            .lambda
            .invoke()
            .function_name(&self.reconciler)
            .qualifier(LIVE)
            .payload(Blob::new("{}"))
            .send()
            .await
            .with_context(|| format!("{} was not started", self.reconciler))?;
        let failure = run.function_error().map(|kind| {
            let told = run.payload().map(Blob::as_ref).unwrap_or_default();
            let told: serde_json::Value = serde_json::from_slice(told).unwrap_or_default();
            told["errorMessage"].as_str().unwrap_or(kind).to_owned()
        });
        Ok(ReconciledNow {
            failure,
            due_before,
            due_after: self.due_at(now()).await?,
        })
    }

    async fn due_at(&self, now: Timestamp) -> anyhow::Result<usize> {
        let mut due = 0;
        for index in [DueIndex::Reconciler, DueIndex::Forwarder] {
            let of_index = self.orders.due(index, now, MOST).await;
            due += of_index.context("the index of due orders")?.len();
        }
        Ok(due)
    }
}

impl Report for ReconciledNow {
    fn outcome(&self) -> Outcome {
        if self.failure.is_none() {
            Outcome::Well
        } else {
            Outcome::Attention
        }
    }
}

impl fmt::Display for ReconciledNow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.failure {
            None => writeln!(f, "The reconciler ran to its end.")?,
            Some(failure) => writeln!(f, "The reconciler's run failed: {failure}. Its log says why.")?,
        }
        writeln!(
            f,
            "Due before: {}, still or again due: {}.",
            self.due_before, self.due_after
        )
    }
}
