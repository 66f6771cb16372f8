//! Money that goes back: refunds by the shop and in the dashboard, disputes.

use super::*;

#[tokio::test]
async fn a_refund_is_told_of_and_a_pending_one_may_fail() {
    let mut world = world().await;
    world.put(json!({ "pending_refunds": true })).await;
    let intent = world.paid("A").await;
    world.webhook().await;
    let form = [("payment_intent", intent.as_str()), ("metadata[order_id]", "A")];
    let (_, _, refund) = world.post("/v1/refunds", Some("r"), &form).await;
    assert_eq!(refund["status"], "pending");
    let event = world.webhook().await;
    let charge = &event["data"]["object"];
    assert_eq!(
        (&event["type"], &charge["refunded"]),
        (&json!("charge.refunded"), &json!(true))
    );
    let path = format!("refunds/{}", refund["id"].as_str().unwrap());
    world
        .sandbox(reqwest::Method::POST, &path, json!({ "status": "failed" }))
        .await;
    let event = world.webhook().await;
    assert_eq!(
        (&event["type"], &event["data"]["object"]["status"]),
        (&json!("refund.failed"), &json!("failed"))
    );
}

#[tokio::test]
async fn the_dashboard_refunds_and_a_bank_disputes() {
    let mut world = world().await;
    let form = [("payment_intent_data[metadata][order_id]", "A")];
    let (_, _, session) = world.create("A", &form).await;
    let (_, paid) = world.settle(&session, "paid").await;
    let intent = paid["payment_intent"].as_str().unwrap();
    world.webhook().await;
    let whole = world.get(&format!("/v1/payment_intents/{intent}")).await;
    assert_eq!(whole["metadata"], json!({ "order_id": "A" }));
    let id = session["id"].as_str().unwrap();
    let path = format!("/v1/checkout/sessions/{id}?expand[]=payment_intent");
    assert_eq!(world.get(&path).await["payment_intent"], whole);
    let post = reqwest::Method::POST;
    let path = format!("charges/{intent}/refund");
    assert_eq!(
        world
            .sandbox(post.clone(), &path, json!({ "amount": 40 }))
            .await
            .0,
        200
    );
    let charge = world.webhook().await["data"]["object"].clone();
    assert_eq!(
        (&charge["amount_refunded"], &charge["refunded"]),
        (&json!(40), &json!(false))
    );
    assert_eq!(charge["metadata"], json!({ "order_id": "A" }));
    world
        .sandbox(post, &format!("charges/{intent}/dispute"), json!({}))
        .await;
    let event = world.webhook().await;
    assert_eq!(event["type"], "charge.dispute.created");
    assert_eq!(
        (
            &event["data"]["object"]["payment_intent"],
            &event["data"]["object"]["metadata"]
        ),
        (&json!(intent), &json!({}))
    );
    let (_, _, error) = world
        .post("/v1/refunds", None, &[("payment_intent", intent)])
        .await;
    assert_eq!(error["error"]["code"], "charge_disputed");
}
