//! What happened to an order, as its shopper may know it.

use jiff::Timestamp;

use crate::{Order, Status};

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryEntry {
    /// When.
    pub at: Timestamp,
    /// What.
    pub event: HistoryEvent,
}

/// What can be in an order's history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HistoryEvent {
    /// The order entered this state.
    Became(Status),
    /// A payment page was asked for.
    PaymentStarted,
    /// The payment that was on its way did not arrive.
    PaymentFailed,
    /// A payment is to be given back.
    RefundDue,
    /// A payment was given back.
    Refunded,
    /// The shopper's bank claims a payment back.
    Disputed,
    /// An event of a newer release, by its name: carried unchanged.
    Unknown(String),
}

impl HistoryEvent {
    /// The event's stable name, as stored and shown.
    pub fn name(&self) -> &str {
        match self {
            Self::Became(status) => status.name(),
            Self::PaymentStarted => "payment_started",
            Self::PaymentFailed => "payment_failed",
            Self::RefundDue => "refund_due",
            Self::Refunded => "refunded",
            Self::Disputed => "disputed",
            Self::Unknown(name) => name,
        }
    }

    /// The event of that name.
    pub fn of_name(name: &str) -> Self {
        [
            Self::PaymentStarted,
            Self::PaymentFailed,
            Self::RefundDue,
            Self::Refunded,
            Self::Disputed,
        ]
        .into_iter()
        .find(|event| event.name() == name)
        .or_else(|| Status::parse(name).map(Self::Became))
        .unwrap_or_else(|| Self::Unknown(name.to_owned()))
    }
}

impl Order {
    /// Notes what happened now.
    pub(super) fn note(&mut self, event: HistoryEvent, now: Timestamp) {
        self.0.history.push(HistoryEntry { at: now, event });
    }

    /// When it was paid, if it was.
    pub fn paid_at(&self) -> Option<Timestamp> {
        let paid = HistoryEvent::Became(Status::Paid);
        let entry = self.0.history.iter().find(|entry| entry.event == paid);
        entry.map(|entry| entry.at)
    }
}
