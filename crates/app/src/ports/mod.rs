//! What the use cases need from outside, with the contracts that every implementation keeps.
//!
//! The outcome of a call to the outside has three values: yes, no, and unknown. Unknown ends by looking, never by guessing.

mod catalogue;
mod circuits;
mod clock;
mod orders;
mod payments;
mod queue;
mod warehouse;

use std::error::Error;

pub use catalogue::{Catalogue, ProductPage, Stock};
pub use circuits::Circuits;
pub use clock::Clock;
pub(crate) use orders::MAX_CONFLICT_RETRIES;
pub use orders::{Committed, Orders, Shortage};
pub use payments::{Opened, PaymentProvider, PaymentSession, RefundOutcome, SessionState};
pub use queue::{OrderQueue, QueueError};
pub use warehouse::{LookedUp, Submitted, Warehouse};

/// What lies beneath a failure: for the log, never for a client.
pub type Cause = Box<dyn Error + Send + Sync>;

/// Why a store did not answer.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Throttled or contended: nothing was done; later it may be.
    #[error("the store is busy")]
    Busy,
    /// No usable answer. A write may have been done or not.
    #[error("the store did not answer")]
    Unknown(#[source] Cause),
    /// What is stored cannot be read as what it should be.
    #[error("a stored item cannot be read")]
    Corrupt(#[source] Cause),
}
