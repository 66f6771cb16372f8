//! One shopper: asks what a cart costs, orders, pays, and looks where the order is.

use std::time::{Duration, Instant};

use anyhow::Context;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::past_order::PastOrder;

/// The pause before the first repetition; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// How long an answer may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// What one shopper met.
#[derive(Clone, Debug, Default)]
pub struct Visit {
    /// How long each step took, as far as it got: quote, checkout, payment page.
    pub steps: Vec<(&'static str, Duration)>,
    /// The id of the order, once it was placed.
    pub placed: Option<String>,
    /// Of a paid order.
    pub receipt: Option<Receipt>,
    /// Why the visit ended before the payment.
    pub refused: Option<String>,
}

/// A paid order.
#[derive(Clone, Debug)]
pub struct Receipt {
    order_id: String,
    access_token: String,
    /// When the payment was confirmed.
    pub paid_at: Instant,
}

/// Where a paid order is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Not in the warehouse yet.
    Underway,
    /// In the warehouse, or beyond.
    Forwarded,
    /// In this state, from which it never gets there.
    Lost(String),
}

/// Why a step went no further: the problem's code, or what the network said.
#[derive(Debug)]
pub struct Refused(pub String);

/// Sends shoppers to one shop.
pub struct Shopper {
    client: reqwest::Client,
    shop: String,
    /// How often a request is sent whose outcome is not known: with the same key, so that it has one effect.
    tries: u32,
    /// Distinguishes this run's idempotency keys from those of other runs.
    run: String,
}

impl Shopper {
    /// A shopper at the shop of that address, which must answer.
    ///
    /// # Errors
    /// Where none answers.
    pub async fn at(shop: &str, tries: u32) -> anyhow::Result<Self> {
        let shop = shop.trim_end_matches('/').to_owned();
        let client = sam_runner::engines::http_client()?;
        let mut pause = FIRST_PAUSE;
        for tries_left in (0..tries).rev() {
            let answer = client
                .get(format!("{shop}/api/products?limit=1"))
                .timeout(REQUEST_TIMEOUT)
                .send()
                .await;
            match answer.and_then(reqwest::Response::error_for_status) {
                Ok(_) => break,
                // A shop that answers, but not now.
                Err(error) if error.status().is_some_and(may_be_later) && tries_left > 0 => {}
                Err(error) => {
                    return Err(error)
                        .with_context(|| format!("no shop answers at {shop}; start one with `cargo run`"));
                }
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
        Ok(Self {
            client,
            shop,
            tries,
            run: format!("{:016x}", fastrand::u64(..)),
        })
    }

    /// A whole visit, as far as the payment.
    pub async fn visit(&self, order: &PastOrder) -> Visit {
        let mut visit = Visit::default();
        if let Err(Refused(why)) = self.buy(order, &mut visit).await {
            visit.refused = Some(why);
        }
        visit
    }

    async fn buy(&self, order: &PastOrder, visit: &mut Visit) -> Result<(), Refused> {
        let wish = order.quote();
        let quote = self.call(Method::POST, "/api/quote", &[], Some(&wish));
        let quote = visit.timed("quote", quote).await?;

        let key = format!("replay-{}-{}", self.run, order.order);
        let (key, wish) = ([("idempotency-key", &*key)], order.checkout(&quote["total"]));
        let placed = self.call(Method::POST, "/api/checkout", &key, Some(&wish));
        let placed = visit.timed("checkout", placed).await?;
        let (order_id, access_token) = (text(&placed["order"]["id"])?, text(&placed["access_token"])?);
        visit.placed = Some(order_id.clone());

        let bearer = format!("Bearer {access_token}");
        let (path, bearer) = (
            format!("/api/orders/{order_id}/payment"),
            [("authorization", &*bearer)],
        );
        let page = self.call(Method::POST, &path, &bearer, None);
        let page = visit.timed("payment page", page).await?;
        self.pay(&text(&page["redirect_url"])?).await?;
        visit.receipt = Some(Receipt {
            order_id,
            access_token,
            paid_at: Instant::now(),
        });
        Ok(())
    }

    /// Pays on the sandbox's page. Paying again what is paid does no harm there.
    async fn pay(&self, redirect_url: &str) -> Result<(), Refused> {
        let page = pays_at(redirect_url)
            .ok_or_else(|| Refused("the payment page is not the sandbox's".to_owned()))?;
        let paid = json!({"outcome": "paid"});
        let paid = self.call(Method::POST, page.as_str(), &[], Some(&paid)).await;
        paid.map(drop)
            .map_err(|Refused(why)| Refused(format!("the payment sandbox: {why}")))
    }

    /// Looks where a paid order is.
    ///
    /// # Errors
    /// Where the shop does not say.
    pub async fn look_after(&self, receipt: &Receipt) -> Result<Fate, Refused> {
        let bearer = format!("Bearer {}", receipt.access_token);
        let path = format!("/api/orders/{}", receipt.order_id);
        let bearer = [("authorization", &*bearer)];
        let order = self.call(Method::GET, &path, &bearer, None).await?;
        Ok(match order["status"].as_str() {
            Some("forwarded" | "shipped" | "delivered") => Fate::Forwarded,
            Some(status @ ("rejected" | "cancelled" | "expired")) => Fate::Lost(status.to_owned()),
            _ => Fate::Underway,
        })
    }

    /// Calls the shop, or whatever the whole URL names, again and again while the outcome is not known; what it answers, or the code of
    /// its problem.
    ///
    /// # Errors
    /// Where it does not succeed.
    pub async fn call(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Result<Value, Refused> {
        let url = match path.strip_prefix('/') {
            Some(path) => format!("{}/{path}", self.shop),
            None => path.to_owned(),
        };
        let mut pause = FIRST_PAUSE;
        let mut refused = Refused(String::new());
        for _ in 0..self.tries {
            let request = self.client.request(method.clone(), &url);
            let mut request = request.timeout(REQUEST_TIMEOUT);
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            if let Some(body) = body {
                request = request.json(body);
            }
            refused = match request.send().await {
                Err(_) => Refused("no answer".to_owned()),
                Ok(answer) => {
                    let status = answer.status();
                    let body: Value = answer.json().await.unwrap_or_default();
                    if status.is_success() {
                        return Ok(body);
                    }
                    let code = body["code"].as_str().unwrap_or("no problem document");
                    let problem = Refused(format!("{} {code}", status.as_u16()));
                    if !may_be_repeated(status, code) {
                        return Err(problem);
                    }
                    problem
                }
            };
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
        Err(refused)
    }
}

/// Where `{"outcome": "paid"}` pays the page of the payment sandbox that the shop sent its shopper to: the last segment of its path names
/// the session. `None` where it is no such page.
fn pays_at(page: &str) -> Option<reqwest::Url> {
    let page = reqwest::Url::parse(page).ok()?;
    let session = page.path_segments()?.next_back()?;
    page.join(&format!("/sandbox/sessions/{session}/pay")).ok()
}

impl Visit {
    async fn timed(
        &mut self,
        step: &'static str,
        call: impl Future<Output = Result<Value, Refused>>,
    ) -> Result<Value, Refused> {
        let started = Instant::now();
        let answer = call.await?;
        self.steps.push((step, started.elapsed()));
        Ok(answer)
    }
}

/// Whether the same request may fare better later.
fn may_be_repeated(status: StatusCode, code: &str) -> bool {
    may_be_later(status) || code == "request_in_progress"
}

fn may_be_later(status: StatusCode) -> bool {
    status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS
}

fn text(value: &Value) -> Result<String, Refused> {
    value
        .as_str()
        .map(str::to_owned)
        .ok_or_else(|| Refused("an answer without what was promised".to_owned()))
}
