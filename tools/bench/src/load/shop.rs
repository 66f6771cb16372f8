//! The shop as its shoppers call it over HTTP, and the orders that it accepted.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use kontor::replay::{self, PastOrder, Refused, Shopper};
use reqwest::Method;
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio::time::sleep;

use super::generator::Visit;
use super::record::Record;

/// Requests without an order at once, at most: so many connections.
const CONNECTIONS: usize = 256;
/// When a shopper looks at the order's status, after paying it.
const LOOKS: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(3)];
/// The steps of an order until it is paid.
const STEPS: [&str; 4] = ["quote", "checkout", "payment page", "payment"];

/// The shop, what its shoppers know, and the orders that it accepted.
pub(super) struct Shop {
    shopper: Shopper,
    free: Semaphore,
    /// Placed again and again.
    pub(super) orders: Vec<PastOrder>,
    /// The paths of the catalogue's pages.
    pages: Vec<String>,
    /// Words of products' names.
    words: Vec<String>,
    visits: AtomicUsize,
    accepted: Mutex<BTreeMap<String, Accepted>>,
}

/// An order that the shop accepted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Accepted {
    /// Its index in [`Shop::orders`].
    pub(super) order: usize,
    /// Whether its payment page says that it is paid.
    pub(super) paid: bool,
}

impl Shop {
    pub(super) async fn at(url: &str, orders: &Path) -> anyhow::Result<Self> {
        let orders = replay::read(orders)?.collect::<anyhow::Result<Vec<_>>>()?;
        ensure!(!orders.is_empty(), "there is no order to place");
        // By address: saves looking up the name for each connection. No request is sent twice: a failure is to be seen.
        let url = url.replacen("//localhost:", "//127.0.0.1:", 1);
        let mut shop = Self {
            shopper: Shopper::at(&url, 1).await?,
            free: Semaphore::new(CONNECTIONS),
            orders,
            pages: Vec::new(),
            words: Vec::new(),
            visits: AtomicUsize::new(0),
            accepted: Mutex::default(),
        };
        let (pages, products) = shop.catalogue().await?;
        let names = products.iter().filter_map(|product| product["name"].as_str());
        (shop.pages, shop.words) = (pages, names.filter_map(longest_word).collect());
        Ok(shop)
    }

    /// By id, all that the shop accepted.
    pub(super) fn accepted(&self) -> BTreeMap<String, Accepted> {
        let accepted = self.accepted.lock().unwrap_or_else(PoisonError::into_inner);
        accepted.clone()
    }

    /// Pieces in stock, by SKU.
    pub(super) async fn stock(&self) -> anyhow::Result<BTreeMap<String, i64>> {
        let (_, products) = self.catalogue().await?;
        let level = |one: &Value| Some((one["sku"].as_str()?.to_owned(), one["available"].as_i64()?));
        let stock = products.iter().map(level).collect::<Option<_>>();
        stock.context("a product without stock")
    }

    /// The paths of all pages of the catalogue, and all products.
    async fn catalogue(&self) -> anyhow::Result<(Vec<String>, Vec<Value>)> {
        let first = "/api/products?limit=24";
        let (mut pages, mut products) = (Vec::new(), Vec::new());
        let mut next = Some(first.to_owned());
        while let Some(page) = next.take() {
            let mut answer = self.read(&page).await?;
            let cursor = answer["next_cursor"].as_str();
            next = cursor.map(|cursor| format!("{first}&cursor={cursor}"));
            products.append(answer["items"].as_array_mut().context("no items")?);
            pages.push(page);
        }
        ensure!(!products.is_empty(), "the shop sells nothing");
        Ok((pages, products))
    }

    /// The JSON at a path of the shop or an address.
    pub(super) async fn read(&self, place: &str) -> anyhow::Result<Value> {
        let answer = self.shopper.call(Method::GET, place, &[], None).await;
        answer.map_err(|Refused(why)| anyhow::Error::msg(format!("{place}: {why}")))
    }

    /// Makes a visit that is due at an instant, which may be past, and records its requests.
    pub(super) async fn visit(&self, visit: Visit, due: Instant, record: &Record) {
        let number = self.visits.fetch_add(1, Ordering::Relaxed);
        let order = &self.orders[number % self.orders.len()];
        let (kind, path, body) = match visit {
            Visit::Order => return self.order(record, number, due).await,
            Visit::Page => (
                "page of products",
                self.pages[number % self.pages.len()].clone(),
                None,
            ),
            Visit::Search => {
                let word = &self.words[number % self.words.len()];
                ("search", format!("/api/products?limit=24&q={word}"), None)
            }
            Visit::Product => {
                // As often as it was ordered.
                let line = number / self.orders.len() % order.lines.len().max(1);
                let sku = order.lines.get(line).map_or("", |line| &line.sku);
                ("product", format!("/api/products/{sku}"), None)
            }
            Visit::Quote => ("quote", "/api/quote".to_owned(), Some(order.quote())),
        };
        let _free = self.free.acquire().await;
        let method = if body.is_some() { Method::POST } else { Method::GET };
        let answer = self.shopper.call(method, &path, &[], body.as_ref()).await;
        record.ended(kind, due, answer);
    }

    /// Places an order, pays it, and looks at its status.
    async fn order(&self, record: &Record, number: usize, due: Instant) {
        let index = number % self.orders.len();
        let order = PastOrder {
            order: number.to_string(),
            ..self.orders[index].clone()
        };
        let mut late = due.elapsed();
        let visit = self.shopper.visit(&order).await;
        for (step, took) in &visit.steps {
            record.answered(step, *took + std::mem::take(&mut late));
        }
        if let Some(why) = visit.refused {
            record.failed(STEPS[visit.steps.len()], &why);
        }
        if let Some(id) = visit.placed {
            let paid = visit.receipt.is_some();
            let mut accepted = self.accepted.lock().unwrap_or_else(PoisonError::into_inner);
            accepted.insert(id, Accepted { order: index, paid });
        }
        let Some(receipt) = visit.receipt else { return };
        for after in LOOKS {
            sleep(after.saturating_sub(receipt.paid_at.elapsed())).await;
            let seen = self.shopper.look_after(&receipt).await;
            record.ended("order", receipt.paid_at + after, seen);
        }
    }
}

/// The longest word of a name that needs no encoding, in lower case.
fn longest_word(name: &str) -> Option<String> {
    let words = name.split(|letter: char| !letter.is_ascii_alphanumeric());
    let longest = words.max_by_key(|word| word.len())?;
    (longest.len() > 2).then(|| longest.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_is_a_word_of_a_name() {
        let word = longest_word("SET/6 RED SPOTTY PAPER CUPS");
        assert_eq!(word.as_deref(), Some("spotty"));
        assert_eq!(longest_word("A&B"), None);
    }
}
