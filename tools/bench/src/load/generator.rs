//! Sends a load on schedule, from a thread of its own, so that its processor time can be told from the shop's.

use std::sync::Arc;
use std::thread;

use anyhow::Context;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::machine;
use super::record::Record;
use super::schedule::{Load, Wish};

/// The generator's thread, as the system lists it.
const THREAD: &str = "generator";

/// What a load is sent to.
pub(super) trait Target: Send + Sync + 'static {
    /// Makes a visit that is due at an instant, which may be past, and records its requests.
    fn visit(&self, wish: Wish, due: Instant, record: &Record) -> impl Future<Output = ()> + Send;
}

/// Sends the load, whether or not it is answered in time, and returns when the last request is answered or given up: with the processor
/// time that the sending took, in microseconds.
pub(super) async fn send<T: Target>(load: Load, target: Arc<T>, record: Arc<Record>) -> anyhow::Result<f64> {
    let (done, sent) = oneshot::channel();
    let generate = move || -> anyhow::Result<f64> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(on_schedule(load, &target, &record));
        Ok(machine::of_this_thread())
    };
    thread::Builder::new()
        .name(THREAD.to_owned())
        .spawn(move || done.send(generate()))?;
    sent.await.context("the generator ended early")?
}

async fn on_schedule<T: Target>(load: Load, target: &Arc<T>, record: &Arc<Record>) {
    let start = Instant::now();
    let mut visits = JoinSet::new();
    for (at, wish) in load.arrivals() {
        let due = start + at;
        if Instant::now() < due {
            sleep_until(due).await;
        }
        let (target, record) = (Arc::clone(target), Arc::clone(record));
        visits.spawn(async move { target.visit(wish, due, &record).await });
        while visits.try_join_next().is_some() {}
    }
    while visits.join_next().await.is_some() {}
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    struct Slow;

    impl Target for Slow {
        async fn visit(&self, _: Wish, due: Instant, record: &Record) {
            tokio::time::sleep(Duration::from_millis(200)).await;
            record.answered("slow", due.elapsed());
        }
    }

    #[tokio::test]
    async fn a_slow_target_is_sent_no_less() {
        let record = Arc::new(Record::new());
        let load = Load {
            per_second: 100.0,
            orders_per_minute: 0.0,
            lasts: Duration::from_millis(300),
        };
        let started = Instant::now();
        send(load, Arc::new(Slow), Arc::clone(&record))
            .await
            .expect("sent");
        assert_eq!(record.latencies()[0].count, 30);
        assert!(started.elapsed() < Duration::from_secs(3));
    }
}
