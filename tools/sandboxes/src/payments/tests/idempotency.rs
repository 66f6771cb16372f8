//! What a repeated call under the same idempotency key is answered.

use super::*;

#[tokio::test]
async fn a_repeated_key_gets_its_answer_or_an_error_if_changed() {
    let world = world().await;
    let first = world.open("A").await;
    world.settle(&first, "paid").await;
    assert_eq!(world.open("A").await, first);
    let (status, _, error) = world
        .post("/v1/checkout/sessions", Some("A"), &[("mode", "payment")])
        .await;
    assert_eq!(
        (status, &error["error"]["type"]),
        (400, &json!("idempotency_error"))
    );
    let intent = world
        .get(&format!(
            "/v1/checkout/sessions/{}",
            first["id"].as_str().unwrap()
        ))
        .await["payment_intent"]
        .clone();
    let form = [("payment_intent", intent.as_str().unwrap()), ("amount", "2598")];
    let (status, replayed, refund) = world.post("/v1/refunds", Some("r"), &form).await;
    assert_eq!((status, replayed), (200, false), "{refund}");
    assert_eq!(
        world.post("/v1/refunds", Some("r"), &form).await,
        (200, true, refund.clone())
    );
    let (status, replayed, spent) = world.post("/v1/refunds", Some("s"), &form).await;
    assert_eq!(
        (status, replayed, &spent["error"]["code"]),
        (400, false, &json!("charge_already_refunded"))
    );
    assert_eq!(
        world.post("/v1/refunds", Some("s"), &form).await,
        (400, true, spent)
    );
    let listed = world
        .get(&format!("/v1/refunds?payment_intent={}", form[0].1))
        .await;
    assert_eq!(
        (&listed["data"], &listed["has_more"]),
        (&json!([refund]), &json!(false))
    );
    let charges = world
        .sandbox(reqwest::Method::GET, "charges", Value::Null)
        .await
        .1;
    assert_eq!(
        (
            &charges["charges"][0]["amount"],
            &charges["charges"][0]["refunded"]
        ),
        (&json!(2598), &json!(2598))
    );
}

#[tokio::test]
async fn parameters_that_cannot_be_read_leave_the_key_free() {
    let world = world().await;
    let (status, _, error) = world
        .post("/v1/checkout/sessions", Some("A"), &[("mode", "payment")])
        .await;
    assert_eq!(
        (status, &error["error"]["code"]),
        (400, &json!("parameter_missing"))
    );
    world.open("A").await;
}

#[tokio::test]
async fn a_failure_is_kept_under_its_key_for_a_day() {
    let world = world().await;
    world.put(json!({ "error_rate": 1 })).await;
    assert_eq!(world.create("A", &[]).await.0, 500);
    world.put(json!({ "error_rate": 0 })).await;
    let (status, replayed, error) = world.create("A", &[]).await;
    assert_eq!((status, replayed), (500, true), "{error}");
    assert_eq!(world.sessions().await, 0);
    assert_eq!(world.create("B", &[]).await.0, 200);
}

#[tokio::test]
async fn a_kept_failure_may_have_had_its_effect() {
    let world = world().await;
    world.put(json!({ "errors_after_effect": 1 })).await;
    assert_eq!(world.create("A", &[]).await.0, 500);
    world.put(json!({ "errors_after_effect": 0 })).await;
    assert_eq!(world.create("A", &[]).await.0, 500);
    assert_eq!(world.sessions().await, 1);
}

#[tokio::test]
async fn what_fails_before_the_work_is_not_kept() {
    let world = world().await;
    world.put(json!({ "rate_limited": 1 })).await;
    let (status, _, error) = world.create("A", &[]).await;
    assert_eq!((status, &error["error"]["code"]), (429, &json!("rate_limit")));
    world.put(json!({ "rate_limited": 0 })).await;
    let (status, _, error) = world.create("A", &[("customer_email", "a..b@example.org")]).await;
    let told = (&error["error"]["code"], &error["error"]["param"]);
    assert_eq!(
        (status, told),
        (400, (&json!("email_invalid"), &json!("customer_email")))
    );
    assert_eq!(
        world
            .create("A", &[("customer_email", "a.b@example.org")])
            .await
            .0,
        200
    );
}

#[tokio::test]
async fn a_second_call_under_a_key_in_use_is_refused() {
    let world = world().await;
    world.put(json!({ "latency_ms": 500 })).await;
    let second = async {
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        world.create("A", &[]).await
    };
    let ((first, ..), (status, _, error)) = tokio::join!(world.create("A", &[]), second);
    assert_eq!((first, status), (200, 409));
    assert_eq!(error["error"]["code"], "idempotency_key_in_use");
    assert_eq!(world.create("A", &[]).await.0, 200);
    assert_eq!(world.sessions().await, 1);
}
