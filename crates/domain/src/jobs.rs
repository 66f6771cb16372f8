//! Due work as jobs: each kind has its own due time, tries and back-off, so that none waits for another.

use jiff::{SignedDuration, Timestamp};

use crate::{AttemptState, Order, Status};

/// The least time a checkout that reserves in steps is left alone.
const RESERVING_GRACE: SignedDuration = SignedDuration::from_mins(2);
/// By then most shoppers have paid, or gone.
const FIRST_LOOK: SignedDuration = SignedDuration::from_mins(5);
/// By then a webhook should have reported a payment; otherwise the provider is asked.
const PAYMENT_GRACE: SignedDuration = SignedDuration::from_mins(2);
/// By then a queued order should have reached the warehouse; otherwise it is queued again.
const FORWARD_GRACE: SignedDuration = SignedDuration::from_mins(5);
/// Each look at an open page comes after so many times the page's age at the last one: at 5, 15 and 45 minutes.
const LOOK_GROWTH: i32 = 3;
/// The pause after a first failed try; it doubles with each further one.
const FIRST_BACKOFF: SignedDuration = SignedDuration::from_secs(30);
/// The longest pause between tries.
const LONGEST_BACKOFF: SignedDuration = SignedDuration::from_mins(15);

/// A kind of due work.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum JobKind {
    /// Reserving was left half done: withdraw the order.
    Withdraw,
    /// Nobody pays: expire the order when its reservation has ended.
    CloseWindow,
    /// The shopper may have paid: ask the provider.
    AskProvider,
    /// Paid: get it to the warehouse.
    Forward,
    /// Put the stock of the next lines back.
    GiveStockBack,
    /// Give a payment back.
    Refund,
    /// Nothing is held any more: remove the order that was never placed.
    Remove,
    /// A kind of a newer release, by its name: carried unchanged, never worked on.
    Unknown(String),
}

impl JobKind {
    /// Every kind that this release works on.
    pub const KNOWN: [Self; 7] = [
        Self::Withdraw,
        Self::CloseWindow,
        Self::AskProvider,
        Self::Forward,
        Self::GiveStockBack,
        Self::Refund,
        Self::Remove,
    ];

    /// The kind's stable name, as stored and logged.
    pub fn name(&self) -> &str {
        match self {
            Self::Withdraw => "withdraw",
            Self::CloseWindow => "close_window",
            Self::AskProvider => "ask_provider",
            Self::Forward => "forward",
            Self::GiveStockBack => "give_stock_back",
            Self::Refund => "refund",
            Self::Remove => "remove",
            Self::Unknown(name) => name,
        }
    }

    /// The kind of that name.
    pub fn of_name(name: &str) -> Self {
        let known = Self::KNOWN.into_iter().find(|kind| kind.name() == name);
        known.unwrap_or_else(|| Self::Unknown(name.to_owned()))
    }

    /// The index in which jobs of this kind are found.
    pub fn lane(&self) -> Lane {
        match self {
            Self::Forward => Lane::Forwarding,
            _ => Lane::Mending,
        }
    }
}

/// In which index a due order is found. One order may be in both, each with its own time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// Everything that the reconciler does itself.
    Mending,
    /// For the warehouse, which may be down for weeks.
    Forwarding,
}

/// One kind of due work of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// What.
    pub kind: JobKind,
    /// When it is worked on next.
    pub due_at: Timestamp,
    /// When it was due first: failed tries do not move it.
    pub first_due_at: Timestamp,
    /// Failed tries in a row.
    pub tries: u32,
}

impl Job {
    /// A job that is due at `at` for the first time.
    pub fn new(kind: JobKind, at: Timestamp) -> Self {
        Self {
            kind,
            due_at: at,
            first_due_at: at,
            tries: 0,
        }
    }

    /// For how long it has been due, by its first due time.
    pub fn overdue(&self, now: Timestamp) -> SignedDuration {
        now.duration_since(self.first_due_at).max(SignedDuration::ZERO)
    }

    /// A try failed: the next one comes after a pause that doubles, but not after `latest`.
    fn retry(&mut self, now: Timestamp, latest: Option<Timestamp>) {
        let doubled = 2_i32.saturating_pow(self.tries.min(10));
        self.tries = self.tries.saturating_add(1);
        let next = now + (FIRST_BACKOFF * doubled).min(LONGEST_BACKOFF);
        self.due_at = latest.map_or(next, |latest| next.min(latest));
    }
}

impl Order {
    /// What is still to be done, by the order's state.
    pub fn work(&self) -> Vec<JobKind> {
        let mut work = Vec::new();
        match self.status {
            Status::Reserving => work.push(JobKind::Withdraw),
            Status::Placed if self.parked.is_some() => {}
            Status::Placed if self.is_page_live() => work.push(JobKind::AskProvider),
            Status::Placed => work.push(JobKind::CloseWindow),
            Status::Paid => work.push(JobKind::Forward),
            _ => {}
        }
        if self.status.gives_stock_back() && self.held > 0 {
            work.push(JobKind::GiveStockBack);
        }
        if self.due_refund().is_some() {
            work.push(JobKind::Refund);
        }
        if self.status == Status::Withdrawn && work.is_empty() {
            work.push(JobKind::Remove);
        }
        work
    }

    fn is_page_live(&self) -> bool {
        let attempt = self.payment.as_ref();
        attempt.is_some_and(|attempt| attempt.state != AttemptState::Failed)
    }

    /// The job of that kind, if there is one.
    pub fn job(&self, kind: &JobKind) -> Option<&Job> {
        self.jobs.iter().find(|job| job.kind == *kind)
    }

    /// Failed tries of that kind, in a row.
    pub fn tries(&self, kind: &JobKind) -> u32 {
        self.job(kind).map_or(0, |job| job.tries)
    }

    /// When anything is due next; `None` where nothing is to be done.
    pub fn due_at(&self) -> Option<Timestamp> {
        self.jobs.iter().map(|job| job.due_at).min()
    }

    /// When something of that index is due next.
    pub fn due_in(&self, lane: Lane) -> Option<Timestamp> {
        let own = self.jobs.iter().filter(|job| job.kind.lane() == lane);
        own.map(|job| job.due_at).min()
    }

    /// The jobs of that index that are due at `now`, in the order in which they are worked on.
    pub fn due_jobs(&self, lane: Lane, now: Timestamp) -> impl Iterator<Item = &Job> {
        let due = move |job: &&Job| job.kind.lane() == lane && job.due_at <= now;
        self.jobs.iter().filter(due)
    }

    /// A try at `kind` failed: it is due again after a pause. Other kinds stay as they are.
    #[must_use]
    pub fn retry_later(mut self, kind: &JobKind, now: Timestamp) -> Self {
        // A page is always looked at when it ends.
        let ends =
            (*kind == JobKind::AskProvider && now < self.reserved_until).then_some(self.reserved_until);
        if let Some(job) = self.job_mut(kind) {
            job.retry(now, ends);
        }
        self
    }

    /// The payment page is open and unpaid: nothing failed, and the next look comes later than this one did.
    #[must_use]
    pub fn page_seen_open(mut self, now: Timestamp) -> Self {
        let started = self.payment.as_ref().map_or(now, |attempt| attempt.started_at);
        let age = now.duration_since(started).max(SignedDuration::ZERO);
        let next = (started + age * LOOK_GROWTH).max(now + PAYMENT_GRACE);
        let next = if now < self.reserved_until {
            next.min(self.reserved_until)
        } else {
            next
        };
        self.renew(JobKind::AskProvider, next);
        self
    }

    /// Nobody has paid yet, and the reservation goes on: nothing is to be done before its end.
    #[must_use]
    pub fn left_until_window_closes(mut self) -> Self {
        self.renew(JobKind::CloseWindow, self.reserved_until);
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
            self.jobs = self.work().into_iter().map(job).collect();
        }
        self
    }

    /// Adds the jobs that the order's state asks for now, and drops those that it no longer does. Jobs that go on keep their times.
    pub(crate) fn reschedule(&mut self, now: Timestamp) {
        let before = std::mem::take(&mut self.jobs);
        let next = before
            .iter()
            .filter(|job| job.kind.lane() == Lane::Mending)
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
        self.jobs = wanted.into_iter().map(job).chain(unknown).collect();
    }

    /// Forgets the job of a kind, so that rescheduling begins it anew.
    pub(crate) fn finish_job(&mut self, kind: &JobKind) {
        self.jobs.retain(|job| job.kind != *kind);
    }

    fn first_due_at(&self, kind: &JobKind, next: Option<Timestamp>, now: Timestamp) -> Timestamp {
        match kind {
            JobKind::Withdraw => now + RESERVING_GRACE,
            // Most shoppers start to pay by then: their job takes this time over, which saves a write to the index.
            JobKind::CloseWindow if self.payment.is_none() => now + FIRST_LOOK,
            JobKind::CloseWindow => self.reserved_until,
            JobKind::AskProvider => first_look(next, now).min(self.reserved_until),
            JobKind::Forward => now + FORWARD_GRACE,
            JobKind::GiveStockBack | JobKind::Refund | JobKind::Remove | JobKind::Unknown(_) => now,
        }
    }

    fn job_mut(&mut self, kind: &JobKind) -> Option<&mut Job> {
        self.jobs.iter_mut().find(|job| job.kind == *kind)
    }

    /// The job's turn came and it is not due any more: its next time is a first one.
    fn renew(&mut self, kind: JobKind, at: Timestamp) {
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
