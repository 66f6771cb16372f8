//! A bill, computed from three tables: prices, assumptions, and items, whose quantities are products of named values.

use std::collections::BTreeMap;

use anyhow::Context;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

const PRICES: &str = include_str!("../../data/prices-eu-central-1.csv");
const ASSUMPTIONS: &str = include_str!("../../data/assumptions.csv");
const ITEMS: &str = include_str!("../../data/items.csv");

/// The line of the CDN, which the busiest hour is also shown without.
pub(crate) const CDN: &str = "CDN and firewall";

/// Figures by their names.
pub(crate) type Values = BTreeMap<String, f64>;

/// Figures by their names.
pub(crate) fn values<const N: usize>(values: [(&str, f64); N]) -> Values {
    values.map(|(name, value)| (name.to_owned(), value)).into()
}

/// A price in USD, of the first tier. The table also says where AWS says so, where else it was found, and when.
#[derive(Clone, Debug, Deserialize)]
struct Price {
    name: String,
    /// What is counted.
    unit: String,
    /// The price is for so many of them.
    per: f64,
    usd: f64,
    /// So many a month cost nothing, in an account of any age.
    free_a_month: f64,
}

/// What is assumed where nothing was measured. The table also says why so many.
#[derive(Deserialize)]
struct Assumption {
    name: String,
    value: f64,
}

/// What is billed.
#[derive(Clone, Debug, Deserialize)]
struct Row {
    line: String,
    item: String,
    price: String,
    /// Factors between ` * `: names of values, or numbers.
    quantity: String,
}

/// The tables.
#[derive(Clone, Debug)]
pub(crate) struct PriceList {
    prices: Vec<Price>,
    items: Vec<Row>,
    pub(crate) assumed: Values,
}

/// A quantity of one thing that AWS bills.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Item {
    pub(crate) line: String,
    pub(crate) what: String,
    pub(crate) quantity: f64,
    pub(crate) unit: String,
    /// Before the free tier.
    pub(crate) usd: f64,
    /// After it, where the account's month has no more of this than the bill.
    pub(crate) usd_after_free_tier: f64,
    #[serde(skip)]
    price: String,
}

/// All items of a period.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(transparent)]
pub(crate) struct Bill {
    pub(crate) items: Vec<Item>,
}

impl PriceList {
    /// Reads the tables, which are compiled in.
    pub(crate) fn read() -> anyhow::Result<Self> {
        let assumed = rows::<Assumption>(ASSUMPTIONS)?.into_iter();
        Ok(Self {
            prices: rows(PRICES)?,
            items: rows(ITEMS)?,
            assumed: assumed.map(|one| (one.name, one.value)).collect(),
        })
    }

    /// What so many cost before the free tier, in USD, and what after it, where so many were had before.
    fn cost(&self, price: &str, quantity: f64, before: f64) -> anyhow::Result<(&Price, f64, f64)> {
        let mut prices = self.prices.iter();
        let price = prices
            .find(|one| one.name == price)
            .with_context(|| format!("no price {price}"))?;
        let free = (price.free_a_month - before).max(0.0);
        let of = |quantity: f64| quantity / price.per * price.usd;
        Ok((price, of(quantity), of((quantity - free).max(0.0))))
    }

    /// Adds all items of the table to a bill.
    pub(crate) fn add_items(&self, bill: &mut Bill, values: &Values) -> anyhow::Result<()> {
        for row in &self.items {
            let quantity = product(&row.quantity, values)?;
            bill.add(self, &row.line, &row.item, quantity, &row.price)?;
        }
        Ok(())
    }
}

impl Bill {
    /// Adds a quantity at a price; a quantity of zero is no item. The free tier goes to the items of a price in their order.
    pub(crate) fn add(
        &mut self,
        list: &PriceList,
        line: &str,
        what: &str,
        quantity: f64,
        price: &str,
    ) -> anyhow::Result<()> {
        let earlier = self.items.iter().filter(|item| item.price == price);
        let (found, usd, usd_after_free_tier) =
            list.cost(price, quantity, sum(earlier.map(|item| item.quantity)))?;
        if quantity > 0.0 {
            self.items.push(Item {
                line: line.to_owned(),
                what: what.to_owned(),
                quantity,
                unit: found.unit.clone(),
                usd,
                usd_after_free_tier,
                price: price.to_owned(),
            });
        }
        Ok(())
    }

    /// A line's sum, in USD.
    pub(crate) fn of(&self, line: &str) -> f64 {
        let items = self.items.iter().filter(|item| item.line == line);
        sum(items.map(|item| item.usd))
    }

    /// Everything, in USD.
    pub(crate) fn total(&self) -> f64 {
        sum(self.items.iter().map(|item| item.usd))
    }

    /// Everything but the CDN, in USD.
    pub(crate) fn behind_the_cdn(&self) -> f64 {
        self.total() - self.of(CDN)
    }
}

/// From zero: an empty sum of floats is a negative one.
pub(crate) fn sum(values: impl Iterator<Item = f64>) -> f64 {
    values.fold(0.0, |sum, value| sum + value)
}

fn rows<T: DeserializeOwned>(table: &str) -> anyhow::Result<Vec<T>> {
    let rows = csv::Reader::from_reader(table.as_bytes()).into_deserialize();
    rows.collect::<Result<_, _>>()
        .context("a table in data is not as expected")
}

fn product(factors: &str, values: &Values) -> anyhow::Result<f64> {
    factors.split(" * ").try_fold(1.0, |product, factor| {
        let value = values.get(factor).copied().or_else(|| factor.parse().ok());
        Ok(product * value.with_context(|| format!("no value is called {factor}"))?)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-9
    }

    fn bill(items: &[(&str, f64, &str)]) -> Bill {
        let (list, mut bill) = (PriceList::read().expect("tables"), Bill::default());
        for (line, quantity, price) in items {
            bill.add(&list, line, "all", *quantity, price).expect("a price");
        }
        bill
    }

    #[test]
    fn a_line_is_the_sum_of_its_items() {
        let bill = bill(&[
            ("API", 360_000.0, "http_api_requests"),
            ("queue", 0.0, "queue_requests"),
            (CDN, 10_000.0, "cdn_requests"),
        ]);
        assert_eq!(bill.items.len(), 2, "a quantity of zero is no item");
        let sums = [bill.of("API"), bill.behind_the_cdn(), bill.total()];
        assert!(
            sums.iter()
                .zip([0.432, 0.432, 0.444])
                .all(|(sum, usd)| near(*sum, usd)),
            "{sums:?}"
        );
    }

    #[test]
    fn the_free_tier_is_given_once_to_all_items_of_a_price() {
        let bill = bill(&[
            ("first", 600_000.0, "lambda_requests"),
            ("second", 600_000.0, "lambda_requests"),
            ("never free", 1_000_000.0, "http_api_requests"),
        ]);
        let after = bill.items.iter().map(|item| item.usd_after_free_tier);
        // Of the second, 200,000 are over a million.
        assert!(
            after.zip([0.0, 0.04, 1.2]).all(|(after, usd)| near(after, usd)),
            "{bill:?}"
        );
    }

    #[test]
    fn a_quantity_is_a_product_of_known_values() {
        let known = values([("hours", 2.0), ("orders", 3.0)]);
        assert!(near(product("hours * orders * 10", &known).expect("known"), 60.0));
        assert!(product("hours * orderz", &known).is_err());
    }
}
