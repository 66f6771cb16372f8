//! The payment provider's sandbox: the part of Stripe's API that the shop uses, on Stripe's wire format.
//!
//! `/v1` is the API, `/pay/{session}` the hosted page, `/sandbox` what tests need. Events go to the shop's webhook,
//! signed, with repetitions until they are accepted.

mod api;
mod charge;
mod control;
mod courier;
mod error;
mod event;
mod faults;
mod form;
mod idempotency;
mod ledger;
mod listing;
mod page;
mod refund;
mod session;
mod webhook_endpoint;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use tokio::sync::oneshot;
use tokio_util::sync::{CancellationToken, DropGuard};

use self::courier::Courier;
use self::faults::Faults;
use self::idempotency::Idempotency;
use self::ledger::Ledger;
use crate::chance::Chance;
use crate::locked;
use sam_runner::engines::clock::Clock;
use sam_runner::engines::server::{Server, listen};

/// How often sessions are looked through for those that have expired.
const EXPIRY_INTERVAL: Duration = Duration::from_secs(1);
const LARGEST_REQUEST: usize = 1024 * 1024;

/// How the sandbox is set up.
#[derive(Debug, Clone)]
pub struct PaymentsConfig {
    /// Loopback port; 0 for any free one.
    pub port: u16,
    /// Where events are sent: the shop's `/api/webhooks/stripe`.
    pub webhook_url: String,
    /// What events are signed with.
    pub webhook_secret: String,
    /// The secret key that callers of `/v1` must show.
    pub api_key: String,
}

/// A running sandbox. It stops when dropped.
#[derive(Debug)]
pub struct Payments {
    url: String,
    _server: Server,
    _stop: DropGuard,
}

impl Payments {
    /// Opens the sandbox, in the current tokio runtime.
    pub async fn start(config: PaymentsConfig) -> anyhow::Result<Payments> {
        let listener = listen("the payment sandbox", config.port).await?;
        let url = format!("http://localhost:{}", listener.local_addr()?.port());
        let stop = CancellationToken::new();
        let clock = Clock::system();
        let state = Arc::new(State {
            url: url.clone(),
            api_key: config.api_key,
            clock,
            ledger: Mutex::default(),
            idempotency: Mutex::default(),
            faults: Mutex::default(),
            chance: Chance::new(),
            courier: Courier::new(config.webhook_url, &config.webhook_secret, clock, stop.clone())?,
        });
        tokio::spawn(expire_sessions(state.clone(), stop.clone()));
        let server = Server::start(listener, router(state))?;
        Ok(Payments {
            url,
            _server: server,
            _stop: stop.drop_guard(),
        })
    }

    /// `http://localhost:PORT`, for the API and for the pages that shoppers see.
    pub fn url(&self) -> String {
        self.url.clone()
    }
}

fn router(state: Arc<State>) -> Router {
    Router::new()
        .merge(api::router(state.clone()))
        .merge(page::router())
        .merge(control::router())
        .layer(DefaultBodyLimit::max(LARGEST_REQUEST))
        .with_state(state)
}

/// What the handlers share.
struct State {
    url: String,
    api_key: String,
    clock: Clock,
    ledger: Mutex<Ledger>,
    idempotency: Mutex<Idempotency>,
    faults: Mutex<Faults>,
    chance: Chance,
    courier: Courier,
}

impl State {
    /// Works on the ledger as of now, and sends off the events that come of it.
    fn with_ledger<T>(self: &Arc<Self>, work: impl FnOnce(&mut Ledger, u64) -> T) -> T {
        self.with_ledger_and_deliveries(work).0
    }

    /// The same, with futures that end when each event's webhook was first delivered.
    fn with_ledger_and_deliveries<T>(
        self: &Arc<Self>,
        work: impl FnOnce(&mut Ledger, u64) -> T,
    ) -> (T, Vec<oneshot::Receiver<()>>) {
        let (answer, events) = {
            let mut ledger = locked(&self.ledger);
            let now = self.clock.now_s();
            ledger.expire_due(now);
            let answer = work(&mut ledger, now);
            (answer, ledger.take_unsent())
        };
        let faults = self.faults();
        let send = |event| self.courier.send(event, &faults, &self.chance);
        (answer, events.iter().map(send).collect())
    }

    fn faults(&self) -> Faults {
        locked(&self.faults).clone()
    }
}

async fn expire_sessions(state: Arc<State>, stop: CancellationToken) {
    let mut interval = tokio::time::interval(EXPIRY_INTERVAL);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = interval.tick() => state.with_ledger(|_, _| ()),
        }
    }
}

/// A random identifier as Stripe makes them: the prefix and letters and digits.
fn new_id(prefix: &str, length: usize) -> String {
    let random = std::iter::repeat_with(fastrand::alphanumeric).take(length);
    prefix.chars().chain(random).collect()
}

#[cfg(test)]
mod tests;
