//! When a load's visits begin, whatever becomes of them (an open loop).

use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

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

use Visit::{Order, Page, Product, Quote, Search};

/// Visits without an order, again and again: half are of products, a quarter of pages.
const SHOPPERS: [Visit; 20] = [
    Product, Page, Product, Search, Product, Page, Product, Quote, Product, Page, //
    Product, Search, Product, Page, Product, Quote, Product, Page, Product, Search,
];
/// The requests of [`Visit::Order`].
const REQUESTS_OF_AN_ORDER: f64 = 5.0;

/// Evenly spaced arrivals.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Load {
    /// Requests to the API a second, those of orders included.
    pub(super) per_second: f64,
    pub(super) orders_per_minute: f64,
    /// From the first arrival to the last.
    pub(super) lasts: Duration,
}

impl Load {
    /// Sends a visit whenever one is due, and waits until the last has ended.
    pub(super) async fn send<F>(self, visit: impl Fn(Visit, Instant) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let start = Instant::now();
        let mut visits = JoinSet::new();
        for (at, kind) in self.arrivals() {
            let due = start + at;
            if Instant::now() < due {
                sleep_until(due).await;
            }
            visits.spawn(visit(kind, due));
            while visits.try_join_next().is_some() {}
        }
        visits.join_all().await;
    }

    /// When each visit begins, counted from the start, in order of time.
    fn arrivals(self) -> impl Iterator<Item = (Duration, Visit)> {
        let orders = self.orders_per_minute / 60.0;
        let others = (self.per_second - orders * REQUESTS_OF_AN_ORDER).max(0.0);
        let mut orders = evenly(orders, self.lasts).peekable();
        let mut others = evenly(others, self.lasts)
            .zip(SHOPPERS.iter().copied().cycle())
            .peekable();
        std::iter::from_fn(move || match (orders.peek(), others.peek()) {
            (Some(order), Some((other, _))) if other < order => others.next(),
            (Some(_), _) => orders.next().map(|at| (at, Order)),
            (None, _) => others.next(),
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn load(per_second: f64, orders_per_minute: f64, seconds: f64) -> Load {
        Load {
            per_second,
            orders_per_minute,
            lasts: Duration::from_secs_f64(seconds),
        }
    }

    fn count(load: Load, kind: Visit) -> usize {
        load.arrivals().filter(|(_, visit)| *visit == kind).count()
    }

    #[test]
    fn visits_come_in_order_of_time_and_within_the_load() {
        let all: Vec<_> = load(2_000.0, 1_000.0, 3.0).arrivals().collect();
        assert!(all.windows(2).all(|two| two[0].0 <= two[1].0));
        assert!(all.iter().all(|(at, _)| *at < Duration::from_secs(3)));
    }

    #[test]
    fn the_requests_of_orders_are_part_of_the_rate() {
        let minute = load(2_000.0, 1_000.0, 60.0);
        let (all, orders) = (minute.arrivals().count(), count(minute, Order));
        assert_eq!((orders, all - orders + 5 * orders), (1_000, 120_000));
    }

    #[test]
    fn a_hundred_visits_have_the_documented_mix() {
        let hundred = load(100.0, 0.0, 1.0);
        assert_eq!(
            [Page, Search, Quote, Product].map(|kind| count(hundred, kind)),
            [25, 15, 10, 50]
        );
    }

    #[test]
    fn a_load_may_have_no_orders_or_nothing_else() {
        assert_eq!(load(0.0, 60.0, 10.0).arrivals().count(), 10);
        assert_eq!(load(10.0, 0.0, 10.0).arrivals().count(), 100);
        assert!(load(0.0, 0.0, 10.0).arrivals().count() <= 1);
    }

    #[tokio::test]
    async fn a_slow_target_is_sent_no_less() {
        let (sent, started) = (Arc::new(AtomicUsize::new(0)), Instant::now());
        let slow = load(100.0, 0.0, 0.3).send(|_, _| {
            let sent = Arc::clone(&sent);
            async move {
                tokio::time::sleep(Duration::from_millis(200)).await;
                sent.fetch_add(1, Ordering::Relaxed);
            }
        });
        slow.await;
        assert_eq!(sent.load(Ordering::Relaxed), 30);
        assert!(started.elapsed() < Duration::from_secs(3));
    }
}
