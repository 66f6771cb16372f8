//! Builders, fakes and port contracts for tests.
//!
//! The fakes keep the contracts of [`app::ports`] exactly: what holds on them holds on the real adapters, and the suites in
//! [`contract`] say so of both.

mod builders;
mod clock;
pub mod contract;
mod intercepted;
mod memory_store;
mod provider;
mod queue;
mod warehouse;

pub use builders::{
    OrderBuilder, a_country, a_payment, a_product, a_sku, a_wish, altered, an_access_token, an_address,
    an_order, eur,
};
pub use clock::{FakeClock, noon};
pub use intercepted::Intercepted;
pub use memory_store::{MemoryStore, StoreState};
pub use provider::{Charge, FakeProvider, Page, PageState, ProviderFault, ProviderState};
pub use queue::{FakeQueue, Message, QueueState};
pub use warehouse::{Accepted, FakeWarehouse, WarehouseMood, WarehouseState, erp_number};

use std::sync::{Mutex, MutexGuard, PoisonError};

/// The state behind a fake; a test that panicked with it has failed already.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
