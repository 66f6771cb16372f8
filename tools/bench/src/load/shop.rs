//! Shoppers: what they ask the shop, one request after the other.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, ensure};
use kontor::replay::{self, PastOrder};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::client::{Call, Client};
use super::generator::Target;
use super::record::Record;
use super::schedule::Wish;

/// As the website asks.
const PAGE: usize = 24;
/// When a shopper looks where the order is, after paying it.
const LOOKS: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(3)];

/// The shop that is asked, and what its shoppers know.
pub(super) struct Shop {
    url: String,
    client: Client,
    orders: Vec<PastOrder>,
    /// The addresses of the catalogue's pages.
    pages: Vec<String>,
    /// Words of products' names.
    words: Vec<String>,
    visits: AtomicUsize,
    /// By the id: which of `orders` it is, and whether it was paid.
    accepted: Mutex<BTreeMap<String, Accepted>>,
}

/// An order that the shop accepted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Accepted {
    /// Its place among the orders.
    pub(super) order: usize,
    /// Whether its payment page said that it is paid.
    pub(super) paid: bool,
}

/// What is in stock, and how one gets to see it.
pub(super) struct Shelves {
    pages: Vec<String>,
    names: Vec<String>,
    /// Pieces of each SKU.
    pub(super) stock: BTreeMap<String, i64>,
}

impl Shop {
    /// A shop at this address, asked by at most so many connections for the orders of the file.
    pub(super) async fn at(url: &str, connections: usize, orders: &Path) -> anyhow::Result<Self> {
        let orders = replay::read(orders)?.collect::<anyhow::Result<Vec<_>>>()?;
        ensure!(!orders.is_empty(), "there is no order to place");
        let url = by_address(url);
        let shelves = Shelves::of(&Client::new(1), &url).await?;
        let words = shelves.names.iter().filter_map(|name| longest_word(name));
        Ok(Self {
            url,
            client: Client::new(connections),
            orders,
            words: words.collect(),
            pages: shelves.pages,
            visits: AtomicUsize::new(0),
            accepted: Mutex::default(),
        })
    }

    /// The orders that are placed, again and again.
    pub(super) fn orders(&self) -> &[PastOrder] {
        &self.orders
    }

    /// All that the shop accepted.
    pub(super) fn accepted(&self) -> BTreeMap<String, Accepted> {
        self.accepted
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// What is in stock now.
    pub(super) async fn shelves(&self) -> anyhow::Result<Shelves> {
        Shelves::of(&self.client, &self.url).await
    }

    async fn step(
        &self,
        record: &Record,
        kind: &'static str,
        call: Call<'_>,
        due: Instant,
    ) -> Option<bytes::Bytes> {
        match self.client.ask(call, due).await {
            Ok(body) => {
                record.answered(kind, due.elapsed());
                Some(body)
            }
            Err(why) => {
                record.failed(kind, why);
                None
            }
        }
    }

    /// A product, as often as it was ordered.
    fn a_product(&self, number: usize) -> Option<&str> {
        let order = &self.orders[number % self.orders.len()];
        let line = order
            .lines
            .get(number / self.orders.len() % order.lines.len().max(1))?;
        Some(&line.sku)
    }

    async fn order(&self, record: &Record, number: usize, due: Instant) -> Option<()> {
        let place = number % self.orders.len();
        let order = &self.orders[place];
        let api = |path: &str| format!("{}{path}", self.url);
        let json = |body: bytes::Bytes| serde_json::from_slice::<Value>(&body).ok();

        let quote = Call::post(api("/api/quote"), &order.quote());
        let quote = json(self.step(record, "quote", quote, due).await?)?;

        let key = format!("load-{number}");
        let headers = [("idempotency-key", key.as_str())];
        let checkout = Call::post(api("/api/checkout"), &order.checkout(&quote["total"])).with(&headers);
        let placed = json(self.step(record, "checkout", checkout, Instant::now()).await?)?;
        let id = placed["order"]["id"].as_str()?;
        self.remember(id, place, false);

        let bearer = format!("Bearer {}", placed["access_token"].as_str()?);
        let headers = [("authorization", bearer.as_str())];
        let payment = Call::post(api(&format!("/api/orders/{id}/payment")), &json!({})).with(&headers);
        let page = json(self.step(record, "payment", payment, Instant::now()).await?)?;

        let pay = replay::pays_at(page["redirect_url"].as_str()?)?;
        let pay = Call::post(by_address(pay.as_str()), &json!({"outcome": "paid"}));
        if let Err(why) = self.client.ask(pay, Instant::now()).await {
            record.failed("payment page", why);
            return None;
        }
        self.remember(id, place, true);

        let paid_at = Instant::now();
        for after in LOOKS {
            tokio::time::sleep_until(paid_at + after).await;
            let look = Call::get(api(&format!("/api/orders/{id}"))).with(&headers);
            self.step(record, "order", look, paid_at + after).await?;
        }
        Some(())
    }

    fn remember(&self, id: &str, order: usize, paid: bool) {
        let mut accepted = self.accepted.lock().unwrap_or_else(PoisonError::into_inner);
        accepted.insert(id.to_owned(), Accepted { order, paid });
    }
}

impl Target for Shop {
    async fn visit(&self, wish: Wish, due: Instant, record: &Record) {
        let number = self.visits.fetch_add(1, Ordering::Relaxed);
        let (kind, call) = match wish {
            Wish::Order => {
                self.order(record, number, due).await;
                return;
            }
            Wish::Page => (
                "page of products",
                Call::get(self.pages[number % self.pages.len()].clone()),
            ),
            Wish::Search => {
                let word = &self.words[number % self.words.len()];
                (
                    "search",
                    Call::get(format!("{}/api/products?limit={PAGE}&q={word}", self.url)),
                )
            }
            Wish::Product => {
                let Some(sku) = self.a_product(number) else { return };
                ("product", Call::get(format!("{}/api/products/{sku}", self.url)))
            }
            Wish::Quote => {
                let order = &self.orders[number % self.orders.len()];
                (
                    "quote",
                    Call::post(format!("{}/api/quote", self.url), &order.quote()),
                )
            }
        };
        self.step(record, kind, call, due).await;
    }
}

impl Shelves {
    /// Looks through the whole catalogue, page by page.
    async fn of(client: &Client, shop: &str) -> anyhow::Result<Self> {
        let first = format!("{shop}/api/products?limit={PAGE}");
        let mut shelves = Self {
            pages: Vec::new(),
            names: Vec::new(),
            stock: BTreeMap::new(),
        };
        let mut next = Some(first.clone());
        while let Some(page) = next.take() {
            let answer = client.ask(Call::get(page.clone()), Instant::now()).await;
            let answer = answer
                .map_err(anyhow::Error::msg)
                .with_context(|| format!("GET {page}"))?;
            let answer: Value = serde_json::from_slice(&answer)?;
            for product in answer["items"].as_array().into_iter().flatten() {
                let text = |name: &str| product[name].as_str().unwrap_or_default().to_owned();
                shelves.names.push(text("name"));
                let available = product["available"].as_i64().context("a product without stock")?;
                shelves.stock.insert(text("sku"), available);
            }
            next = answer["next_cursor"]
                .as_str()
                .map(|cursor| format!("{first}&cursor={cursor}"));
            shelves.pages.push(page);
        }
        ensure!(!shelves.stock.is_empty(), "the shop sells nothing");
        Ok(shelves)
    }
}

/// Nobody resolves a name for each connection.
fn by_address(url: &str) -> String {
    url.replacen("//localhost:", "//127.0.0.1:", 1)
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
        assert_eq!(
            longest_word("SET/6 RED SPOTTY PAPER CUPS").as_deref(),
            Some("spotty")
        );
        assert_eq!(longest_word("A&B"), None);
    }
}
