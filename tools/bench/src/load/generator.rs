//! When a load's visits begin, whatever becomes of them (an open loop).

use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio::time::sleep_until;

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
            sleep_until(due.into()).await;
            visits.spawn(visit(kind, due));
            while visits.try_join_next().is_some() {}
        }
        visits.join_all().await;
    }

    /// When each visit begins, counted from the start. Orders are spread evenly among the others.
    fn arrivals(self) -> impl Iterator<Item = (Duration, Visit)> {
        let orders = self.orders_per_minute / 60.0;
        let others = (self.per_second - orders * REQUESTS_OF_AN_ORDER).max(0.0);
        let visits_a_second = orders + others;
        let share = orders / visits_a_second;
        let (mut ordered, mut shoppers) = (0.0, SHOPPERS.iter().copied().cycle());
        let visits = (0_u32..).map_while(move |number| {
            let number = f64::from(number);
            let at = Duration::try_from_secs_f64(number / visits_a_second).ok()?;
            if share > 0.0 && number * share >= ordered {
                ordered += 1.0;
                return Some((at, Order));
            }
            Some((at, shoppers.next()?))
        });
        visits.take_while(move |(at, _)| *at < self.lasts)
    }
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
    fn the_requests_of_orders_are_part_of_the_rate() {
        for (rate, orders_per_minute, seconds, requests, orders) in [
            (2_000.0, 1_000.0, 60.0, 120_000, 1_000),
            (0.0, 60.0, 10.0, 50, 10),
            (10.0, 0.0, 10.0, 100, 0),
            (0.0, 0.0, 10.0, 0, 0),
        ] {
            let load = load(rate, orders_per_minute, seconds);
            let (all, ordered) = (load.arrivals().count(), count(load, Order));
            assert_eq!((all + 4 * ordered, ordered), (requests, orders), "{load:?}");
            let times: Vec<_> = load.arrivals().map(|(at, _)| at).collect();
            assert!(
                times.is_sorted() && times.iter().all(|at| *at < load.lasts),
                "{load:?}"
            );
        }
    }

    #[test]
    fn a_hundred_visits_have_the_documented_mix() {
        let hundred = load(100.0, 0.0, 1.0);
        assert_eq!(
            [Page, Search, Quote, Product].map(|kind| count(hundred, kind)),
            [25, 15, 10, 50]
        );
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
