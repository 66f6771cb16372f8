use std::future::Future;

use domain::{DueIndex, Order, OrderId, Sku, StockChange};
use jiff::Timestamp;

use super::StoreError;

/// How often a use case tries again what conflicted with another run's write. Then it fails, and is to come again.
pub(crate) const MAX_CONFLICT_RETRIES: usize = 8;

/// What became of a write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Committed {
    /// It is stored, under the version given here.
    Done(Order),
    /// Nothing was written: the stored order is not the one that was read. What is stored now, if anything.
    Conflict(Option<Box<Order>>),
    /// Nothing was written: stock is short.
    OutOfStock(Vec<Shortage>),
}

/// A SKU of which fewer pieces are left than were to be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shortage {
    /// What.
    pub sku: Sku,
    /// What is left.
    pub available: u32,
}

/// The orders and the stock that they hold: the one truth.
pub trait Orders: Sync {
    /// The order of that id, as last written (a consistent read); `None` where there is none.
    fn get(&self, id: OrderId) -> impl Future<Output = Result<Option<Order>, StoreError>> + Send;

    /// Stores `order` and applies `stock`, all or nothing.
    ///
    /// - MUST write only if the stored order has `order.version` and `order.placed_at` (version 0: no order of this id is
    ///   stored), and store it with the next version. The time tells two lives of one id apart: an order that was never
    ///   placed is removed, and its key may place it again.
    /// - MUST refuse a [`StockChange::Take`] of more pieces than are left with [`Committed::OutOfStock`], naming every short SKU
    ///   of `stock`; MUST prefer [`Committed::Conflict`] where both apply.
    /// - MUST answer [`Committed::Done`] where the stored order is already the one that this write would have stored: a
    ///   lost answer to an own write is no conflict.
    /// - MUST answer [`StoreError::Busy`] only if nothing was written, [`StoreError::Unknown`] where that is not known.
    ///
    /// `stock` has at most [`domain::LINES_PER_STEP`] changes, each of another SKU.
    fn commit(
        &self,
        order: Order,
        stock: Vec<StockChange>,
    ) -> impl Future<Output = Result<Committed, StoreError>> + Send;

    /// Forgets an order that was never placed. A no-op unless the stored order has `order.version` and
    /// `order.placed_at`.
    fn remove(&self, order: &Order) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Orders of that index that are due at `now`, with the time since when, the longest due first, at most `limit`. May be some seconds
    /// behind. MUST name orders that cannot be read, too.
    fn due(
        &self,
        index: DueIndex,
        now: Timestamp,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<(OrderId, Timestamp)>, StoreError>> + Send;
}
