//! A replay through a shop that is none: it knows what a shopper may expect, and fails where a real one might.

use std::io::Write as _;
use std::sync::Mutex;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

use super::*;
use sam_runner::engines::server::{Server, listen};

/// What the shop has seen.
#[derive(Default)]
struct Shop {
    url: String,
    /// The idempotency keys of all checkouts, as they came.
    keys: Vec<String>,
    looks: usize,
}

type Shared = State<Arc<Mutex<Shop>>>;

async fn quote(Json(cart): Json<Value>) -> Response {
    match cart["items"][0]["sku"].as_str() {
        Some("UNKNOWN") => (
            StatusCode::UNPROCESSABLE_ENTITY,
            Json(json!({ "code": "items_unavailable" })),
        )
            .into_response(),
        _ => Json(json!({ "total": { "amount": 1999, "currency": "EUR" } })).into_response(),
    }
}

async fn checkout(State(shop): Shared, headers: HeaderMap, Json(wish): Json<Value>) -> Response {
    let mut shop = shop.lock().unwrap();
    let key = headers["idempotency-key"].to_str().unwrap().to_owned();
    let is_first = !shop.keys.contains(&key);
    shop.keys.push(key);
    assert_eq!(wish["expected_total"]["amount"], 1999);
    let sku = wish["items"][0]["sku"].as_str().unwrap();
    if sku == "SOLD-OUT" {
        return (StatusCode::CONFLICT, Json(json!({ "code": "sold_out" }))).into_response();
    }
    if is_first {
        return (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ "code": "busy" }))).into_response();
    }
    (
        StatusCode::CREATED,
        Json(json!({ "order": { "id": sku }, "access_token": "secret" })),
    )
        .into_response()
}

async fn payment(State(shop): Shared, Path(id): Path<String>, headers: HeaderMap) -> Json<Value> {
    assert_eq!(headers["authorization"], "Bearer secret");
    let url = &shop.lock().unwrap().url;
    Json(json!({ "redirect_url": format!("{url}/pay/cs_test_{id}") }))
}

async fn pay(Path(session): Path<String>, Json(body): Json<Value>) -> Json<Value> {
    assert!(session.starts_with("cs_test_"));
    assert_eq!(body, json!({ "outcome": "paid" }));
    Json(json!({}))
}

async fn order(State(shop): Shared, Path(id): Path<String>) -> Json<Value> {
    let mut shop = shop.lock().unwrap();
    shop.looks += 1;
    let status = match id.as_str() {
        "REJECTED" => "rejected",
        _ if shop.looks > 3 => "forwarded",
        _ => "paid",
    };
    Json(json!({ "status": status }))
}

async fn shop() -> (Server, Arc<Mutex<Shop>>) {
    let shop = Arc::new(Mutex::new(Shop::default()));
    let router = Router::new()
        .route("/api/products", get(|| async { "{}" }))
        .route("/api/quote", post(quote))
        .route("/api/checkout", post(checkout))
        .route("/api/orders/{id}/payment", post(payment))
        .route("/api/orders/{id}", get(order))
        .route("/sandbox/sessions/{id}/pay", post(pay))
        .with_state(Arc::clone(&shop));
    let server = Server::start(listen("a shop", 0).await.unwrap(), router).unwrap();
    shop.lock().unwrap().url = format!("http://{}", server.address());
    (server, shop)
}

fn orders(skus: &[&str]) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    for (number, sku) in skus.iter().enumerate() {
        let order = json!({ "order": number.to_string(), "placed_at": "2010-12-01T08:26:00Z", "customer": "17850",
            "country": "DE", "lines": [{ "sku": sku, "quantity": 6, "unit_price": 255 }] });
        writeln!(file, "{order}").unwrap();
    }
    file
}

async fn replayed(orders: &tempfile::NamedTempFile, rate: Option<f64>, shop: &str) -> anyhow::Result<Report> {
    let (orders, shop) = (orders.path().to_owned(), shop.to_owned());
    replay(&ReplayArgs { orders, rate, shop }).await
}

#[tokio::test]
async fn orders_are_placed_paid_and_followed_refusals_counted() {
    let (server, shop) = shop().await;
    let file = orders(&["A", "B", "UNKNOWN", "SOLD-OUT", "C", "REJECTED"]);
    let shop_url = format!("http://{}/", server.address());
    let report = replayed(&file, Some(1000.0), &shop_url).await.unwrap();
    assert_eq!(
        (report.orders, report.placed, report.paid, report.forwarded),
        (6, 4, 4, 3),
        "{report}"
    );
    let refused = ["409 sold_out", "422 items_unavailable", "paid, then rejected"];
    let refused = refused.map(|why| (why.to_owned(), 1));
    assert_eq!(report.refused, refused.into());
    assert!(!report.is_complete());
    let mut keys = shop.lock().unwrap().keys.clone();
    assert_eq!(
        keys.len(),
        9,
        "four orders twice, as the first answer was not theirs, and one refused"
    );
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 5);
    assert!(report.to_string().contains("paid to forwarded"));
}

#[tokio::test]
async fn nothing_is_placed_if_a_line_of_the_file_is_bad() {
    let (server, shop) = shop().await;
    let mut file = orders(&["A", "B"]);
    writeln!(file, "{{\"order\": 7}}").unwrap();
    let shop_url = format!("http://{}", server.address());
    let refused = replayed(&file, None, &shop_url).await;
    let error = refused.unwrap_err().to_string();
    assert!(error.ends_with("line 3: not an order"), "{error}");
    assert!(shop.lock().unwrap().keys.is_empty());
}

#[tokio::test]
async fn a_shop_that_is_not_there_is_named() {
    let file = orders(&["A"]);
    let refused = replayed(&file, None, "http://127.0.0.1:9").await;
    let error = refused.unwrap_err().to_string();
    assert_eq!(
        error,
        "no shop answers at http://127.0.0.1:9; start one with `cargo run`"
    );
}
