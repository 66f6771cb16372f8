use std::future::Future;

use domain::Circuit;

use super::StoreError;

/// Circuit-breaker state shared by all callers of the warehouse. It protects the warehouse and decides about no order: where it cannot be
/// read or written, orders go on.
pub trait Circuits: Sync {
    /// The warehouse's circuit as last written (a consistent read); closed where none is stored yet.
    fn read(&self) -> impl Future<Output = Result<Circuit, StoreError>> + Send;

    /// Stores `circuit`. MUST write only if the stored one has `circuit.version` (0: none is stored), and store it with the next version,
    /// which is answered; `None` where another was quicker.
    fn store(&self, circuit: Circuit) -> impl Future<Output = Result<Option<Circuit>, StoreError>> + Send;
}

impl<C: Circuits> Circuits for &C {
    async fn read(&self) -> Result<Circuit, StoreError> {
        (*self).read().await
    }

    async fn store(&self, circuit: Circuit) -> Result<Option<Circuit>, StoreError> {
        (*self).store(circuit).await
    }
}
