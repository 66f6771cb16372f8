//! The sandbox as the shop, its shoppers and its tests meet it.

use axum::body::Bytes;
use axum::http::HeaderMap;
use axum::routing::post;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::sync::mpsc;

use super::*;

mod idempotency;
mod refunds;
mod refusals;
mod sessions;
mod webhooks;

const NOTHING: &[(&str, &str)] = &[];
/// A session that the sandbox opens.
const SESSION: [(&str, &str); 6] = [
    ("mode", "payment"),
    ("success_url", "http://localhost:3000/#/order/A"),
    ("line_items[0][quantity]", "1"),
    ("line_items[0][price_data][currency]", "eur"),
    ("line_items[0][price_data][unit_amount]", "100"),
    ("line_items[0][price_data][product_data][name]", "Tea"),
];

/// A sandbox, and the shop that receives its webhooks.
struct World {
    payments: Payments,
    http: reqwest::Client,
    webhooks: mpsc::UnboundedReceiver<(String, Bytes)>,
    /// How many webhooks the shop refuses before it takes one.
    refusals: Arc<Mutex<u32>>,
    _shop: Server,
}

async fn world() -> World {
    let (send, webhooks) = mpsc::unbounded_channel();
    let refusals = Arc::new(Mutex::new(0));
    let hear = {
        let refusals = refusals.clone();
        move |headers: HeaderMap, body: Bytes| async move {
            let mut left = refusals.lock().unwrap();
            if *left > 0 {
                *left -= 1;
                return axum::http::StatusCode::SERVICE_UNAVAILABLE;
            }
            send.send((headers["stripe-signature"].to_str().unwrap().to_owned(), body))
                .unwrap();
            axum::http::StatusCode::OK
        }
    };
    let shop = Server::start(
        listen("the shop", 0).await.unwrap(),
        Router::new().route("/hook", post(hear)),
    )
    .unwrap();
    let payments = Payments::start(PaymentsConfig {
        port: 0,
        webhook_url: format!("http://{}/hook", shop.address()),
        webhook_secret: "whsec_test".into(),
        api_key: "sk_test_key".into(),
    });
    let payments = payments.await.unwrap();
    World {
        payments,
        http: sam_runner::engines::http_client().unwrap(),
        webhooks,
        refusals,
        _shop: shop,
    }
}

impl World {
    async fn post(&self, path: &str, key: Option<&str>, form: &[(&str, &str)]) -> (u16, bool, Value) {
        let mut request = self
            .http
            .post(format!("{}{path}", self.payments.url()))
            .bearer_auth("sk_test_key");
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(form)
            .finish();
        let response = request
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body)
            .send()
            .await
            .unwrap();
        let replayed = response.headers().contains_key("idempotent-replayed");
        (
            response.status().as_u16(),
            replayed,
            response.json().await.unwrap(),
        )
    }

    async fn get(&self, path: &str) -> Value {
        let request = self
            .http
            .get(format!("{}{path}", self.payments.url()))
            .bearer_auth("sk_test_key");
        request.send().await.unwrap().json().await.unwrap()
    }

    async fn open(&self, order: &str) -> Value {
        let form = [
            ("mode", "payment"),
            ("client_reference_id", order),
            ("metadata[order_id]", order),
            (
                "success_url",
                "http://localhost:3000/#/order/A?paid=1&s={CHECKOUT_SESSION_ID}",
            ),
            ("cancel_url", "http://localhost:3000/#/order/A?left=1"),
            ("line_items[0][quantity]", "2"),
            ("line_items[0][price_data][currency]", "eur"),
            ("line_items[0][price_data][unit_amount]", "1299"),
            (
                "line_items[0][price_data][product_data][name]",
                "Tea <light> holder",
            ),
        ];
        let (status, _, session) = self.post("/v1/checkout/sessions", Some(order), &form).await;
        assert_eq!(status, 200, "{session}");
        session
    }

    async fn sandbox(&self, method: reqwest::Method, path: &str, body: Value) -> (u16, Value) {
        let request = self
            .http
            .request(method, format!("{}/sandbox/{path}", self.payments.url()))
            .json(&body);
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    async fn settle(&self, session: &Value, outcome: &str) -> (u16, Value) {
        let path = format!("sessions/{}/pay", session["id"].as_str().unwrap());
        self.sandbox(reqwest::Method::POST, &path, json!({ "outcome": outcome }))
            .await
    }

    async fn webhook(&mut self) -> Value {
        let (signature, body) = self.webhooks.recv().await.unwrap();
        let (time, sum) = signature.strip_prefix("t=").unwrap().split_once(",v1=").unwrap();
        let mut mac = Hmac::<Sha256>::new_from_slice(b"whsec_test").unwrap();
        mac.update(time.as_bytes());
        mac.update(b".");
        mac.update(&body);
        mac.verify_slice(&data_encoding::HEXLOWER.decode(sum.as_bytes()).unwrap())
            .unwrap();
        serde_json::from_slice(&body).unwrap()
    }

    async fn put(&self, faults: Value) {
        let (status, answer) = self.sandbox(reqwest::Method::PUT, "faults", faults).await;
        assert_eq!(status, 200, "{answer}");
    }

    async fn sessions(&self) -> usize {
        self.get("/v1/checkout/sessions").await["data"]
            .as_array()
            .unwrap()
            .len()
    }

    async fn create(&self, key: &str, more: &[(&str, &str)]) -> (u16, bool, Value) {
        let form = [&SESSION[..], more].concat();
        self.post("/v1/checkout/sessions", Some(key), &form).await
    }

    /// A paid session's payment intent.
    async fn paid(&self, order: &str) -> String {
        let session = self.open(order).await;
        let (_, paid) = self.settle(&session, "paid").await;
        paid["payment_intent"].as_str().unwrap().to_owned()
    }
}
