//! What is asked when: evenly spaced, whatever the answers.

use std::time::Duration;

/// What a shopper begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// Looks at a page of the catalogue.
    Page,
    /// Searches.
    Search,
    /// Looks at a product.
    Product,
    /// Asks what a cart costs.
    Quote,
    /// Asks what a cart costs, orders and pays it, and looks where it is.
    Order,
}

/// Of a hundred requests that order nothing, how many are of which kind. The rest are looks at products.
const PAGES: usize = 25;
const SEARCHES: usize = 15;
const QUOTES: usize = 10;
const HUNDRED: usize = 100;
/// Steps through the hundred so that each kind comes evenly (it has no common divisor with it).
const STRIDE: usize = 37;

/// How much is asked, and for how long.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Load {
    /// Requests to the API a second, those of orders included.
    pub(super) per_second: f64,
    /// Orders a minute.
    pub(super) orders_per_minute: f64,
    /// From the first arrival to the last.
    pub(super) lasts: Duration,
}

impl Load {
    /// The requests that belong to an order: quote, checkout, payment and two looks where it is.
    pub(super) const REQUESTS_OF_AN_ORDER: f64 = 5.0;

    /// When each visit begins, counted from the start, in order of time.
    pub(super) fn arrivals(self) -> impl Iterator<Item = (Duration, Wish)> {
        let orders = self.orders_per_minute / 60.0;
        let looks = (self.per_second - orders * Self::REQUESTS_OF_AN_ORDER).max(0.0);
        let mut orders = evenly(orders, self.lasts).peekable();
        let mut looks = evenly(looks, self.lasts).zip((0..).map(look)).peekable();
        std::iter::from_fn(move || match (orders.peek(), looks.peek()) {
            (Some(order), Some((look, _))) if look < order => looks.next(),
            (Some(_), _) => orders.next().map(|at| (at, Wish::Order)),
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

/// The nth visit that orders nothing.
fn look(number: usize) -> Wish {
    let at = number % HUNDRED * STRIDE % HUNDRED;
    match at {
        _ if at < PAGES => Wish::Page,
        _ if at < PAGES + SEARCHES => Wish::Search,
        _ if at < PAGES + SEARCHES + QUOTES => Wish::Quote,
        _ => Wish::Product,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrivals(per_second: f64, orders_per_minute: f64, seconds: u64) -> Vec<(Duration, Wish)> {
        let lasts = Duration::from_secs(seconds);
        Load {
            per_second,
            orders_per_minute,
            lasts,
        }
        .arrivals()
        .collect()
    }

    #[test]
    fn visits_come_in_order_of_time_and_within_the_load() {
        let all = arrivals(2_000.0, 1_000.0, 3);
        assert!(all.windows(2).all(|two| two[0].0 <= two[1].0));
        assert!(all.iter().all(|(at, _)| *at < Duration::from_secs(3)));
    }

    #[test]
    fn the_requests_of_orders_are_part_of_the_rate() {
        let all = arrivals(2_000.0, 1_000.0, 60);
        let orders = all.iter().filter(|(_, wish)| *wish == Wish::Order).count();
        assert_eq!(orders, 1_000);
        assert_eq!(all.len() - orders + 5 * orders, 120_000);
    }

    #[test]
    fn a_hundred_looks_are_of_the_kinds_that_are_told() {
        let all = arrivals(100.0, 0.0, 1);
        let count = |kind| all.iter().filter(|(_, wish)| *wish == kind).count();
        assert_eq!(
            [Wish::Page, Wish::Search, Wish::Quote, Wish::Product].map(count),
            [25, 15, 10, 50]
        );
    }

    #[test]
    fn no_orders_and_orders_alone_are_loads_too() {
        assert_eq!(arrivals(0.0, 60.0, 10).len(), 10);
        assert_eq!(arrivals(10.0, 0.0, 10).len(), 100);
        assert!(arrivals(0.0, 0.0, 10).len() <= 1);
    }
}
