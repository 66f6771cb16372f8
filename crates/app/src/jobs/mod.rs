//! Due work, one kind a file. A handler does its own kind only, and where it fails only its own kind is due again later.

mod ask_provider;
mod close_window;
mod give_stock_back;
mod refund_payment;
mod settle_rejection;
mod withdraw_order;

use std::sync::atomic::{AtomicU32, Ordering};

use domain::{JobKind, Money, Order};
use jiff::Timestamp;

use crate::ports::{Clock, OrderQueue, Orders, PaymentProvider, StoreError};

pub(crate) use give_stock_back::give_stock_back;

/// So many calls of the provider in a row without an answer, and it is not called for the rest of the run.
const MOST_SILENT_CALLS: u32 = 3;

/// What a handler did, as far as it is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Worked {
    Paid(Money),
    Expired,
    Parked,
    RefundRefused,
    RefundParked,
    Other,
}

/// The ports that handlers need, as one type.
pub(crate) trait Ports {
    type Orders: Orders;
    type Queue: OrderQueue;
    type Provider: PaymentProvider;
    type Clock: Clock;
}

impl<O: Orders, Q: OrderQueue, P: PaymentProvider, C: Clock> Ports for (O, Q, P, C) {
    type Orders = O;
    type Queue = Q;
    type Provider = P;
    type Clock = C;
}

/// What the handlers work with.
pub(crate) struct Worker<'a, P: Ports> {
    pub(crate) orders: &'a P::Orders,
    pub(crate) queue: &'a P::Queue,
    pub(crate) provider: &'a P::Provider,
    pub(crate) clock: &'a P::Clock,
    pub(crate) guard: &'a ProviderGuard,
}

/// Keeps a provider that is slow or does not answer from using up a run: jobs that need nobody outside go on.
#[derive(Debug)]
pub(crate) struct ProviderGuard {
    silent: AtomicU32,
    until: Timestamp,
}

impl ProviderGuard {
    /// For a run of which the provider may use the first half: until `until` at the latest.
    pub(crate) fn new(now: Timestamp, until: Timestamp) -> Self {
        Self {
            silent: AtomicU32::new(0),
            until: now + until.duration_since(now) / 2,
        }
    }

    /// Whether the provider is called in this run. Jobs that would call it stay due as they are.
    pub(crate) fn may_call(&self, now: Timestamp) -> bool {
        now < self.until && self.silent.load(Ordering::Relaxed) < MOST_SILENT_CALLS
    }

    /// Notes whether a call was answered.
    pub(crate) fn note(&self, answered: bool) {
        if answered {
            self.silent.store(0, Ordering::Relaxed);
        } else if self.silent.fetch_add(1, Ordering::Relaxed) + 1 == MOST_SILENT_CALLS {
            tracing::warn!("the payment provider does not answer; this run calls it no more");
        }
    }
}

impl<P: Ports> Worker<'_, P> {
    /// Works on the due job of that kind.
    pub(crate) async fn work(&self, order: Order, kind: &JobKind) -> Result<Worked, StoreError> {
        let (orders, clock) = (self.orders, self.clock);
        match kind {
            JobKind::Withdraw => withdraw_order::withdraw_order(orders, clock, order).await,
            JobKind::CloseWindow => close_window::close_window_when_due(orders, clock, order).await,
            JobKind::AskProvider => ask_provider::ask_provider(self, order).await,
            JobKind::Refund => refund_payment::refund_payment(self, order).await,
            JobKind::SettleRejection => settle_rejection::settle_rejection(orders, clock, order).await,
            JobKind::GiveStockBack | JobKind::Remove => {
                give_stock_back(orders, clock, order).await?;
                Ok(Worked::Other)
            }
            // Of the other index, or of a newer release.
            JobKind::Forward | JobKind::Unknown(_) => Ok(Worked::Other),
        }
    }

    /// Stores what was found. Where another run was quicker, its word stands, and this one's finding is looked for again.
    pub(crate) async fn keep(&self, order: Order) -> Result<(), StoreError> {
        self.orders.commit(order, Vec::new()).await.map(drop)
    }
}
