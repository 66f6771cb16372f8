//! The most that is answered in time: by a function that does nothing, through the same gateway, and by the shop.

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

use super::client::{Call, Client};
use super::generator::{self, Target};
use super::record::Record;
use super::schedule::{Load, Wish};

/// What 99 of 100 requests must be answered within, in milliseconds.
pub(super) const IN_TIME_MS: f64 = 25.0;
/// From one rate to the next.
const STEP: f64 = 1.15;
const STEP_LASTS: Duration = Duration::from_secs(4);
/// A rate that fails is tried once more: the machine may have been busy with something else.
const TRIES: usize = 2;
/// The first rate for the function that does nothing.
const FIRST_RATE: f64 = 4_000.0;
/// Slower is no ceiling, it is a failure.
const LOWEST_RATE: f64 = 20.0;
const PATH: &str = "/api/no-op";

/// Finds the highest rate that `target` answers in time, in steps of 15%, beginning at a load; 0 where there is none. Visits are in
/// the proportions of that load.
pub(super) async fn highest<T: Target>(target: &Arc<T>, begin: Load) -> anyhow::Result<f64> {
    let in_time = async |rate: f64| -> anyhow::Result<bool> {
        for _ in 0..TRIES {
            if is_answered_in_time(target, begin, rate / begin.per_second).await? {
                return Ok(true);
            }
        }
        Ok(false)
    };
    climb(begin.per_second, in_time).await
}

/// Up from a rate that is in time as long as it is, or down from one that is not until it is.
async fn climb(begin: f64, in_time: impl AsyncFn(f64) -> anyhow::Result<bool>) -> anyhow::Result<f64> {
    let mut rate = begin;
    if in_time(rate).await? {
        while in_time(rate * STEP).await? {
            rate *= STEP;
        }
        return Ok(rate);
    }
    while rate > LOWEST_RATE {
        rate /= STEP;
        if in_time(rate).await? {
            return Ok(rate);
        }
    }
    Ok(0.0)
}

async fn is_answered_in_time<T: Target>(target: &Arc<T>, begin: Load, factor: f64) -> anyhow::Result<bool> {
    let record = Arc::new(Record::new());
    let load = Load {
        per_second: begin.per_second * factor,
        orders_per_minute: begin.orders_per_minute * factor,
        lasts: STEP_LASTS,
    };
    generator::send(load, Arc::clone(target), Arc::clone(&record)).await?;
    let latencies = record.latencies();
    let p99_ms = latencies.first().map_or(f64::MAX, |all| all.p99_ms);
    eprintln!("{:>8.0} requests/s: p99 {p99_ms:.1} ms", load.per_second);
    Ok(record.failures().is_empty() && p99_ms <= IN_TIME_MS)
}

/// The highest rate of the function that does nothing.
pub(super) async fn of_a_no_op(
    binaries: &Binaries,
    connections: usize,
    processes: usize,
) -> anyhow::Result<f64> {
    let no_op = NoOp::start(binaries, connections, processes).await?;
    let begin = Load {
        per_second: FIRST_RATE,
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
    client: Client,
    runtime: Runtime,
    _gateway: Gateway,
}

impl NoOp {
    async fn start(binaries: &Binaries, connections: usize, processes: usize) -> anyhow::Result<Arc<Self>> {
        let function = function();
        let built = binaries.provide(std::slice::from_ref(&function.binary)).await?;
        let executable = built.get(&function.binary).cloned().unwrap_or_default();
        let runtime = Runtime::start(RuntimeOptions {
            functions: vec![(function.clone(), executable)],
            port: 0,
            max_processes: processes,
            environment: BTreeMap::new(),
            logs: Logs::to(LogSink::Silent),
        })
        .await?;
        let gateway = GatewayPort::bind(0).await?;
        let gateway = gateway.serve(&[function], Path::new("web"), runtime.clone());
        Ok(Arc::new(Self {
            url: format!("{}{PATH}", gateway.url().replace("localhost", "127.0.0.1")),
            client: Client::new(connections),
            runtime,
            _gateway: gateway,
        }))
    }
}

impl Target for NoOp {
    async fn visit(&self, _: Wish, due: Instant, record: &Record) {
        match self.client.ask(Call::get(self.url.clone()), due).await {
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

    async fn climbed(from: f64, most: f64) -> f64 {
        climb(from, async |rate| Ok(rate <= most)).await.expect("a rate")
    }

    #[tokio::test]
    async fn the_highest_rate_is_found_from_below_and_from_above() {
        for from in [500.0, 1_000.0, 2_500.0] {
            let found = climbed(from, 1_000.0).await;
            assert!((1_000.0 / STEP..=1_000.0).contains(&found), "{from}: {found}");
        }
    }

    #[tokio::test]
    async fn nothing_in_time_is_no_rate() {
        assert!(climbed(1_000.0, 0.0).await.abs() < 1.0);
    }
}
