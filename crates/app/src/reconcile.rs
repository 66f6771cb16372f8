//! The driver of due work: lists what is due, works on several orders at once, and gives each kind of job to its handler.

use std::collections::{BTreeMap, HashSet};
use std::panic::AssertUnwindSafe;

use domain::{DueIndex, JobKind, Money, Order, OrderId};
use futures_util::{FutureExt, StreamExt, stream};
use jiff::{SignedDuration, Timestamp};

use crate::jobs::{Ports, ProviderGuard, Worked, Worker};
use crate::ports::{Clock, OrderQueue, Orders, PaymentProvider, StoreError};

/// How many due orders are listed at once.
const PAGE: usize = 400;
/// How many orders are worked on at once.
const MAX_CONCURRENT_ORDERS: usize = 16;

/// What a run did: numbers of orders, unless said otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reconciled {
    /// Looked at.
    pub examined: u32,
    /// Of those, with a job that could not be worked on: the store did not answer, or was busy.
    pub failed: u32,
    /// Of those, that could not be read.
    pub unreadable: u32,
    /// The longest time that one of these had been due, by the index.
    pub overdue_unreadable: SignedDuration,
    /// By kind: the longest time that a job had been due, by its first due time.
    pub overdue: BTreeMap<JobKind, SignedDuration>,
    /// What was paid, unnoticed so far: one amount an order.
    pub paid: Vec<Money>,
    /// Expired.
    pub expired: u32,
    /// Set aside for a human.
    pub parked: u32,
    /// Refunds that the provider refused for now.
    pub refunds_refused: u32,
    /// Refunds that the provider refused for good: each waits for a human.
    pub refunds_parked: u32,
}

impl Reconciled {
    /// The longest time that anything had been due; zero where nothing was.
    pub fn oldest(&self) -> SignedDuration {
        let jobs = self.overdue.values().copied();
        jobs.max().unwrap_or_default().max(self.overdue_unreadable)
    }

    fn add(&mut self, found: Found) {
        self.examined += 1;
        self.failed += u32::from(found.failed);
        if let Some(overdue) = found.unreadable {
            self.unreadable += 1;
            self.overdue_unreadable = self.overdue_unreadable.max(overdue);
        }
        for (kind, overdue) in found.overdue {
            let longest = self.overdue.entry(kind).or_default();
            *longest = (*longest).max(overdue);
        }
        for worked in found.worked {
            match worked {
                Worked::Paid(amount) => self.paid.push(amount),
                Worked::Expired => self.expired += 1,
                Worked::Parked => self.parked += 1,
                Worked::RefundRefused => self.refunds_refused += 1,
                Worked::RefundParked => self.refunds_parked += 1,
                Worked::Other => {}
            }
        }
    }
}

/// What was found and done about one order.
#[derive(Default)]
struct Found {
    failed: bool,
    /// Where it could not be read: for how long it has been due, by the index.
    unreadable: Option<SignedDuration>,
    overdue: Vec<(JobKind, SignedDuration)>,
    worked: Vec<Worked>,
}

impl Found {
    /// Nothing can be done for the order; the index alone knows since when it is due.
    fn unreadable_since(due_at: Timestamp, now: Timestamp) -> Self {
        Self {
            failed: true,
            unreadable: Some(now.duration_since(due_at).max(SignedDuration::ZERO)),
            ..Self::default()
        }
    }
}

/// Works on every order of [`DueIndex::Reconciler`] that is due, 16 at once, until none is left or `until` has come. Any number of runs
/// may overlap.
///
/// # Errors
/// [`StoreError`] where the due orders cannot be listed. What fails for one order is logged and does not stop the others.
pub async fn reconcile(
    orders: &impl Orders,
    queue: &impl OrderQueue,
    provider: &impl PaymentProvider,
    clock: &impl Clock,
    until: Timestamp,
) -> Result<Reconciled, StoreError> {
    let guard = ProviderGuard::new(clock.now(), until);
    let worker = Worker::<(_, _, _, _)> {
        orders,
        queue,
        provider,
        clock,
        guard: &guard,
    };
    let mut report = Reconciled::default();
    let mut seen = HashSet::new();
    loop {
        let due = match orders
            .due(DueIndex::Reconciler, clock.now(), PAGE + seen.len())
            .await
        {
            Err(error) if report.examined > 0 => {
                // What was done is reported all the same; the next run lists again.
                tracing::error!(error = %error, "what else is due could not be listed");
                return Ok(report);
            }
            due => due?,
        };
        let fresh: Vec<_> = due.into_iter().filter(|(id, _)| seen.insert(*id)).collect();
        if fresh.is_empty() {
            return Ok(report);
        }
        let work = |(id, due_at)| work_in_time(&worker, until, id, due_at);
        let mut working = stream::iter(fresh.into_iter().map(work)).buffer_unordered(MAX_CONCURRENT_ORDERS);
        let mut out_of_time = false;
        while let Some(found) = working.next().await {
            match found {
                Some(found) => report.add(found),
                None => out_of_time = true,
            }
        }
        if out_of_time {
            return Ok(report);
        }
    }
}

/// Works on one order, unless `until` has come: then nothing is begun.
async fn work_in_time(
    worker: &Worker<'_, impl Ports>,
    until: Timestamp,
    id: OrderId,
    due_at: Timestamp,
) -> Option<Found> {
    if worker.clock.now() >= until {
        return None;
    }
    // One order must not end the run for all others: it would come first again in the next run.
    let found = AssertUnwindSafe(work_on(worker, until, id, due_at))
        .catch_unwind()
        .await;
    Some(found.unwrap_or_else(|_| {
        tracing::error!(order.id = %id, "a panic; the order stays due");
        Found::unreadable_since(due_at, worker.clock.now())
    }))
}

/// Works on all jobs of one order that are due, one after the other: a kind that fails is due again later, and the next kind has its turn.
async fn work_on(worker: &Worker<'_, impl Ports>, until: Timestamp, id: OrderId, due_at: Timestamp) -> Found {
    let now = worker.clock.now();
    let mut found = Found::default();
    let mut tried: Vec<JobKind> = Vec::new();
    loop {
        let order = match worker.orders.get(id).await {
            Ok(Some(order)) => order,
            Ok(None) => return found,
            Err(error) => {
                log_failure(id, None, &error);
                return Found {
                    worked: found.worked,
                    overdue: found.overdue,
                    ..Found::unreadable_since(due_at, now)
                };
            }
        };
        if tried.is_empty() {
            let due = order.due_jobs(DueIndex::Reconciler, now);
            found.overdue = due.map(|job| (job.kind.clone(), job.overdue(now))).collect();
        }
        let Some(kind) = next_kind(&order, &tried, now) else {
            return found;
        };
        tried.push(kind.clone());
        let is_last = next_kind(&order, &tried, now).is_none();
        match worker.work(order, &kind).await {
            Ok(outcome) => found.worked.push(outcome),
            Err(error) => {
                found.failed = true;
                log_failure(id, Some(&kind), &error);
            }
        }
        if is_last || worker.clock.now() >= until {
            return found;
        }
    }
}

/// The next kind of due work that was not tried in this run; never one that only a newer release knows.
fn next_kind(order: &Order, tried: &[JobKind], now: Timestamp) -> Option<JobKind> {
    order
        .due_jobs(DueIndex::Reconciler, now)
        .map(|job| &job.kind)
        .find(|kind| !matches!(kind, JobKind::Unknown(_)) && !tried.contains(kind))
        .cloned()
}

fn log_failure(id: OrderId, kind: Option<&JobKind>, error: &StoreError) {
    // Only what is meant to be read: the debug form of a cause may hold a whole answer of the store.
    let cause = std::error::Error::source(error).map(ToString::to_string);
    let kind = kind.map(JobKind::name);
    tracing::error!(order.id = %id, job = kind, error = %error, cause = cause.as_deref(), "a due order could not be worked on; it stays due");
}
