//! Leaving the warehouse alone while it is down.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::{CallPermit, Circuit};
use jiff::{SignedDuration, Timestamp};

use crate::ports::{Circuits, StoreError};

/// So many failures in a row, as one process sees them, open the circuit.
const FAILURES: u32 = 3;
/// For so long a process goes by what it read: a process that never fails learns in this time that others opened or closed the circuit.
const KNOWN_FOR: SignedDuration = SignedDuration::from_secs(30);

/// The circuit breaker before the warehouse.
#[derive(Clone, Debug)]
pub struct Breaker<C> {
    circuits: C,
    memory: BreakerMemory,
}

/// What one process knows of the warehouse's circuit. Clones know the same.
#[derive(Clone, Debug, Default)]
pub struct BreakerMemory(Arc<Mutex<CachedCircuit>>);

#[derive(Debug, Default)]
struct CachedCircuit {
    /// The shared circuit, and when it was read.
    circuit: Option<(Circuit, Timestamp)>,
    /// Failures in a row since it was last seen open.
    failures: u32,
}

impl<C: Circuits> Breaker<C> {
    /// A breaker on that circuit, of a process that knows so much.
    pub fn new(circuits: C, memory: BreakerMemory) -> Self {
        Self { circuits, memory }
    }

    /// Whether the cached circuit is open. Reads nothing.
    pub(crate) fn is_pausing(&self, now: Timestamp) -> bool {
        self.known(now)
            .is_some_and(|circuit| circuit.permit(now) == CallPermit::Denied)
    }

    /// Whether the warehouse may be called now. On an open circuit one caller may, once the pause is over, and takes the next pause upon
    /// itself with it.
    pub(crate) async fn may_call(&self, now: Timestamp) -> bool {
        match self.consult(now).await {
            Ok(allowed) => allowed,
            Err(error) => {
                // A breaker that is broken itself must not stop the orders.
                tracing::warn!(error = %error, "the warehouse's circuit is not known; it is taken for closed");
                true
            }
        }
    }

    /// Whether the warehouse took the order that it was called for. One that it rejects counts as one that it did not answer to.
    pub(crate) async fn record_outcome(&self, taken: bool, now: Timestamp) {
        let noted = if taken {
            self.close(now).await
        } else {
            self.count_failure(now).await
        };
        if let Err(error) = noted {
            // Whether it was written is not known: what is there is read before the next call.
            self.forget();
            tracing::warn!(error = %error, "the warehouse's circuit could not be stored");
        }
    }

    async fn consult(&self, now: Timestamp) -> Result<bool, StoreError> {
        let circuit = match self.known(now) {
            // What is known of a pause's end may be old: another may be trying already, or have succeeded.
            Some(circuit) if circuit.permit(now) != CallPermit::Probe => circuit,
            _ => self.learn(self.circuits.read().await?, now),
        };
        Ok(match circuit.permit(now) {
            CallPermit::Granted => true,
            CallPermit::Denied => false,
            CallPermit::Probe => self.store(circuit.paused(now), now).await?,
        })
    }

    async fn close(&self, now: Timestamp) -> Result<(), StoreError> {
        let known = {
            let mut knowledge = self.memory.lock();
            knowledge.failures = 0;
            knowledge.circuit
        };
        match known {
            Some((circuit, _)) if circuit.open.is_some() => {
                tracing::info!("the warehouse takes orders again");
                self.store(circuit.closed(), now).await.map(drop)
            }
            _ => Ok(()),
        }
    }

    async fn count_failure(&self, now: Timestamp) -> Result<(), StoreError> {
        let failures = {
            let mut knowledge = self.memory.lock();
            knowledge.failures += 1;
            knowledge.failures
        };
        if failures < FAILURES {
            return Ok(());
        }
        let circuit = self.learn(self.circuits.read().await?, now);
        if circuit.open.is_some() {
            return Ok(());
        }
        tracing::error!(failures, "the warehouse takes no orders; its circuit is open");
        self.store(circuit.paused(now), now).await.map(drop)
    }

    /// Whether the write was this one, and not another's.
    async fn store(&self, circuit: Circuit, now: Timestamp) -> Result<bool, StoreError> {
        match self.circuits.store(circuit).await? {
            Some(stored) => {
                self.learn(stored, now);
                Ok(true)
            }
            None => {
                self.forget();
                Ok(false)
            }
        }
    }

    fn known(&self, now: Timestamp) -> Option<Circuit> {
        let (circuit, at) = self.memory.lock().circuit?;
        (at <= now && now < at + KNOWN_FOR).then_some(circuit)
    }

    fn learn(&self, circuit: Circuit, now: Timestamp) -> Circuit {
        let mut knowledge = self.memory.lock();
        knowledge.circuit = Some((circuit, now));
        if circuit.open.is_some() {
            knowledge.failures = 0;
        }
        circuit
    }

    fn forget(&self) {
        self.memory.lock().circuit = None;
    }
}

impl BreakerMemory {
    fn lock(&self) -> MutexGuard<'_, CachedCircuit> {
        // The cache is whole between any two of its changes.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
