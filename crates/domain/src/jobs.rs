//! Due work as jobs: each kind has its own due time, tries and back-off, so that none waits for another.

use jiff::{SignedDuration, Timestamp};

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
    /// The warehouse rejected the paid order, and no human has decided otherwise: give it up.
    SettleRejection,
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
    pub const KNOWN: [Self; 8] = [
        Self::Withdraw,
        Self::CloseWindow,
        Self::AskProvider,
        Self::Forward,
        Self::SettleRejection,
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
            Self::SettleRejection => "settle_rejection",
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
    pub fn due_index(&self) -> DueIndex {
        match self {
            Self::Forward => DueIndex::Forwarder,
            _ => DueIndex::Reconciler,
        }
    }
}

/// In which index a due order is found. One order may be in both, each with its own time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DueIndex {
    /// Everything that the reconciler does itself.
    Reconciler,
    /// For the warehouse, which may be down for weeks.
    Forwarder,
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
    pub(crate) fn retry(&mut self, now: Timestamp, latest: Option<Timestamp>) {
        let doubled = 2_i32.saturating_pow(self.tries.min(10));
        self.tries = self.tries.saturating_add(1);
        let next = now + (FIRST_BACKOFF * doubled).min(LONGEST_BACKOFF);
        self.due_at = latest.map_or(next, |latest| next.min(latest));
    }
}
