//! A bill, item by item.

use serde::Serialize;

use super::prices::Price;

pub(crate) const CDN: &str = "CDN and firewall";
pub(crate) const API: &str = "API Gateway";
pub(crate) const FUNCTIONS: &str = "functions behind the CDN";
pub(crate) const QUEUE: &str = "queue";
pub(crate) const FORWARDER: &str = "order forwarder";
pub(crate) const TABLES: &str = "tables";
pub(crate) const RECONCILER: &str = "reconciler";
pub(crate) const LOGS: &str = "logs";
pub(crate) const METRICS: &str = "metrics and alarms";
pub(crate) const TRACES: &str = "traces";
pub(crate) const SECRETS: &str = "secrets and keys";
pub(crate) const TRANSFER: &str = "to provider and warehouse";

/// The bill's lines in their order, each with what the first estimate of the busiest hour had for it, in EUR.
pub(crate) const LINES: [(&str, Option<f64>); 12] = [
    (API, Some(1.40)),
    (FUNCTIONS, Some(0.40)),
    (QUEUE, Some(0.001)),
    (FORWARDER, Some(0.01)),
    (TABLES, Some(0.01)),
    (RECONCILER, None),
    (LOGS, None),
    (METRICS, None),
    (TRACES, None),
    (SECRETS, None),
    (TRANSFER, None),
    (CDN, Some(2.30)),
];

/// A quantity of one thing that AWS bills.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Item {
    /// One of [`LINES`].
    pub(crate) line: &'static str,
    pub(crate) what: String,
    pub(crate) quantity: f64,
    pub(crate) unit: String,
    /// Before the free tier.
    pub(crate) usd: f64,
    /// After it, where the account's month has no more of this than the bill.
    pub(crate) usd_after_free_tier: f64,
    #[serde(skip)]
    pub(crate) price: Price,
}

/// All items of a period.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(transparent)]
pub(crate) struct Bill {
    pub(crate) items: Vec<Item>,
}

impl Bill {
    /// Adds a quantity at a price; a quantity of zero is no item. The free tier goes to the items of a price in their order.
    pub(crate) fn add(&mut self, line: &'static str, what: impl Into<String>, quantity: f64, price: &Price) {
        if quantity <= 0.0 {
            return;
        }
        let earlier = self.items.iter().filter(|item| item.price == *price);
        let free = (price.free_a_month - earlier.map(|item| item.quantity).sum::<f64>()).max(0.0);
        self.items.push(Item {
            line,
            what: what.into(),
            quantity,
            unit: price.unit.clone(),
            usd: price.of(quantity),
            usd_after_free_tier: price.of((quantity - free).max(0.0)),
            price: price.clone(),
        });
    }

    /// The sum of the items that `counts` accepts, in USD.
    pub(crate) fn sum(&self, counts: impl Fn(&Item) -> bool) -> f64 {
        // From zero: an empty sum of floats is a negative one.
        let items = self.items.iter().filter(|item| counts(item));
        items.fold(0.0, |sum, item| sum + item.usd)
    }

    /// A line's sum, in USD.
    pub(crate) fn of(&self, line: &str) -> f64 {
        self.sum(|item| item.line == line)
    }

    /// Everything but the CDN, in USD.
    pub(crate) fn behind_the_cdn(&self) -> f64 {
        self.sum(|item| item.line != CDN)
    }

    /// Everything, in USD.
    pub(crate) fn total(&self) -> f64 {
        self.sum(|_| true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cost::prices::price_list;

    fn near(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-9
    }

    #[test]
    fn a_line_is_the_sum_of_its_items() {
        let prices = price_list().expect("the price list").prices;
        let mut bill = Bill::default();
        bill.add(API, "all", 360_000.0, &prices.http_api_requests);
        bill.add(QUEUE, "none", 0.0, &prices.queue_requests);
        bill.add(CDN, "all", 10_000.0, &prices.cdn_requests);
        assert_eq!(bill.items.len(), 2, "a quantity of zero is no item");
        assert!(near(bill.of(API), 0.432));
        assert!(near(bill.behind_the_cdn(), 0.432));
        assert!(near(bill.total(), 0.444));
    }

    #[test]
    fn the_free_tier_is_given_once_to_all_items_of_a_price() {
        let prices = price_list().expect("the price list").prices;
        let mut bill = Bill::default();
        bill.add(FUNCTIONS, "first", 600_000.0, &prices.lambda_requests);
        bill.add(FORWARDER, "second", 600_000.0, &prices.lambda_requests);
        bill.add(API, "never free", 1_000_000.0, &prices.http_api_requests);
        let after: Vec<f64> = bill.items.iter().map(|item| item.usd_after_free_tier).collect();
        assert!(near(after[0], 0.0));
        assert!(near(after[1], 0.04), "200,000 are over a million");
        assert!(near(after[2], 1.2));
    }
}
