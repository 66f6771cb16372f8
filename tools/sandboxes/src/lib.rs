//! Sandboxes of the outside world: the payment provider and the warehouse, with faults on demand.

mod alone;
mod chance;
pub mod payments;
pub mod warehouse;

pub use alone::{Sandboxes, SandboxesArgs};
