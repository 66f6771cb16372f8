//! Webhooks: signed, repeated, doubled, lost, and where they go.

use super::*;

#[tokio::test]
async fn a_paid_session_is_told_to_the_shop_signed() {
    let mut world = world().await;
    let session = world.open("A").await;
    let url = session["url"].as_str().unwrap();
    assert_eq!(url.rsplit('/').next(), session["id"].as_str());
    let (status, paid) = world.settle(&session, "paid").await;
    assert_eq!((status, &paid["payment_status"]), (200, &json!("paid")));
    let event = world.webhook().await;
    assert_eq!(
        (&event["object"], &event["type"]),
        (&json!("event"), &json!("checkout.session.completed"))
    );
    assert_eq!(event["data"]["object"], paid);
    assert_eq!(event["data"]["object"]["metadata"]["order_id"], "A");
    let listed = world.get("/v1/events?type=checkout.session.completed").await;
    assert_eq!(listed["data"][0], event);
    assert_eq!(
        world
            .get(&format!("/v1/events/{}", event["id"].as_str().unwrap()))
            .await,
        event
    );
}

#[tokio::test]
async fn a_webhook_comes_again_until_it_is_taken() {
    let mut world = world().await;
    *world.refusals.lock().unwrap() = 1;
    let session = world.open("A").await;
    world.settle(&session, "expired").await;
    assert_eq!(world.webhook().await["type"], "checkout.session.expired");
    assert_eq!(*world.refusals.lock().unwrap(), 0);
}

#[tokio::test]
async fn webhooks_are_doubled_and_lost_as_asked_for() {
    let mut world = world().await;
    let put = reqwest::Method::PUT;
    let (_, faults) = world
        .sandbox(
            put.clone(),
            "faults",
            json!({ "duplicate_webhooks": 2, "seed": 3 }),
        )
        .await;
    assert_eq!(
        (&faults["duplicate_webhooks"], &faults["drop_webhooks"]),
        (&json!(2), &json!(0.0))
    );
    let session = world.open("A").await;
    world.settle(&session, "paid").await;
    let first = world.webhook().await;
    assert_eq!(
        (world.webhook().await, world.webhook().await),
        (first.clone(), first)
    );
    world
        .sandbox(put.clone(), "faults", json!({ "drop_webhooks": 1 }))
        .await;
    let session = world.open("B").await;
    world.settle(&session, "paid").await;
    let change =
        json!({ "drop_webhooks": 0, "duplicate_webhooks": 0, "shuffle_webhooks": true, "delay_ms": 1 });
    world.sandbox(put.clone(), "faults", change).await;
    let session = world.open("C").await;
    world.settle(&session, "paid").await;
    assert_eq!(
        world.webhook().await["data"]["object"]["client_reference_id"],
        "C"
    );
    assert_eq!(world.get("/v1/events").await["data"].as_array().unwrap().len(), 3);
    for nonsense in [json!({ "drop_webhooks": 2 }), json!({ "drop": 1 }), json!(null)] {
        assert_eq!(world.sandbox(put.clone(), "faults", nonsense).await.0, 400);
    }
}

#[tokio::test]
async fn a_webhook_endpoint_is_made_found_and_changed() {
    let world = world().await;
    let form = [
        ("url", "https://shop.example/api/webhooks/stripe"),
        ("enabled_events[0]", "checkout.session.completed"),
        ("api_version", event::API_VERSION),
    ];
    let (status, _, made) = world.post("/v1/webhook_endpoints", None, &form).await;
    assert_eq!(status, 200, "{made}");
    assert!(made["secret"].as_str().unwrap().starts_with("whsec_"));
    let path = format!("/v1/webhook_endpoints/{}", made["id"].as_str().unwrap());
    let (_, _, changed) = world
        .post(&path, None, &[("enabled_events[0]", "*"), ("disabled", "true")])
        .await;
    assert_eq!(
        (&changed["enabled_events"], &changed["status"], &changed["secret"]),
        (&json!(["*"]), &json!("disabled"), &Value::Null)
    );
    assert_eq!(world.get("/v1/webhook_endpoints").await["data"], json!([changed]));
    assert_eq!(world.get(&path).await, changed);
    for (wrong, code) in [
        (&[("enabled_events[0]", "*")][..], Some("parameter_missing")),
        (&form[..1], Some("parameter_missing")),
        (
            &[("url", "shop"), ("enabled_events[0]", "*")],
            Some("url_invalid"),
        ),
        (&[("url", form[0].1), ("enabled_events[0]", "order.paid")], None),
        (
            &[
                ("url", form[0].1),
                ("enabled_events[0]", "*"),
                ("api_version", "1"),
            ],
            None,
        ),
        (
            &[("url", form[0].1), ("enabled_events[0]", "*"), ("secret", "x")],
            Some("parameter_unknown"),
        ),
    ] {
        let (status, _, error) = world.post("/v1/webhook_endpoints", None, wrong).await;
        assert_eq!(
            (status, error["error"]["code"].as_str()),
            (400, code),
            "{wrong:?}"
        );
    }
    let (_, _, error) = world
        .post(&path, None, &[("api_version", event::API_VERSION)])
        .await;
    assert_eq!(error["error"]["code"], "parameter_unknown", "it never changes");
    assert_eq!(
        world.post("/v1/webhook_endpoints/we_1", None, NOTHING).await.0,
        404
    );
}
