//! The highest rate that is answered in time: by a no-op function behind the same gateway, and by the shop.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sam_runner::binaries::Binaries;
use sam_runner::gateway::{Gateway, GatewayPort};
use sam_runner::logs::{LogSink, Logs};
use sam_runner::runtime::{Runtime, RuntimeOptions};
use sam_runner::template::{Binary, Function, Role, Route, RouteMethod};
use tokio::time::Instant;

use super::generator::{self, Load, Target, Visit};
use super::record::Record;
use super::shop::Connections;
use crate::report::table;

/// What 99 of 100 requests must be answered within, in milliseconds.
const IN_TIME_MS: f64 = 25.0;
/// From one rate to the next.
const STEP: f64 = 1.15;
const STEP_LASTS: Duration = Duration::from_secs(4);
/// A rate that fails is tried once more: the machine may have been busy with something else.
const TRIES: usize = 2;
/// About what the no-op function reaches on two processors.
const USUAL_RATE: f64 = 8_000.0;
const PATH: &str = "/api/no-op";

/// Finds the highest rate that `target` answers in time, in steps of 15% from a quarter of the rate of `load`; 0 where there is none. The
/// share of orders stays the same.
pub(super) async fn highest<T: Target>(target: &Arc<T>, load: Load) -> anyhow::Result<f64> {
    let in_time = async |rate: f64| -> anyhow::Result<bool> {
        for _ in 0..TRIES {
            if is_in_time(target, load, rate).await? {
                return Ok(true);
            }
        }
        Ok(false)
    };
    climb(load.per_second / 4.0, in_time).await
}

async fn climb(mut rate: f64, in_time: impl AsyncFn(f64) -> anyhow::Result<bool>) -> anyhow::Result<f64> {
    let mut highest = 0.0;
    while in_time(rate).await? {
        highest = rate;
        rate *= STEP;
    }
    Ok(highest)
}

async fn is_in_time<T: Target>(target: &Arc<T>, load: Load, rate: f64) -> anyhow::Result<bool> {
    let record = Arc::<Record>::default();
    let step = Load {
        per_second: rate,
        orders_per_minute: load.orders_per_minute * rate / load.per_second,
        lasts: STEP_LASTS,
    };
    generator::send(step, Arc::clone(target), Arc::clone(&record)).await?;
    let p99_ms = record.latencies().first().map_or(f64::MAX, |all| all.p99_ms);
    eprintln!("{rate:>8.0} requests/s: p99 {p99_ms:.1} ms");
    Ok(record.failures().is_empty() && p99_ms <= IN_TIME_MS)
}

/// Both rates.
pub(super) fn table_of(no_op: f64, shop: f64) -> String {
    table(
        format!("The most requests a second with a p99 within {IN_TIME_MS:.0} ms, in steps of 15%"),
        &[
            ("a function that does nothing", no_op),
            ("the shop, in the mix above", shop),
        ],
        &[
            ("function", &|(name, _)| (*name).to_owned()),
            ("requests/s", &|(_, rate)| format!("{rate:.0}")),
            ("of the ceiling", &|(_, rate)| {
                format!("{:.0}%", 100.0 * rate / no_op.max(1.0))
            }),
        ],
    )
}

/// The highest rate of a function that does nothing.
pub(super) async fn of_a_no_op(binaries: &Binaries) -> anyhow::Result<f64> {
    let no_op = Arc::new(NoOp::start(binaries).await?);
    let begin = Load {
        per_second: USUAL_RATE,
        orders_per_minute: 0.0,
        lasts: STEP_LASTS,
    };
    let highest = highest(&no_op, begin).await;
    no_op.runtime.stop().await;
    highest
}

/// The gateway before a function that does nothing.
struct NoOp {
    url: String,
    connections: Connections,
    runtime: Runtime,
    _gateway: Gateway,
}

impl NoOp {
    async fn start(binaries: &Binaries) -> anyhow::Result<Self> {
        let function = function();
        let built = binaries.provide(std::slice::from_ref(&function.binary)).await?;
        let executable = built.get(&function.binary).cloned().unwrap_or_default();
        let runtime = Runtime::start(RuntimeOptions {
            functions: vec![(function.clone(), executable)],
            port: 0,
            max_processes: super::MAX_PROCESSES,
            environment: BTreeMap::new(),
            logs: Logs::to(LogSink::Silent),
        })
        .await?;
        let gateway = GatewayPort::bind(0).await?;
        let gateway = gateway.serve(&[function], Path::new("web"), runtime.clone());
        Ok(Self {
            url: format!("{}{PATH}", gateway.url().replace("localhost", "127.0.0.1")),
            connections: Connections::new(super::CONNECTIONS)?,
            runtime,
            _gateway: gateway,
        })
    }
}

impl Target for NoOp {
    async fn visit(&self, _: Visit, due: Instant, record: &Record) {
        match self.connections.send(self.connections.get(&self.url), due).await {
            Ok(_) => record.answered("no-op", due.elapsed()),
            Err(why) => record.failed("no-op", why),
        }
    }
}

fn function() -> Function {
    Function {
        id: "NoOpFunction".to_owned(),
        name: "kontor-no-op".to_owned(),
        binary: Binary {
            name: "no-op".to_owned(),
            source: PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../no-op")),
        },
        timeout: Duration::from_secs(10),
        memory_mb: 128,
        environment: BTreeMap::new(),
        role: Role::default(),
        reserved_concurrency: None,
        routes: vec![Route {
            method: RouteMethod::Only("GET".to_owned()),
            path: PATH.to_owned(),
        }],
        queues: Vec::new(),
        schedules: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_highest_rate_in_time_is_found() {
        let found = climb(250.0, async |rate| Ok(rate <= 1_000.0))
            .await
            .expect("a rate");
        assert!((1_000.0 / STEP..=1_000.0).contains(&found), "{found}");
        let none = climb(250.0, async |_| Ok(false)).await.expect("a rate");
        assert!(none.abs() < 1.0);
    }
}
