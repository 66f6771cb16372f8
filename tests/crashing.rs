//! Functions that die in the middle of their work. A world of its own: nobody else is to notice.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use kontor_tests::{Shopper, a_checkout, items, running};
use reqwest::Method;
use serde_json::json;
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
                let text = |value: &serde_json::Value| value.as_str().expect("a text").to_owned();
                return (
                    text(&answer.body["order"]["id"]),
                    text(&answer.body["access_token"]),
                );
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

#[tokio::test(flavor = "multi_thread")]
async fn killing_any_function_in_the_middle_loses_and_doubles_nothing() {
    static OVER: AtomicBool = AtomicBool::new(false);
    let shopper = Shopper::default();
    let cart = items(&[("20727", 1)]);
    let before = shopper.get("/api/products/20727").await.body["available"]
        .as_u64()
        .expect("a number");
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
        shoppers.spawn(insist(shopper.clone(), format!("crashing-{n}"), body.clone()));
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
        assert!(shopper.deliveries(id).await >= 1);
    }
    let after = shopper
        .quote(&items(&[("20727", i64::try_from(before - 40).expect("small"))]))
        .await;
    assert_eq!(after.status, 200, "exactly 40 pieces are gone: {after:?}");
    let more = shopper
        .quote(&items(&[("20727", i64::try_from(before - 39).expect("small"))]))
        .await;
    more.assert_problem(422, "items_unavailable");
}
