//! Secrets that are rolled while the shop is open. A world of its own, because it changes what other tests use.

use std::collections::BTreeSet;
use std::time::Duration;

use kontor::world::World;
use kontor_tests::webhooks::message;
use kontor_tests::{Answer, Shopper, running_with};
use serde_json::json;

const NEW_WEBHOOK_SECRET: &str = "whsec_rolled_only_for_this_machine";

/// A world whose functions read their secret again after some seconds.
fn world() -> &'static World {
    running_with(&[("SecretMaxAge", "3")]).world()
}

/// The processes of the function that knows the secret.
fn processes() -> BTreeSet<u32> {
    world()
        .processes("payment-events")
        .into_iter()
        .map(|process| process.pid)
        .collect()
}

async fn hear(shopper: &Shopper, secret: &str) -> Answer {
    let body = message("customer.created", &json!({}));
    shopper.notify_signed(secret, &body).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rolled_secret_serves_at_once_without_a_restart() {
    world();
    let shopper = Shopper::default();
    assert_eq!(hear(&shopper, World::WEBHOOK_SECRET).await.status, 200);
    hear(&shopper, NEW_WEBHOOK_SECRET)
        .await
        .assert_problem(400, "invalid_signature");
    let before = processes();

    // What strangers try costs no more than one look each few seconds; the next one comes when this has passed.
    tokio::time::sleep(Duration::from_secs(4)).await;
    let both = format!("{NEW_WEBHOOK_SECRET},{}", World::WEBHOOK_SECRET);
    world().roll_secret("stripe_webhook_secrets", &both);
    for secret in [NEW_WEBHOOK_SECRET, World::WEBHOOK_SECRET] {
        assert_eq!(hear(&shopper, secret).await.status, 200, "{secret}");
    }

    world().roll_secret("stripe_webhook_secrets", NEW_WEBHOOK_SECRET);
    tokio::time::sleep(Duration::from_secs(4)).await;
    // The first one after that time brings the refresh.
    hear(&shopper, NEW_WEBHOOK_SECRET).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    hear(&shopper, World::WEBHOOK_SECRET)
        .await
        .assert_problem(400, "invalid_signature");
    assert_eq!(hear(&shopper, NEW_WEBHOOK_SECRET).await.status, 200);
    assert!(processes().is_superset(&before), "no process was restarted");
}
