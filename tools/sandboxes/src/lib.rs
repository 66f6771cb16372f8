//! Sandboxes of the outside world: the payment provider and the warehouse, with faults on demand.

mod alone;
mod chance;
mod faults;
pub mod payments;
pub mod warehouse;

pub use alone::{Sandboxes, SandboxesArgs};

use std::sync::{Mutex, MutexGuard, PoisonError};

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
