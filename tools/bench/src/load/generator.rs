//! Sends a load on schedule, from a thread of its own, so that its processor time is known apart from the shop's.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::Context;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::machine;
use super::record::Record;

/// What a shopper begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Visit {
    Page,
    Search,
    Product,
    Quote,
    /// Quote, checkout, payment, and two looks at the status.
    Order,
}

/// Of a hundred visits without an order, how many are of which kind; the rest are products.
const PAGES: usize = 25;
const SEARCHES: usize = 15;
const QUOTES: usize = 10;
/// Steps through the hundred so that the kinds mix (it has no common divisor with it).
const STRIDE: usize = 37;
/// The requests of [`Visit::Order`].
const REQUESTS_OF_AN_ORDER: f64 = 5.0;

/// Evenly spaced arrivals, whatever the answers (an open loop).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Load {
    /// Requests to the API a second, those of orders included.
    pub(super) per_second: f64,
    pub(super) orders_per_minute: f64,
    /// From the first arrival to the last.
    pub(super) lasts: Duration,
}

impl Load {
    /// When each visit begins, counted from the start, in order of time.
    fn arrivals(self) -> impl Iterator<Item = (Duration, Visit)> {
        let orders = self.orders_per_minute / 60.0;
        let looks = (self.per_second - orders * REQUESTS_OF_AN_ORDER).max(0.0);
        let mut orders = evenly(orders, self.lasts).peekable();
        let mut looks = evenly(looks, self.lasts).zip((0..).map(look)).peekable();
        std::iter::from_fn(move || match (orders.peek(), looks.peek()) {
            (Some(order), Some((look, _))) if look < order => looks.next(),
            (Some(_), _) => orders.next().map(|at| (at, Visit::Order)),
            (None, _) => looks.next(),
        })
    }
}

/// Instants so many times a second, as long as it `lasts`.
fn evenly(per_second: f64, lasts: Duration) -> impl Iterator<Item = Duration> {
    let times = (0_u32..).map(move |number| f64::from(number) / per_second);
    times
        .map_while(|at| Duration::try_from_secs_f64(at).ok())
        .take_while(move |at| *at < lasts)
}

/// The nth visit without an order.
fn look(number: usize) -> Visit {
    match number % 100 * STRIDE % 100 {
        at if at < PAGES => Visit::Page,
        at if at < PAGES + SEARCHES => Visit::Search,
        at if at < PAGES + SEARCHES + QUOTES => Visit::Quote,
        _ => Visit::Product,
    }
}

/// What a load is sent to.
pub(super) trait Target: Send + Sync + 'static {
    /// Makes a visit that is due at an instant, which may be past, and records its requests.
    fn visit(&self, visit: Visit, due: Instant, record: &Record) -> impl Future<Output = ()> + Send;
}

/// Sends the load and waits for the last answer. Returns the processor time of the sending, in microseconds.
pub(super) async fn send<T: Target>(load: Load, target: Arc<T>, record: Arc<Record>) -> anyhow::Result<f64> {
    let (done, sent) = oneshot::channel();
    let generate = move || -> anyhow::Result<f64> {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_all().build()?;
        runtime.block_on(on_schedule(load, &target, &record));
        Ok(machine::of_this_thread())
    };
    thread::Builder::new().spawn(move || done.send(generate()))?;
    sent.await.context("the generator ended early")?
}

async fn on_schedule<T: Target>(load: Load, target: &Arc<T>, record: &Arc<Record>) {
    let start = Instant::now();
    let mut visits = JoinSet::new();
    for (at, visit) in load.arrivals() {
        let due = start + at;
        if Instant::now() < due {
            sleep_until(due).await;
        }
        let (target, record) = (Arc::clone(target), Arc::clone(record));
        visits.spawn(async move { target.visit(visit, due, &record).await });
        while visits.try_join_next().is_some() {}
    }
    while visits.join_next().await.is_some() {}
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(per_second: f64, orders_per_minute: f64, seconds: f64) -> Load {
        let lasts = Duration::from_secs_f64(seconds);
        Load {
            per_second,
            orders_per_minute,
            lasts,
        }
    }

    fn arrivals(per_second: f64, orders_per_minute: f64, seconds: f64) -> Vec<(Duration, Visit)> {
        load(per_second, orders_per_minute, seconds).arrivals().collect()
    }

    #[test]
    fn visits_come_in_order_of_time_and_within_the_load() {
        let all = arrivals(2_000.0, 1_000.0, 3.0);
        assert!(all.windows(2).all(|two| two[0].0 <= two[1].0));
        assert!(all.iter().all(|(at, _)| *at < Duration::from_secs(3)));
    }

    #[test]
    fn the_requests_of_orders_are_part_of_the_rate() {
        let all = arrivals(2_000.0, 1_000.0, 60.0);
        let orders = all.iter().filter(|(_, visit)| *visit == Visit::Order).count();
        assert_eq!(orders, 1_000);
        assert_eq!(all.len() - orders + 5 * orders, 120_000);
    }

    #[test]
    fn a_hundred_visits_have_the_documented_mix() {
        let all = arrivals(100.0, 0.0, 1.0);
        let count = |kind| all.iter().filter(|(_, visit)| *visit == kind).count();
        assert_eq!(
            [Visit::Page, Visit::Search, Visit::Quote, Visit::Product].map(count),
            [25, 15, 10, 50]
        );
    }

    #[test]
    fn a_load_may_have_no_orders_or_nothing_else() {
        assert_eq!(arrivals(0.0, 60.0, 10.0).len(), 10);
        assert_eq!(arrivals(10.0, 0.0, 10.0).len(), 100);
        assert!(arrivals(0.0, 0.0, 10.0).len() <= 1);
    }

    struct Slow;

    impl Target for Slow {
        async fn visit(&self, _: Visit, due: Instant, record: &Record) {
            tokio::time::sleep(Duration::from_millis(200)).await;
            record.answered("slow", due.elapsed());
        }
    }

    #[tokio::test]
    async fn a_slow_target_is_sent_no_less() {
        let record = Arc::<Record>::default();
        let started = Instant::now();
        let sent = send(load(100.0, 0.0, 0.3), Arc::new(Slow), Arc::clone(&record)).await;
        sent.expect("sent");
        assert_eq!(record.latencies()[0].count, 30);
        assert!(started.elapsed() < Duration::from_secs(3));
    }
}
