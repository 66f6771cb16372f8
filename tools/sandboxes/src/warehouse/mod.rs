//! The warehouse: a simulator of the shop's ERP, slow and rate-limited as the real one, and broken on demand.
//!
//! It keeps to `docs/warehouse.md`; a test compares it with the schema there. `PUT /orders/{id}` (Bearer token) takes an order and answers
//! `{"erp_number": "K0000001"}`: 201 the first time, 200 for the same again, 409 for other content under a known id.
//! `GET /orders/{id}` looks a number up. For tests there are `GET /sandbox/orders` and `GET`/`PUT /sandbox/faults`.

mod api;
mod faults;
mod ledger;
mod order;
mod rate;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use self::faults::Faults;
use self::ledger::Ledger;
use self::rate::RateLimit;
use crate::chance::Chance;
use crate::locked;
use sam_runner::engines::server::{Server, listen};

/// How the warehouse is set up.
#[derive(Debug, Clone)]
pub struct WarehouseConfig {
    /// Loopback port; 0 for any free one.
    pub port: u16,
    /// How long it works on an order.
    pub latency: Duration,
    /// Calls it answers a second; more get a 429. 0 means no limit.
    pub rate_per_s: u32,
    /// The Bearer token it asks for.
    pub token: String,
    /// Where accepted orders are kept, if they are to outlive the process.
    pub data: Option<PathBuf>,
}

/// A running warehouse. It stops when dropped.
#[derive(Debug)]
pub struct Warehouse {
    server: Server,
}

impl Warehouse {
    /// Opens the warehouse, in the current tokio runtime.
    pub async fn start(config: WarehouseConfig) -> anyhow::Result<Warehouse> {
        let listener = listen("the warehouse simulator", config.port).await?;
        let state = Arc::new(State {
            token: config.token,
            faults: Mutex::new(Faults::new(config.latency, config.rate_per_s)),
            rate: Mutex::new(RateLimit::new()),
            ledger: Mutex::new(Ledger::open(config.data.as_deref())?),
            chance: Chance::new(),
        });
        Ok(Warehouse {
            server: Server::start(listener, api::router(state))?,
        })
    }

    /// `http://127.0.0.1:PORT`; orders are put under `/orders`.
    pub fn url(&self) -> String {
        format!("http://{}", self.server.address())
    }
}

/// What the handlers share.
#[derive(Debug)]
struct State {
    token: String,
    faults: Mutex<Faults>,
    rate: Mutex<RateLimit>,
    ledger: Mutex<Ledger>,
    chance: Chance,
}

impl State {
    fn faults(&self) -> Faults {
        locked(&self.faults).clone()
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        locked(&self.ledger)
    }
}

#[cfg(test)]
mod tests;
