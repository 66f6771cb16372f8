use app::ports::{Committed, Orders, StoreError};
use domain::{DueIndex, Order, OrderId, StockChange};
use jiff::Timestamp;

use crate::MemoryStore;

/// Orders of a store, with something of a test's own before each read of an order, and before each write, which it may fail.
pub struct Intercepted<'a, R, W> {
    /// The store.
    pub store: &'a MemoryStore,
    /// What comes before a read.
    pub before_get: R,
    /// What comes before a write.
    pub before_commit: W,
}

impl<R, W> Orders for Intercepted<'_, R, W>
where
    R: Fn() + Sync,
    W: Fn(&Order) -> Result<(), StoreError> + Sync,
{
    async fn get(&self, id: OrderId) -> Result<Option<Order>, StoreError> {
        (self.before_get)();
        self.store.get(id).await
    }

    async fn commit(&self, order: Order, stock: Vec<StockChange>) -> Result<Committed, StoreError> {
        (self.before_commit)(&order)?;
        self.store.commit(order, stock).await
    }

    async fn remove(&self, order: &Order) -> Result<(), StoreError> {
        self.store.remove(order).await
    }

    async fn due(
        &self,
        index: DueIndex,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<(OrderId, Timestamp)>, StoreError> {
        self.store.due(index, now, limit).await
    }
}
