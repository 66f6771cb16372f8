//! A bill, item by item.

use serde::Serialize;

use super::prices::Price;

/// A line of the bill, as the shop's first estimate had them and those that it had not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Line {
    /// CDN and firewall.
    Cdn,
    /// API Gateway.
    Api,
    /// The functions that the API and the CDN call.
    Functions,
    /// The queue of paid orders.
    Queue,
    /// The function that hands orders over.
    Forwarder,
    /// The tables.
    Tables,
    /// The function that mends, and what starts it.
    Reconciler,
    /// Log lines.
    Logs,
    /// Metrics, alarms and dashboards.
    Metrics,
    /// Traces.
    Traces,
    /// Secrets and keys.
    Secrets,
    /// What goes out to the provider and the warehouse.
    Transfer,
}

impl Line {
    /// All of them, in the order of a bill.
    pub(crate) const ALL: [Self; 12] = [
        Self::Cdn,
        Self::Api,
        Self::Functions,
        Self::Queue,
        Self::Forwarder,
        Self::Tables,
        Self::Reconciler,
        Self::Logs,
        Self::Metrics,
        Self::Traces,
        Self::Secrets,
        Self::Transfer,
    ];

    /// How tables call it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Cdn => "CDN and firewall",
            Self::Api => "API Gateway",
            Self::Functions => "functions behind the CDN",
            Self::Queue => "queue",
            Self::Forwarder => "order function",
            Self::Tables => "tables",
            Self::Reconciler => "reconciler",
            Self::Logs => "logs",
            Self::Metrics => "metrics and alarms",
            Self::Traces => "traces",
            Self::Secrets => "secrets and keys",
            Self::Transfer => "to provider and warehouse",
        }
    }

    /// What the first estimate of the busiest hour had for it, in EUR.
    pub(crate) fn estimated_eur(self) -> Option<f64> {
        match self {
            Self::Cdn => Some(2.30),
            Self::Api => Some(1.40),
            Self::Functions => Some(0.40),
            Self::Queue => Some(0.001),
            Self::Forwarder | Self::Tables => Some(0.01),
            _ => None,
        }
    }
}

/// So much of something.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Item {
    /// The line that it belongs to.
    pub(crate) line: Line,
    /// What for.
    pub(crate) what: String,
    /// How much.
    pub(crate) quantity: f64,
    /// What is counted.
    pub(crate) unit: String,
    /// What it costs, no free tier taken off.
    pub(crate) usd: f64,
    /// What it is billed by.
    #[serde(skip)]
    pub(crate) price: Price,
}

/// All items of a time.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(transparent)]
pub(crate) struct Bill {
    /// In the order of counting.
    pub(crate) items: Vec<Item>,
}

impl Bill {
    /// Adds so much of what has this price; nothing is no item.
    pub(crate) fn add(&mut self, line: Line, what: impl Into<String>, quantity: f64, price: &Price) {
        if quantity > 0.0 {
            self.items.push(Item {
                line,
                what: what.into(),
                quantity,
                unit: price.unit.clone(),
                usd: price.of(quantity),
                price: price.clone(),
            });
        }
    }

    /// What a line costs, in USD.
    pub(crate) fn of(&self, line: Line) -> f64 {
        let items = self.items.iter().filter(|item| item.line == line);
        // From zero: an empty sum of floats is a negative one.
        items.fold(0.0, |sum, item| sum + item.usd)
    }

    /// Everything but the CDN, in USD.
    pub(crate) fn behind_the_cdn(&self) -> f64 {
        self.total() - self.of(Line::Cdn)
    }

    /// Everything, in USD.
    pub(crate) fn total(&self) -> f64 {
        self.items.iter().map(|item| item.usd).sum()
    }

    /// What each item costs in a month of which it is all, in USD: the free tier goes to the items of a price in their order.
    pub(crate) fn after_free_tier(&self) -> Vec<f64> {
        let before = |index: usize| -> f64 {
            let item = &self.items[index];
            let earlier = self.items[..index]
                .iter()
                .filter(|other| other.price == item.price);
            earlier.map(|other| other.quantity).sum()
        };
        let cost = |(index, item): (usize, &Item)| {
            let left = (item.price.free_a_month - before(index)).max(0.0);
            item.price.of((item.quantity - left).max(0.0))
        };
        self.items.iter().enumerate().map(cost).collect()
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
        bill.add(Line::Api, "all", 360_000.0, &prices.http_api_requests);
        bill.add(Line::Queue, "none", 0.0, &prices.queue_requests);
        bill.add(Line::Cdn, "all", 10_000.0, &prices.cdn_requests);
        assert_eq!(bill.items.len(), 2, "nothing is no item");
        assert!(near(bill.of(Line::Api), 0.432));
        assert!(near(bill.behind_the_cdn(), 0.432));
        assert!(near(bill.total(), 0.444));
    }

    #[test]
    fn the_free_tier_is_given_once_to_all_items_of_a_price() {
        let prices = price_list().expect("the price list").prices;
        let mut bill = Bill::default();
        bill.add(Line::Functions, "first", 600_000.0, &prices.lambda_requests);
        bill.add(Line::Forwarder, "second", 600_000.0, &prices.lambda_requests);
        bill.add(Line::Api, "never free", 1_000_000.0, &prices.http_api_requests);
        let [first, second, api] = bill.after_free_tier()[..] else {
            panic!("three items");
        };
        assert!(near(first, 0.0));
        assert!(near(second, 0.04), "200,000 are over a million");
        assert!(near(api, 1.2));
    }
}
