//! A shop that also takes direct debits, which confirm later. A world of its own, because other tests pay by card.

use kontor_tests::{Placed, Shopper, running_with};
use reqwest::StatusCode;
use serde_json::Value;

const SKU: &str = "22423";

fn shopper() -> Shopper {
    running_with(&[("PaymentMethods", "card,sepa_debit")]);
    Shopper::default()
}

/// A shopper chooses the direct debit on the payment page, and what becomes of it.
async fn debit(page: &str, end: &str) {
    let browser = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
    let browser = browser.build().expect("a browser");
    let shown = browser.get(page).send().await.expect("the page");
    let form = format!("/debit/{end}");
    assert!(
        shown.text().await.expect("text").contains(&form),
        "it is not offered"
    );
    let sent = browser
        .post(format!("{page}{form}"))
        .send()
        .await
        .expect("an answer");
    assert_eq!(sent.status(), StatusCode::SEE_OTHER);
}

/// An order whose direct debit is on its way.
async fn on_its_way(shopper: &Shopper, key: &str, end: &str) -> Placed {
    let placed = shopper.place(key, SKU, 3).await;
    let page = shopper.open_page(&placed.id, &placed.token).await;
    debit(&page, end).await;
    let order = shopper
        .wait_for("payment_pending", &placed.id, &placed.token)
        .await;
    assert_eq!(order["expires_at"], Value::Null);
    placed
}

fn events(order: &Value) -> Vec<&str> {
    let entries = order["history"].as_array().expect("a history").iter();
    entries.filter_map(|entry| entry["event"].as_str()).collect()
}

#[tokio::test]
async fn an_order_paid_by_debit_is_sent_when_the_money_arrives() {
    let shopper = shopper();
    let Placed { id, token, .. } = on_its_way(&shopper, "debit-arrives", "arrives").await;
    assert_eq!(shopper.deliveries(&id).await, 0);
    let again = shopper.start_payment(&id, &token).await;
    again.assert_problem(409, "order_not_payable");
    assert_eq!(again.body["order_status"], "payment_pending");
    let order = shopper.wait_for("forwarded", &id, &token).await;
    let way = [
        "placed",
        "payment_started",
        "payment_pending",
        "paid",
        "forwarded",
    ];
    assert_eq!(events(&order), way);
    // Events are doubled beside this test: the order may be sent again, under its own name.
    assert!(shopper.deliveries(&id).await >= 1);
}

#[tokio::test]
async fn a_debit_that_is_returned_cancels_its_order() {
    let shopper = shopper();
    let Placed { id, token, .. } = on_its_way(&shopper, "debit-fails", "fails").await;
    let order = shopper.wait_for("cancelled", &id, &token).await;
    let way = [
        "placed",
        "payment_started",
        "payment_pending",
        "payment_failed",
        "cancelled",
    ];
    assert_eq!(events(&order), way);
    assert_eq!(
        (&order["refunded"], shopper.deliveries(&id).await),
        (&Value::Null, 0)
    );
}

#[tokio::test]
async fn events_of_a_debit_may_be_doubled_and_reordered() {
    let shopper = shopper();
    let faults = |duplicates: u8, shuffle: bool| serde_json::json!({ "duplicate_webhooks": duplicates, "shuffle_webhooks": shuffle });
    shopper.payment_faults(faults(3, true)).await;
    let placed = on_its_way(&shopper, "debit-shuffled", "arrives").await;
    shopper.wait_for("forwarded", &placed.id, &placed.token).await;
    shopper.payment_faults(faults(0, false)).await;
    assert!(shopper.deliveries(&placed.id).await >= 1);
}

#[tokio::test]
async fn a_card_still_pays_at_once() {
    let shopper = shopper();
    let placed = shopper.place("debit-not-chosen", SKU, 1).await;
    let page = shopper.open_page(&placed.id, &placed.token).await;
    shopper.on_the_page(&page, "paid").await;
    let order = shopper.wait_for("forwarded", &placed.id, &placed.token).await;
    assert!(!events(&order).contains(&"payment_pending"));
}
