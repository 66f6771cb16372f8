//! Messages that claim to be the payment provider's.

use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use kontor_tests::{Answer, Shopper, items, running};
use reqwest::Method;
use serde_json::{Value, json};
use sha2::Sha256;

/// A message that pays an order, as the provider writes it.
fn paid(order: &Value, amount: i64) -> String {
    json!({
        "id": format!("evt_{}", fastrand::u64(..)), "object": "event", "type": "checkout.session.completed", "livemode": false,
        "created": Timestamp::now().as_second(),
        "data": {"object": {
            "id": "cs_forged", "object": "checkout.session", "status": "complete", "payment_status": "paid",
            "client_reference_id": order["id"], "metadata": {"order_id": order["id"], "attempt": "1"},
            "amount_total": amount, "currency": "eur", "payment_intent": format!("pi_{}", fastrand::u64(..)),
        }},
    })
    .to_string()
}

fn signature(secret: &str, at: i64, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any key");
    mac.update(format!("{at}.{body}").as_bytes());
    format!("t={at},v1={}", HEXLOWER.encode(&mac.finalize().into_bytes()))
}

async fn hear(shopper: &Shopper, signature: &str, body: &str) -> Answer {
    let headers = [
        ("content-type", "application/json"),
        ("stripe-signature", signature),
    ];
    shopper
        .send(Method::POST, "/api/webhooks/stripe", &headers, body.to_owned())
        .await
}

#[tokio::test]
async fn a_forged_stale_or_altered_message_changes_nothing() {
    let shopper = Shopper::default();
    let placed = shopper
        .order("webhooks-forged", &items(&[("22423", 1)]))
        .await
        .body;
    let (order, token) = (
        &placed["order"],
        placed["access_token"].as_str().expect("a token"),
    );
    let total = order["total"]["amount"].as_i64().expect("an amount");
    let body = paid(order, total);
    let secret = &running().webhook_secret;
    let now = Timestamp::now().as_second();
    let good = signature(secret, now, &body);
    for (signature, body) in [
        (String::new(), body.clone()),
        ("nonsense".to_owned(), body.clone()),
        (signature("another secret", now, &body), body.clone()),
        (signature(secret, now - 310, &body), body.clone()),
        (signature(secret, now + 310, &body), body.clone()),
        (good.replace("v1=", "v0="), body.clone()),
        (good.clone(), body.replace(&total.to_string(), "1")),
        (good.clone(), format!("{body} ")),
    ] {
        hear(&shopper, &signature, &body)
            .await
            .assert_problem(400, "invalid_signature");
    }
    let shown = shopper.show(order["id"].as_str().expect("an id"), token).await;
    assert_eq!(shown.body["status"], "placed");
}

#[tokio::test]
async fn a_genuine_message_is_applied_once_however_often_it_comes() {
    let shopper = Shopper::default();
    let placed = shopper
        .order("webhooks-twice", &items(&[("22423", 1)]))
        .await
        .body;
    let (order, token) = (
        &placed["order"],
        placed["access_token"].as_str().expect("a token"),
    );
    let body = paid(order, order["total"]["amount"].as_i64().expect("an amount"));
    let signature = signature(&running().webhook_secret, Timestamp::now().as_second(), &body);
    for _ in 0..3 {
        assert_eq!(hear(&shopper, &signature, &body).await.status, 200);
    }
    let id = order["id"].as_str().expect("an id");
    let shown = shopper.wait_for("forwarded", id, token).await;
    let paid = shown["history"]
        .as_array()
        .expect("a history")
        .iter()
        .filter(|entry| entry["event"] == "paid")
        .count();
    assert_eq!(paid, 1);
}

#[tokio::test]
async fn a_genuine_message_with_another_amount_does_not_pay() {
    let shopper = Shopper::default();
    let placed = shopper
        .order("webhooks-amount", &items(&[("22423", 1)]))
        .await
        .body;
    let (order, token) = (
        &placed["order"],
        placed["access_token"].as_str().expect("a token"),
    );
    let body = paid(order, 1);
    let signature = signature(&running().webhook_secret, Timestamp::now().as_second(), &body);
    assert_eq!(hear(&shopper, &signature, &body).await.status, 200);
    let shown = shopper.show(order["id"].as_str().expect("an id"), token).await;
    assert_eq!(shown.body["status"], "placed");
}

#[tokio::test]
async fn a_genuine_message_of_another_shop_is_heard_and_left_alone() {
    let body = json!({"id": "evt_1", "object": "event", "type": "customer.created", "data": {"object": {}}})
        .to_string();
    let signature = signature(&running().webhook_secret, Timestamp::now().as_second(), &body);
    assert_eq!(hear(&Shopper::default(), &signature, &body).await.status, 200);
}
