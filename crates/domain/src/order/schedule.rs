//! When what is due for an order: its jobs follow from its state.

use jiff::{SignedDuration, Timestamp};

use crate::{AttemptState, DueIndex, Job, JobKind, Order, Status};

/// The least time a checkout that reserves in steps is left alone.
const RESERVING_GRACE: SignedDuration = SignedDuration::from_mins(2);
/// By then most shoppers have paid, or gone. An order whose stock is held without a payment page is always due within this time.
pub const FIRST_LOOK: SignedDuration = SignedDuration::from_mins(5);
/// By then a webhook should have reported a payment; otherwise the provider is asked.
const PAYMENT_GRACE: SignedDuration = SignedDuration::from_mins(2);
/// By then a queued order should have reached the warehouse; otherwise it is queued again.
const FORWARD_GRACE: SignedDuration = SignedDuration::from_mins(5);
/// Each look at an open page comes after so many times the page's age at the last one: at 5 and 15 minutes.
const LOOK_GROWTH: i32 = 3;

impl Order {
    /// What is still to be done, by the order's state.
    pub fn work(&self) -> Vec<JobKind> {
        let mut work = Vec::new();
        match self.0.status {
            Status::Reserving => work.push(JobKind::Withdraw),
            Status::Placed | Status::PaymentPending if self.0.parked.is_some() => {}
            Status::PaymentPending => work.push(JobKind::AskProvider),
            Status::Placed if self.is_page_live() => work.push(JobKind::AskProvider),
            Status::Placed => work.push(JobKind::CloseWindow),
            Status::Paid if self.is_rejected() => work.push(JobKind::SettleRejection),
            Status::Paid if self.is_taken_back() => {}
            Status::Paid => work.push(JobKind::Forward),
            _ => {}
        }
        if self.0.status.gives_stock_back() && self.0.held > 0 {
            work.push(JobKind::GiveStockBack);
        }
        if self.due_refund().is_some() {
            work.push(JobKind::Refund);
        }
        // Not while a job of a newer release has still to be done.
        if self.0.status == Status::Withdrawn && work.is_empty() && !self.has_unknown_job() {
            work.push(JobKind::Remove);
        }
        work
    }

    fn has_unknown_job(&self) -> bool {
        let mut jobs = self.0.jobs.iter();
        jobs.any(|job| matches!(job.kind, JobKind::Unknown(_)))
    }

    pub(super) fn is_page_live(&self) -> bool {
        let attempt = self.payment();
        attempt.is_some_and(|attempt| attempt.state != AttemptState::Failed)
    }

    /// The job of that kind, if there is one.
    pub fn job(&self, kind: &JobKind) -> Option<&Job> {
        self.0.jobs.iter().find(|job| job.kind == *kind)
    }

    /// Failed tries of that kind, in a row.
    pub fn tries(&self, kind: &JobKind) -> u32 {
        self.job(kind).map_or(0, |job| job.tries)
    }

    /// When anything is due next; `None` where nothing is to be done.
    pub fn due_at(&self) -> Option<Timestamp> {
        self.0.jobs.iter().map(|job| job.due_at).min()
    }

    /// When something of that index is due next.
    pub fn due_in(&self, index: DueIndex) -> Option<Timestamp> {
        let own = self.0.jobs.iter().filter(|job| job.kind.due_index() == index);
        own.map(|job| job.due_at).min()
    }

    /// The jobs of that index that are due at `now`, in the order in which they are worked on.
    pub fn due_jobs(&self, index: DueIndex, now: Timestamp) -> impl Iterator<Item = &Job> {
        let due = move |job: &&Job| job.kind.due_index() == index && job.due_at <= now;
        self.0.jobs.iter().filter(due)
    }

    /// A try at `kind` failed: it is due again after a pause. Other kinds stay as they are.
    #[must_use]
    pub fn retry_later(mut self, kind: &JobKind, now: Timestamp) -> Self {
        // A page is always looked at when it ends.
        let ends =
            (*kind == JobKind::AskProvider && now < self.0.reserved_until).then_some(self.0.reserved_until);
        if let Some(job) = self.job_mut(kind) {
            job.retry(now, ends);
        }
        self
    }

    /// The payment page is open, or the payment on its way: nothing failed, and the next look comes later than this one did.
    #[must_use]
    pub fn payment_seen_open(mut self, now: Timestamp) -> Self {
        let started = self.payment().map_or(now, |attempt| attempt.started_at);
        let age = now.duration_since(started).max(SignedDuration::ZERO);
        let next = (started + age * LOOK_GROWTH).max(now + PAYMENT_GRACE);
        let next = if now < self.0.reserved_until {
            next.min(self.0.reserved_until)
        } else {
            next
        };
        self.renew(JobKind::AskProvider, next);
        self
    }

    /// Nobody has paid yet, and the reservation goes on: nothing is to be done before its end.
    #[must_use]
    pub fn left_until_window_closes(mut self) -> Self {
        self.renew(JobKind::CloseWindow, self.0.reserved_until);
        self
    }

    /// The order was queued for the warehouse: it is queued again if it has not arrived by then.
    #[must_use]
    pub fn queued(mut self, now: Timestamp) -> Self {
        if let Some(job) = self.job_mut(&JobKind::Forward) {
            job.due_at = now + FORWARD_GRACE;
        }
        self
    }

    /// Gives an order that the release before stored its jobs: that release knew one time and one count of tries.
    #[must_use]
    pub fn with_jobs_of_one_due_time(mut self, due_at: Option<Timestamp>, tries: u32) -> Self {
        if let Some(due_at) = due_at {
            let job = |kind| Job {
                tries,
                ..Job::new(kind, due_at)
            };
            self.0.jobs = self.work().into_iter().map(job).collect();
        }
        self
    }

    /// Adds the jobs that the order's state asks for now, and drops those that it no longer does. Jobs that go on keep their times.
    pub(crate) fn reschedule(&mut self, now: Timestamp) {
        let before = self.0.jobs.clone();
        let next = before
            .iter()
            .filter(|job| job.kind.due_index() == DueIndex::Reconciler)
            .map(|job| job.due_at)
            .min();
        let wanted = self.work();
        let unknown = |job: &&Job| matches!(job.kind, JobKind::Unknown(_));
        let unknown: Vec<Job> = before.iter().filter(unknown).cloned().collect();
        let job = |kind: JobKind| {
            let known = before.iter().find(|job| job.kind == kind).cloned();
            known.unwrap_or_else(|| {
                let at = self.first_due_at(&kind, next, now);
                Job::new(kind, at)
            })
        };
        self.0.jobs = wanted.into_iter().map(job).chain(unknown).collect();
    }

    /// Forgets the job of a kind, so that rescheduling begins it anew.
    pub(crate) fn finish_job(&mut self, kind: &JobKind) {
        self.0.jobs.retain(|job| job.kind != *kind);
    }

    fn first_due_at(&self, kind: &JobKind, next: Option<Timestamp>, now: Timestamp) -> Timestamp {
        match kind {
            JobKind::Withdraw => now + RESERVING_GRACE,
            // Most shoppers start to pay by then: their job takes this time over, which saves a write to the index.
            JobKind::CloseWindow => (now + FIRST_LOOK).min(self.0.reserved_until),
            JobKind::AskProvider => first_look(next, now).min(self.0.reserved_until),
            JobKind::Forward => now + FORWARD_GRACE,
            JobKind::SettleRejection
            | JobKind::GiveStockBack
            | JobKind::Refund
            | JobKind::Remove
            | JobKind::Unknown(_) => now,
        }
    }

    fn job_mut(&mut self, kind: &JobKind) -> Option<&mut Job> {
        self.0.jobs.iter_mut().find(|job| job.kind == *kind)
    }

    /// The job's turn came and it is not due any more: its next time is a first one.
    pub(crate) fn renew(&mut self, kind: JobKind, at: Timestamp) {
        if let Some(job) = self.job_mut(&kind) {
            *job = Job::new(kind, at);
        }
    }
}

/// When to ask for a payment that begins now. A look that is about to come anyway is soon enough: another time would be two more writes to the
/// index of what is due.
fn first_look(next: Option<Timestamp>, now: Timestamp) -> Timestamp {
    let soon = now + PAYMENT_GRACE..=now + FIRST_LOOK;
    next.filter(|due| soon.contains(due))
        .unwrap_or(now + PAYMENT_GRACE)
}
