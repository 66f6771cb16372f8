//! Secrets that are rolled while the shop is open. A world of its own, because it changes what other tests use.

use std::collections::BTreeSet;
use std::time::Duration;

use app::AccessKeys;
use domain::OrderId;
use kontor::world::World;
use kontor_tests::webhooks::message;
use kontor_tests::{Answer, Shopper, running_with};
use serde_json::json;

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

async fn hear(shopper: &Shopper, secret: &str) -> Answer {
    let body = message("customer.created", &json!({}));
    shopper.notify_signed(secret, &body).await
}

#[tokio::test(flavor = "multi_thread")]
async fn rolled_secrets_serve_at_once_without_a_restart() {
    world();
    let shopper = Shopper::default();
    let placed = shopper.place("rolling-before", "22423", 1).await;
    let (id, old_token) = (placed.id, placed.token);
    assert_eq!(shopper.show(&id, &old_token).await.status, 200);
    assert_eq!(hear(&shopper, World::WEBHOOK_SECRET).await.status, 200);
    hear(&shopper, NEW_WEBHOOK_SECRET)
        .await
        .assert_problem(400, "invalid_signature");
    let before = processes();

    // What strangers try costs no more than one look each few seconds; the next one comes when this has passed.
    tokio::time::sleep(Duration::from_secs(4)).await;
    let both = format!("{NEW_KEY},{}", World::ACCESS_TOKEN_KEY);
    world().roll_secret("access_token_keys", &both);
    let both = format!("{NEW_WEBHOOK_SECRET},{}", World::WEBHOOK_SECRET);
    world().roll_secret("stripe_webhook_secrets", &both);
    let order = OrderId::parse(&id).expect("an id");
    let new_token = keys(NEW_KEY).token(order);
    assert_ne!(new_token, old_token);
    for (token, when) in [(&new_token, "at once"), (&old_token, "as before")] {
        assert_eq!(shopper.show(&id, token).await.status, 200, "{when}");
    }
    for secret in [NEW_WEBHOOK_SECRET, World::WEBHOOK_SECRET] {
        assert_eq!(hear(&shopper, secret).await.status, 200, "{secret}");
    }

    let mut by_new_key = false;
    for n in 0..20 {
        let placed = shopper.place(&format!("rolling-after-{n}"), "22423", 1).await;
        let id = OrderId::parse(&placed.id).expect("an id");
        by_new_key = keys(NEW_KEY).admit(id, &placed.token);
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
