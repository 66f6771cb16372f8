//! The warehouse as the shop and the tests meet it.

use serde_json::{Value, json};

use super::order::a_body;
use super::*;

struct Client {
    _warehouse: Warehouse,
    http: reqwest::Client,
    base: String,
}

impl Client {
    async fn new(latency: Duration, rate_per_s: u32) -> Client {
        let config = WarehouseConfig {
            port: 0,
            latency,
            rate_per_s,
            token: "secret".into(),
            data: None,
        };
        let warehouse = Warehouse::start(config).await.unwrap();
        let base = warehouse.url();
        Client {
            _warehouse: warehouse,
            http: sam_runner::engines::http_client().unwrap(),
            base,
        }
    }

    async fn put(&self, id: &str, order: &Value) -> reqwest::Result<(u16, Value)> {
        let request = self
            .http
            .put(format!("{}/orders/{id}", self.base))
            .bearer_auth("secret")
            .json(order);
        let response = request.send().await?;
        Ok((response.status().as_u16(), response.json().await?))
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        let response = self
            .http
            .get(format!("{}{path}", self.base))
            .bearer_auth("secret")
            .send()
            .await
            .unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    async fn faults(&self, change: Value) -> (u16, Value) {
        let request = self
            .http
            .put(format!("{}/sandbox/faults", self.base))
            .json(&change);
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }
}

fn order(quantity: u32) -> Value {
    a_body("A", "85123A", quantity)
}

#[tokio::test]
async fn an_order_is_taken_once_whatever_comes_again() {
    let client = Client::new(Duration::ZERO, 0).await;
    let number = json!({ "erp_number": "K0000001" });
    assert_eq!(client.get("/orders/A").await.0, 404);
    assert_eq!(client.put("A", &order(1)).await.unwrap(), (201, number.clone()));
    assert_eq!(client.put("A", &order(1)).await.unwrap(), (200, number.clone()));
    assert_eq!(client.put("A", &order(2)).await.unwrap(), (409, number.clone()));
    assert_eq!(client.get("/orders/A").await, (200, number));
    assert_eq!(
        client.put("B", &a_body("B", "85123A", 1)).await.unwrap().1["erp_number"],
        "K0000002"
    );
    let expected = json!({ "order_id": "A", "erp_number": "K0000001", "deliveries": 2, "conflicts": 1,
        "lines": order(1)["lines"] });
    assert_eq!(client.get("/sandbox/orders").await.1["orders"][0], expected);
}

#[tokio::test]
async fn an_article_that_is_not_sold_is_rejected_as_documented() {
    let client = Client::new(Duration::ZERO, 0).await;
    client.faults(json!({ "reject_skus": ["85123A"] })).await;
    let rejected =
        json!({ "order_id": "A", "outcome": "rejected", "reason": "article 85123A cannot be ordered" });
    assert_eq!(client.put("A", &order(1)).await.unwrap(), (422, rejected));
    assert_eq!(client.get("/sandbox/orders").await.1, json!({ "orders": [] }));
}

#[tokio::test]
async fn an_order_that_makes_no_sense_is_not_rejected_for_good() {
    let client = Client::new(Duration::ZERO, 0).await;
    let mut order = order(1);
    order["lines"] = json!([]);
    let answer = client.put("A", &order).await.unwrap();
    assert_eq!(answer, (400, json!({ "error": "lines is empty" })));
}

#[tokio::test]
async fn a_number_is_written_as_the_fault_says() {
    let client = Client::new(Duration::ZERO, 0).await;
    for (numbers, body) in [
        ("plain", "{\"erp_number\":\"K0000001\"}"),
        ("bom", "\u{feff}{\"erp_number\":\"K0000001\"}"),
        ("number", "{\"erp_number\": 1}"),
        ("padded", "{\"erp_number\":\"    K0000001  \"}"),
        ("missing", "{\"status\":\"ok\"}"),
    ] {
        client.faults(json!({ "numbers": numbers })).await;
        let request = client.http.put(format!("{}/orders/A", client.base));
        let answer = request
            .bearer_auth("secret")
            .json(&order(1))
            .send()
            .await
            .unwrap();
        let bytes = answer.bytes().await.unwrap();
        assert_eq!(std::str::from_utf8(&bytes), Ok(body));
    }
}

#[tokio::test]
async fn a_proxy_answers_for_the_warehouse_with_a_page() {
    let client = Client::new(Duration::ZERO, 0).await;
    client.faults(json!({ "proxy_status": 407 })).await;
    let request = client.http.put(format!("{}/orders/A", client.base));
    let answer = request
        .bearer_auth("secret")
        .json(&order(1))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 407);
    assert_eq!(answer.headers()["content-type"], "text/html; charset=utf-8");
    client.faults(json!({ "proxy_status": 0 })).await;
    assert_eq!(client.get("/orders/A").await.0, 404, "it took nothing");
}

#[tokio::test]
async fn a_wrong_token_gets_nowhere() {
    let client = Client::new(Duration::ZERO, 0).await;
    for token in ["", "secre", "secret2"] {
        let request = client
            .http
            .put(format!("{}/orders/A", client.base))
            .bearer_auth(token)
            .json(&order(1));
        assert_eq!(request.send().await.unwrap().status(), 401);
    }
}

#[tokio::test]
async fn too_many_calls_are_told_when_to_come_again() {
    let client = Client::new(Duration::ZERO, 2).await;
    for _ in 0..2 {
        assert_eq!(client.get("/orders/A").await.0, 404);
    }
    let request = client
        .http
        .get(format!("{}/orders/A", client.base))
        .bearer_auth("secret");
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 429);
    assert_eq!(response.headers()["retry-after"], "1");
}

#[tokio::test]
async fn down_is_down_in_two_ways_and_takes_nothing() {
    let client = Client::new(Duration::ZERO, 0).await;
    client.faults(json!({ "down": true })).await;
    let (mut broken, mut refused) = (0, 0);
    for _ in 0..40 {
        match client.put("A", &order(1)).await {
            Ok((503, _)) => refused += 1,
            Err(_) => broken += 1,
            other => panic!("{other:?}"),
        }
    }
    assert!(broken > 0 && refused > 0, "{broken} {refused}");
    client.faults(json!({ "down": false })).await;
    assert_eq!(client.put("A", &order(1)).await.unwrap().0, 201);
}

#[tokio::test]
async fn an_error_takes_no_effect_and_a_lost_answer_does() {
    let client = Client::new(Duration::ZERO, 0).await;
    client.faults(json!({ "error_rate": 1.0 })).await;
    assert_eq!(client.put("A", &order(1)).await.unwrap().0, 500);
    assert_eq!(client.get("/orders/A").await.0, 404);
    client
        .faults(json!({ "error_rate": 0.0, "lose_answers": 1 }))
        .await;
    let answer = client.put("A", &order(1)).await;
    assert!(matches!(answer, Err(_) | Ok((504, _))), "{answer:?}");
    assert_eq!(client.get("/orders/A").await.0, 200);
}

#[tokio::test]
async fn faults_change_one_by_one_and_nonsense_changes_nothing() {
    let client = Client::new(Duration::from_millis(500), 10).await;
    let (status, faults) = client.faults(json!({ "latency_ms": 5, "seed": 1 })).await;
    let expected = json!({ "down": false, "latency_ms": 5, "error_rate": 0.0, "lose_answers": 0.0,
        "rate_per_s": 10, "reject_skus": [], "numbers": "plain", "proxy_status": 0 });
    assert_eq!((status, &faults), (200, &expected));
    for nonsense in [
        json!({ "error_rate": 1.5 }),
        json!({ "latency": 5 }),
        json!({ "down": "yes" }),
        json!({ "numbers": "roman" }),
        json!({ "proxy_status": 99 }),
        json!([]),
    ] {
        assert_eq!(client.faults(nonsense).await.0, 400);
    }
    assert_eq!(client.get("/sandbox/faults").await.1, expected);
}

#[tokio::test]
async fn an_order_takes_its_time_and_two_at_once_become_one() {
    let client = Client::new(Duration::from_millis(50), 0).await;
    let begun = std::time::Instant::now();
    let order = order(1);
    let (first, second) = tokio::join!(client.put("A", &order), client.put("A", &order));
    let mut statuses = [first.unwrap().0, second.unwrap().0];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 201]);
    assert!(begun.elapsed() >= Duration::from_millis(50));
}
