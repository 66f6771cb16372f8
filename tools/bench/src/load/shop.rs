//! The shop as its shoppers call it over HTTP.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, ensure};
use kontor::replay::{self, PastOrder};
use reqwest::{Client, RequestBuilder};
use sam_runner::engines::http_client;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

use super::generator::Visit;
use super::record::Record;

/// A request has failed after so long, the wait for a free connection included.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Connections at most.
const CONNECTIONS: usize = 256;
/// When a shopper looks at the order's status, after paying it.
const LOOKS: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(3)];

/// The shop, what its shoppers know, and the orders that it accepted.
pub(super) struct Shop {
    url: String,
    client: Client,
    free: Semaphore,
    /// Placed again and again.
    pub(super) orders: Vec<PastOrder>,
    /// The addresses of the catalogue's pages.
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
        let mut shop = Self {
            url: by_address(url),
            client: http_client()?,
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

    /// The addresses of all pages of the catalogue, and all products.
    async fn catalogue(&self) -> anyhow::Result<(Vec<String>, Vec<Value>)> {
        let first = self.api("/products?limit=24");
        let (mut pages, mut products) = (Vec::new(), Vec::new());
        let mut next = Some(first.clone());
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

    /// The JSON at an address.
    pub(super) async fn read(&self, url: &str) -> anyhow::Result<Value> {
        let answer = self.send(self.client.get(url), Instant::now()).await;
        answer.map_err(anyhow::Error::msg).with_context(|| url.to_owned())
    }

    fn api(&self, path: &str) -> String {
        format!("{}/api{path}", self.url)
    }

    fn get(&self, path: &str) -> RequestBuilder {
        self.client.get(self.api(path))
    }

    fn post(&self, path: &str, body: &Value) -> RequestBuilder {
        self.client.post(self.api(path)).json(body)
    }

    /// The JSON of a 2xx, or why there is none.
    async fn send(&self, request: RequestBuilder, due: Instant) -> Result<Value, String> {
        let answer = timeout_at(due + TIMEOUT, async {
            let _free = self.free.acquire().await.map_err(|error| error.to_string())?;
            let answer = request.header("accept", "application/json").send().await;
            let answer = answer.map_err(|error| format!("{error:?}"))?;
            let (status, body) = (answer.status(), answer.bytes().await);
            Ok::<_, String>((status, body.map_err(|error| format!("{error:?}"))?))
        });
        let timed_out = |_| format!("no answer in {} s", TIMEOUT.as_secs());
        let (status, body) = answer.await.map_err(timed_out)??;
        let body: Value = serde_json::from_slice(&body).unwrap_or_default();
        if status.is_success() {
            return Ok(body);
        }
        let code = body["code"].as_str().unwrap_or_default();
        Err(format!("{} {code}", status.as_u16()).trim_end().to_owned())
    }

    async fn step(
        &self,
        record: &Record,
        kind: &'static str,
        request: RequestBuilder,
        due: Instant,
    ) -> Option<Value> {
        let sent = self.send(request, due).await;
        sent.map_err(|why| record.failed(kind, &why))
            .inspect(|_| record.answered(kind, due.elapsed()))
            .ok()
    }

    /// Makes a visit that is due at an instant, which may be past, and records its requests.
    pub(super) async fn visit(&self, visit: Visit, due: Instant, record: &Record) {
        let number = self.visits.fetch_add(1, Ordering::Relaxed);
        let order = &self.orders[number % self.orders.len()];
        let (kind, request) = match visit {
            Visit::Order => {
                self.order(record, number, due).await;
                return;
            }
            Visit::Page => (
                "page of products",
                self.client.get(&self.pages[number % self.pages.len()]),
            ),
            Visit::Search => {
                let word = &self.words[number % self.words.len()];
                ("search", self.get(&format!("/products?limit=24&q={word}")))
            }
            Visit::Product => {
                // As often as it was ordered.
                let line = number / self.orders.len() % order.lines.len().max(1);
                let sku = order.lines.get(line).map_or("", |line| &line.sku);
                ("product", self.get(&format!("/products/{sku}")))
            }
            Visit::Quote => ("quote", self.post("/quote", &order.quote())),
        };
        self.step(record, kind, request, due).await;
    }

    /// Places an order, pays it, and looks at its status.
    async fn order(&self, record: &Record, number: usize, due: Instant) -> Option<()> {
        let index = number % self.orders.len();
        let order = &self.orders[index];
        let quote = self.post("/quote", &order.quote());
        let quote = self.step(record, "quote", quote, due).await?;

        let checkout = self.post("/checkout", &order.checkout(&quote["total"]));
        let checkout = checkout.header("idempotency-key", format!("load-{number:016}"));
        let placed = self.step(record, "checkout", checkout, Instant::now()).await?;
        let (id, token) = (placed["order"]["id"].as_str()?, placed["access_token"].as_str()?);
        self.remember(id, index, false);

        let payment = self.post(&format!("/orders/{id}/payment"), &json!({}));
        let payment = payment.bearer_auth(token);
        let page = self.step(record, "payment", payment, Instant::now()).await?;
        let pay = by_address(replay::pays_at(page["redirect_url"].as_str()?)?.as_str());
        let pay = self.client.post(&pay).json(&json!({"outcome": "paid"}));
        let paid = self.send(pay, Instant::now()).await;
        paid.map_err(|why| record.failed("payment page", &why)).ok()?;
        self.remember(id, index, true);

        let paid_at = Instant::now();
        for after in LOOKS {
            tokio::time::sleep_until(paid_at + after).await;
            let look = self.get(&format!("/orders/{id}")).bearer_auth(token);
            self.step(record, "order", look, paid_at + after).await?;
        }
        Some(())
    }

    fn remember(&self, id: &str, order: usize, paid: bool) {
        let mut accepted = self.accepted.lock().unwrap_or_else(PoisonError::into_inner);
        accepted.insert(id.to_owned(), Accepted { order, paid });
    }
}

/// Saves looking up the name for each connection.
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
        let word = longest_word("SET/6 RED SPOTTY PAPER CUPS");
        assert_eq!(word.as_deref(), Some("spotty"));
        assert_eq!(longest_word("A&B"), None);
    }
}
