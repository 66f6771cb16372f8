//! Secrets that are rolled while the shop is open. A world of its own, because it changes what other tests use.

use std::collections::BTreeSet;
use std::time::Duration;

use app::AccessKeys;
use data_encoding::HEXLOWER;
use domain::OrderId;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use kontor::world::World;
use kontor_tests::{Answer, Shopper, items, running_with};
use reqwest::Method;
use serde_json::json;
use sha2::Sha256;

const NEW_KEY: &str = "rolled-only-for-the-shop-on-this-machine";
const NEW_WEBHOOK_SECRET: &str = "whsec_rolled_only_for_this_machine";

/// A world whose functions read their secret again after some seconds.
fn world() -> &'static World {
    running_with(&[("SecretMaxAge", "3")]).world()
}

fn keys(text: &str) -> AccessKeys {
    AccessKeys::parse(text).expect("keys")
}

/// The processes of the functions that know the secret.
fn processes() -> BTreeSet<u32> {
    ["checkout", "order-status", "payment-events"]
        .into_iter()
        .flat_map(|function| world().processes(function))
        .map(|process| process.pid)
        .collect()
}

async fn place(shopper: &Shopper, key: &str) -> (String, String) {
    let placed = shopper.order(key, &items(&[("22423", 1)])).await;
    assert_eq!(placed.status, 201, "{placed:?}");
    let text = |value: &serde_json::Value| value.as_str().expect("a text").to_owned();
    (
        text(&placed.body["order"]["id"]),
        text(&placed.body["access_token"]),
    )
}

async fn hear(shopper: &Shopper, secret: &str) -> Answer {
    let body = json!({"id": "evt_1", "object": "event", "type": "customer.created", "data": {"object": {}}});
    let (at, body) = (Timestamp::now().as_second(), body.to_string());
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any key");
    let mac = mac.chain_update(format!("{at}.{body}")).finalize().into_bytes();
    let signature = format!("t={at},v1={}", HEXLOWER.encode(&mac));
    let headers = [
        ("content-type", "application/json"),
        ("stripe-signature", &signature),
    ];
    shopper
        .send(Method::POST, "/api/webhooks/stripe", &headers, body)
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn rolled_secrets_serve_at_once_without_a_restart() {
    world();
    let shopper = Shopper::default();
    let (id, old_token) = place(&shopper, "rolling-before").await;
    assert_eq!(shopper.show(&id, &old_token).await.status, 200);
    assert_eq!(hear(&shopper, World::WEBHOOK_SECRET).await.status, 200);
    hear(&shopper, NEW_WEBHOOK_SECRET)
        .await
        .assert_problem(400, "invalid_signature");
    let before = processes();

    // What strangers try costs no more than one look each few seconds; the next one comes when this has passed.
    tokio::time::sleep(Duration::from_secs(4)).await;
    world().roll_secret(
        "access_token_keys",
        &format!("{NEW_KEY},{}", World::ACCESS_TOKEN_KEY),
    );
    world().roll_secret(
        "stripe_webhook_secrets",
        &format!("{NEW_WEBHOOK_SECRET},{}", World::WEBHOOK_SECRET),
    );
    let order = OrderId::parse(&id).expect("an id");
    let new_token = keys(NEW_KEY).token(order);
    assert_ne!(new_token, old_token);
    for token in [&new_token, &old_token] {
        assert_eq!(
            shopper.show(&id, token).await.status,
            200,
            "new at once, old as before"
        );
    }
    for secret in [NEW_WEBHOOK_SECRET, World::WEBHOOK_SECRET] {
        assert_eq!(hear(&shopper, secret).await.status, 200, "{secret}");
    }

    let mut by_new_key = false;
    for n in 0..20 {
        let (id, token) = place(&shopper, &format!("rolling-after-{n}")).await;
        by_new_key = keys(NEW_KEY).admit(OrderId::parse(&id).expect("an id"), &token);
        if by_new_key {
            break;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    assert!(by_new_key, "new tokens are signed with the new key");

    world().roll_secret("access_token_keys", NEW_KEY);
    tokio::time::sleep(Duration::from_secs(4)).await;
    shopper.show(&id, &new_token).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    shopper
        .show(&id, &old_token)
        .await
        .assert_problem(404, "order_not_found");
    assert_eq!(shopper.show(&id, &new_token).await.status, 200);
    assert!(processes().is_superset(&before), "no process was restarted");
}
