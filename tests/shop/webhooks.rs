//! Messages that claim to be the payment provider's.

use jiff::Timestamp;
use kontor_tests::webhooks::{message, paid, signature};
use kontor_tests::{Placed, Shopper, running};
use serde_json::json;

#[tokio::test]
async fn a_forged_stale_or_altered_message_changes_nothing() {
    let shopper = Shopper::default();
    let placed = shopper.place("webhooks-forged", "22423", 1).await;
    let body = paid(&placed.id, placed.total());
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
        (good.clone(), body.replace(&placed.total().to_string(), "1")),
        (good.clone(), format!("{body} ")),
    ] {
        let refused = shopper.notify(&signature, &body).await;
        refused.assert_problem(400, "invalid_signature");
    }
    let shown = shopper.show(&placed.id, &placed.token).await;
    assert_eq!(shown.body["status"], "placed");
}

#[tokio::test]
async fn a_genuine_message_is_applied_once_however_often_it_comes() {
    let shopper = Shopper::default();
    let placed = shopper.place("webhooks-twice", "22423", 1).await;
    let body = paid(&placed.id, placed.total());
    let signature = signature(&running().webhook_secret, Timestamp::now().as_second(), &body);
    for _ in 0..3 {
        assert_eq!(shopper.notify(&signature, &body).await.status, 200);
    }
    let Placed { id, token, .. } = placed;
    let shown = shopper.wait_for("forwarded", &id, &token).await;
    let history = shown["history"].as_array().expect("a history").iter();
    assert_eq!(history.filter(|entry| entry["event"] == "paid").count(), 1);
}

#[tokio::test]
async fn a_genuine_message_with_another_amount_does_not_pay() {
    let shopper = Shopper::default();
    let Placed { id, token, .. } = shopper.place("webhooks-amount", "22423", 1).await;
    let heard = shopper
        .notify_signed(&running().webhook_secret, &paid(&id, 1))
        .await;
    assert_eq!(heard.status, 200);
    assert_eq!(shopper.show(&id, &token).await.body["status"], "placed");
}

#[tokio::test]
async fn a_genuine_message_of_another_shop_is_heard_and_left_alone() {
    let body = message("customer.created", &json!({}));
    let shopper = Shopper::default();
    let heard = shopper.notify_signed(&running().webhook_secret, &body).await;
    assert_eq!(heard.status, 200);
}
