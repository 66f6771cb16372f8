//! A shopper, honest or hostile.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::running;

/// What was answered.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: reqwest::header::HeaderMap,
    /// The body, null where it is no JSON.
    pub body: Value,
    /// The body as it came.
    pub text: String,
}

impl Answer {
    /// The problem's code, empty where there is none.
    pub fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    /// A header's text, empty where there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }

    /// The order that was placed.
    ///
    /// # Panics
    /// Where none was.
    pub fn placed(&self) -> Placed {
        assert_eq!(self.status, 201, "{self:?}");
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        Placed {
            id: text(&self.body["order"]["id"]),
            token: text(&self.body["access_token"]),
            order: self.body["order"].clone(),
        }
    }

    /// The list under this name in the body.
    ///
    /// # Panics
    /// Where there is none.
    pub fn list(&self, name: &str) -> &[Value] {
        self.body[name].as_array().expect("a list")
    }

    /// Asserts that this is a problem document of that status and code.
    ///
    /// # Panics
    /// Where it is not.
    pub fn assert_problem(&self, status: u16, code: &str) {
        assert_eq!((self.status.as_u16(), self.code()), (status, code), "{self:?}");
        assert!(
            self.header("content-type")
                .starts_with("application/problem+json"),
            "{self:?}"
        );
        for member in ["type", "title", "detail", "request_id"] {
            assert!(self.body[member].is_string(), "{member} is missing: {self:?}");
        }
        assert_eq!(self.body["status"], status);
    }
}

/// A placed order.
#[derive(Clone, Debug)]
pub struct Placed {
    /// Its id.
    pub id: String,
    /// What its owner shows.
    pub token: String,
    /// The order as it was answered.
    pub order: Value,
}

impl Placed {
    /// What it costs, in cents.
    ///
    /// # Panics
    /// Where the answer does not say.
    pub fn total(&self) -> i64 {
        self.order["total"]["amount"].as_i64().expect("an amount")
    }
}

/// Talks to the shop, the payment sandbox and the warehouse.
#[derive(Clone, Debug)]
pub struct Shopper {
    client: reqwest::Client,
}

impl Default for Shopper {
    fn default() -> Self {
        rustls::crypto::ring::default_provider().install_default().ok();
        let client = reqwest::Client::builder()
            .timeout(Duration::from_mins(1))
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .expect("a client");
        Self { client }
    }
}

impl Shopper {
    /// Sends a request; `path` is the shop's unless it is a whole URL.
    ///
    /// # Panics
    /// Where nothing is answered.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Vec<u8>>,
    ) -> Answer {
        self.try_send(method, path, headers, body.into())
            .await
            .expect("an answer")
    }

    /// Sends a request, and perhaps gets no answer.
    ///
    /// # Errors
    /// What the network said.
    pub async fn try_send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Result<Answer, reqwest::Error> {
        let url = if path.starts_with('/') {
            format!("{}{path}", running().shop_url)
        } else {
            path.to_owned()
        };
        let mut request = self.client.request(method, url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = request.body(body).send().await?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let text = answer.text().await?;
        let body = serde_json::from_str(&text).unwrap_or_default();
        Ok(Answer {
            status,
            headers,
            body,
            text,
        })
    }

    /// Reads.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &[], "").await
    }

    /// Sends JSON.
    pub async fn post(&self, path: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
        let headers = [&[("content-type", "application/json")], headers].concat();
        self.send(Method::POST, path, &headers, body.to_string()).await
    }

    /// What these items cost.
    pub async fn quote(&self, items: &Value) -> Answer {
        self.post("/api/quote", &[], &json!({"items": items, "ship_to": "DE"}))
            .await
    }

    /// The pieces left of a product of which there are fewer than a shopper may ask for. Of the shelf: a page may be some seconds old.
    pub async fn left(&self, sku: &str) -> i64 {
        let all = self.quote(&items(&[(sku, 100_000)])).await;
        all.assert_problem(422, "items_unavailable");
        all.body["errors"][0]["available"].as_i64().expect("a number")
    }

    /// Orders under a key, filled up to the fewest characters that the shop takes.
    pub async fn checkout(&self, key: &str, body: &Value) -> Answer {
        let key = format!("{key:_<16}");
        self.post("/api/checkout", &[("idempotency-key", &key)], body)
            .await
    }

    /// Asks what the items cost and orders them at that price; the answer to the order.
    pub async fn order(&self, key: &str, items: &Value) -> Answer {
        let quote = self.quote(items).await;
        self.checkout(key, &a_checkout(items, &quote.body["total"])).await
    }

    /// Places an order of `pieces` of one product.
    ///
    /// # Panics
    /// Where it is refused.
    pub async fn place(&self, key: &str, sku: &str, pieces: i64) -> Placed {
        self.order(key, &items(&[(sku, pieces)])).await.placed()
    }

    /// Shows an order to who holds the token.
    pub async fn show(&self, id: &str, token: &str) -> Answer {
        let path = format!("/api/orders/{id}");
        let bearer = format!("Bearer {token}");
        self.send(Method::GET, &path, &[("authorization", &bearer)], "")
            .await
    }

    /// Asks for the payment page.
    pub async fn start_payment(&self, id: &str, token: &str) -> Answer {
        let path = format!("/api/orders/{id}/payment");
        let bearer = format!("Bearer {token}");
        self.send(Method::POST, &path, &[("authorization", &bearer)], "")
            .await
    }

    /// Opens the payment page; its URL.
    ///
    /// # Panics
    /// Where there is none.
    pub async fn open_page(&self, id: &str, token: &str) -> String {
        let page = self.start_payment(id, token).await;
        assert_eq!(page.status, 200, "{page:?}");
        page.body["redirect_url"].as_str().expect("a page").to_owned()
    }

    /// Does something on the payment page: `paid`, `declined` or `expired`.
    ///
    /// # Panics
    /// Where the URL is no page's.
    pub async fn on_the_page(&self, redirect_url: &str, outcome: &str) -> Answer {
        let session = redirect_url.rsplit('/').next().expect("a path");
        let url = format!("{}/sandbox/sessions/{session}/pay", running().payments_url);
        self.post(&url, &[], &json!({"outcome": outcome})).await
    }

    /// Orders, pays, and returns the order's id and token.
    ///
    /// # Panics
    /// Where a step is refused.
    pub async fn buy(&self, key: &str, items: &Value) -> (String, String) {
        let Placed { id, token, .. } = self.order(key, items).await.placed();
        let page = self.open_page(&id, &token).await;
        let paid = self.on_the_page(&page, "paid").await;
        assert_eq!(paid.status, 200, "{paid:?}");
        (id, token)
    }

    /// Waits until the order has this status.
    ///
    /// # Panics
    /// After two minutes.
    pub async fn wait_for(&self, status: &str, id: &str, token: &str) -> Value {
        for _ in 0..1_200 {
            let order = self.show(id, token).await;
            if order.body["status"] == status {
                return order.body;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("{id} is not {status}: {:?}", self.show(id, token).await);
    }

    /// Makes the warehouse behave like this from now on.
    pub async fn warehouse_faults(&self, faults: Value) {
        self.set_faults(&running().warehouse_url, &faults).await;
    }

    /// Makes the payment provider behave like this from now on.
    pub async fn payment_faults(&self, faults: Value) {
        self.set_faults(&running().payments_url, &faults).await;
    }

    async fn set_faults(&self, sandbox: &str, faults: &Value) {
        let url = format!("{sandbox}/sandbox/faults");
        let headers = [("content-type", "application/json")];
        let answer = self.send(Method::PUT, &url, &headers, faults.to_string()).await;
        assert!(answer.status.is_success(), "{answer:?}");
    }

    /// How often the warehouse was sent an order; 0 where it does not have it.
    pub async fn deliveries(&self, id: &str) -> u64 {
        let url = format!("{}/sandbox/orders", running().warehouse_url);
        let orders = self.get(&url).await.body;
        let mine = orders["orders"]
            .as_array()
            .into_iter()
            .flatten()
            .find(|order| order["order_id"] == id);
        mine.and_then(|order| order["deliveries"].as_u64()).unwrap_or(0)
    }
}

/// A checkout of `items`, shipped to Berlin.
pub fn a_checkout(items: &Value, expected_total: &Value) -> Value {
    json!({
        "items": items,
        "customer": {"name": "Ada Lovelace", "email": "ada@example.org"},
        "shipping_address": {
            "name": "Ada Lovelace", "street": "Unter den Linden 1", "postal_code": "10117", "city": "Berlin", "country": "DE",
        },
        "expected_total": expected_total,
    })
}

/// Items of a cart.
pub fn items(wished: &[(&str, i64)]) -> Value {
    wished
        .iter()
        .map(|(sku, quantity)| json!({"sku": sku, "quantity": quantity}))
        .collect()
}
