//! Functions that die in the middle of their work, while the warehouse loses answers and webhooks come thrice and shuffled. A world of its
//! own, because it breaks what other tests use.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use kontor_tests::{Placed, RACE, Shopper, a_checkout, items, running};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;

/// Sends a checkout under one key until it is answered.
async fn insist(shopper: Shopper, key: String, body: String) -> (String, String) {
    let headers = [
        ("content-type", "application/json"),
        ("idempotency-key", key.as_str()),
    ];
    for _ in 0..200 {
        let answer = shopper
            .try_send(Method::POST, "/api/checkout", &headers, body.clone().into())
            .await;
        if let Ok(answer) = answer {
            if answer.status == 201 {
                let Placed { id, token, .. } = answer.placed();
                return (id, token);
            }
            assert!(
                answer.status.is_server_error() || answer.status == 429,
                "{answer:?}"
            );
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{key} was never answered");
}

/// What the queue does with the message of a killed function when its visibility timeout of three minutes is over.
async fn receive_again(id: &str) {
    let record = json!({
        "messageId": id, "receiptHandle": id, "eventSource": "aws:sqs", "body": json!({"order_id": id}).to_string(),
        "attributes": {"ApproximateReceiveCount": "2"},
    });
    let event = json!({"Records": [record]}).to_string();
    running()
        .world()
        .invoke("order-forwarder", event.into())
        .await
        .expect("an answer");
}

/// The orders that the warehouse has, as often as it has them.
async fn orders_in_the_warehouse(shopper: &Shopper) -> Vec<String> {
    let url = format!("{}/sandbox/orders", running().warehouse_url);
    let answer = shopper.get(&url).await;
    let id = |order: &Value| order["order_id"].as_str().expect("an id").to_owned();
    let mut ids: Vec<String> = answer.list("orders").iter().map(id).collect();
    ids.sort();
    ids
}

#[tokio::test(flavor = "multi_thread")]
async fn crashes_and_repeated_webhooks_lose_and_double_nothing() {
    static OVER: AtomicBool = AtomicBool::new(false);
    let shopper = Shopper::default();
    shopper.warehouse_faults(json!({"lose_answers": 0.3})).await;
    let thrice = json!({"duplicate_webhooks": 2, "shuffle_webhooks": true});
    shopper.payment_faults(thrice).await;
    let cart = items(&[(RACE, 1)]);
    let body = a_checkout(&cart, &shopper.quote(&cart).await.body["total"]).to_string();

    let killer = tokio::spawn(async {
        let functions = [
            "checkout",
            "payment",
            "payment-events",
            "order-forwarder",
            "order-status",
        ];
        for function in functions.iter().cycle() {
            if OVER.load(Ordering::Relaxed) {
                return;
            }
            running().kill(function);
            tokio::time::sleep(Duration::from_millis(40)).await;
        }
    });
    let mut shoppers = JoinSet::new();
    for n in 0..40 {
        shoppers.spawn(insist(shopper.clone(), format!("crashing-{n:016}"), body.clone()));
    }
    let orders = shoppers.join_all().await;
    let mut paying = JoinSet::new();
    for (id, token) in orders.clone() {
        let shopper = shopper.clone();
        paying.spawn(async move {
            for _ in 0..200 {
                let page = shopper.start_payment(&id, &token).await;
                if let Some(url) = page.body["redirect_url"].as_str() {
                    shopper.on_the_page(url, "paid").await;
                    return;
                }
                assert!(page.status.is_server_error() || page.status == 429, "{page:?}");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            panic!("{id} was never payable");
        });
    }
    paying.join_all().await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    OVER.store(true, Ordering::Relaxed);
    killer.await.expect("the killer ends");

    tokio::time::sleep(Duration::from_secs(8)).await;
    for (id, token) in &orders {
        if shopper.show(id, token).await.body["status"] == "paid" {
            receive_again(id).await;
        }
        shopper.wait_for("forwarded", id, token).await;
    }
    let mut paid: Vec<String> = orders.into_iter().map(|(id, _)| id).collect();
    paid.sort();
    assert_eq!(orders_in_the_warehouse(&shopper).await, paid);
    assert_eq!(shopper.left(RACE).await, 100_000 - 40);
}
