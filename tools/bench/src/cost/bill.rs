//! A bill, computed from tables: prices, and items, whose quantities are products of named values.

use anyhow::Context;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;

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
#[derive(Debug, Deserialize)]
pub(crate) struct Price {
    name: String,
    /// What is counted.
    pub(crate) unit: String,
    /// The price is for so many of them.
    per: f64,
    usd: f64,
    /// So many a month cost nothing, in an account of any age.
    free_a_month: f64,
}

/// What is billed.
#[derive(Debug, Deserialize)]
struct Row {
    line: String,
    item: String,
    price: String,
    /// Factors between ` * `: names of values, or numbers.
    quantity: String,
}

/// The tables.
#[derive(Debug)]
pub(crate) struct PriceList {
    prices: Vec<Price>,
    items: Vec<Row>,
}

/// A quantity of one thing that AWS bills.
#[derive(Debug)]
pub(crate) struct Item<'l> {
    pub(crate) line: String,
    pub(crate) what: String,
    pub(crate) quantity: f64,
    pub(crate) price: &'l Price,
    /// Before the free tier.
    pub(crate) usd: f64,
    /// After it, where the account's month has no more of this than the bill.
    pub(crate) usd_after_free_tier: f64,
}

/// All items of a period.
#[derive(Debug)]
pub(crate) struct Bill<'l> {
    list: &'l PriceList,
    pub(crate) items: Vec<Item<'l>>,
}

impl PriceList {
    /// Reads the tables, which are compiled in.
    pub(crate) fn read() -> anyhow::Result<Self> {
        Ok(Self {
            prices: rows(PRICES)?,
            items: rows(ITEMS)?,
        })
    }
}

/// What is assumed where nothing was measured. The table also says why so many.
pub(crate) fn assumptions() -> anyhow::Result<Values> {
    let rows: Vec<(String, f64, String, String)> = rows(ASSUMPTIONS)?;
    Ok(rows.into_iter().map(|(name, value, ..)| (name, value)).collect())
}

impl<'l> Bill<'l> {
    /// A bill without items.
    pub(crate) fn by(list: &'l PriceList) -> Self {
        let items = Vec::new();
        Self { list, items }
    }

    /// Adds a quantity at a price; a quantity of zero is no item. The free tier goes to the items of a price in their order.
    pub(crate) fn add(&mut self, line: &str, what: &str, quantity: f64, price: &str) -> anyhow::Result<()> {
        let mut prices = self.list.prices.iter();
        let found = prices.find(|one| one.name == price);
        let price = found.with_context(|| format!("no price {price}"))?;
        if quantity > 0.0 {
            let earlier = self.items.iter().filter(|item| item.price.name == price.name);
            let free = (price.free_a_month - sum(earlier.map(|item| item.quantity))).max(0.0);
            let usd = |quantity: f64| quantity / price.per * price.usd;
            self.items.push(Item {
                line: line.to_owned(),
                what: what.to_owned(),
                quantity,
                price,
                usd: usd(quantity),
                usd_after_free_tier: usd((quantity - free).max(0.0)),
            });
        }
        Ok(())
    }

    /// Adds all items of the table.
    pub(crate) fn add_items(&mut self, values: &Values) -> anyhow::Result<()> {
        for row in &self.list.items {
            self.add(&row.line, &row.item, product(&row.quantity, values)?, &row.price)?;
        }
        Ok(())
    }

    /// A line's sum, in USD.
    pub(crate) fn of(&self, line: &str) -> f64 {
        let items = self.items.iter().filter(|item| item.line == line);
        sum(items.map(|item| item.usd))
    }

    /// Everything but the CDN, in USD.
    pub(crate) fn behind_the_cdn(&self) -> f64 {
        sum(self.items.iter().map(|item| item.usd)) - self.of(CDN)
    }
}

/// From zero: an empty sum of floats is a negative one.
pub(crate) fn sum(values: impl Iterator<Item = f64>) -> f64 {
    values.fold(0.0, |sum, value| sum + value)
}

/// The rows of a table of comma-separated values with a header.
pub(crate) fn rows<T: DeserializeOwned>(table: &str) -> anyhow::Result<Vec<T>> {
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
    use super::super::tests::near;
    use super::*;

    #[test]
    fn the_free_tier_is_given_once_to_all_items_of_a_price() {
        let list = PriceList::read().expect("tables");
        let mut bill = Bill::by(&list);
        for (line, quantity, price) in [
            ("first", 600_000.0, "lambda_requests"),
            ("second", 600_000.0, "lambda_requests"),
            ("none", 0.0, "queue_requests"),
            ("never free", 360_000.0, "http_api_requests"),
            (CDN, 10_000.0, "cdn_requests"),
        ] {
            bill.add(line, "all", quantity, price).expect("a price");
        }
        // Of the second, 200,000 are over a million. A quantity of zero is no item.
        for (index, line, usd, after) in [
            (0, "first", 0.12, 0.0),
            (1, "second", 0.12, 0.04),
            (2, "never free", 0.432, 0.432),
            (3, CDN, 0.012, 0.0),
        ] {
            let item = &bill.items[index];
            assert!(
                near(bill.of(line), usd) && near(item.usd_after_free_tier, after),
                "{item:?}"
            );
        }
        assert!(near(bill.behind_the_cdn(), 0.672), "{bill:?}");
    }

    #[test]
    fn a_quantity_is_a_product_of_known_values() {
        let known = values([("hours", 2.0), ("orders", 3.0)]);
        assert!(near(product("hours * orders * 10", &known).expect("known"), 60.0));
        assert!(product("hours * orderz", &known).is_err());
    }
}
