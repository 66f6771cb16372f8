//! What the API refuses, and how it fails when asked to.

use super::*;

#[tokio::test]
async fn a_wrong_key_gets_nowhere() {
    let world = world().await;
    let url = format!("{}/v1/events", world.payments.url());
    assert_eq!(world.http.get(&url).send().await.unwrap().status(), 401);
    assert_eq!(
        world
            .http
            .get(&url)
            .bearer_auth("sk_test_other")
            .send()
            .await
            .unwrap()
            .status(),
        401
    );
    assert_eq!(
        world
            .http
            .get(&url)
            .basic_auth("sk_test_key", None::<&str>)
            .send()
            .await
            .unwrap()
            .status(),
        200
    );
}

#[tokio::test]
async fn the_api_fails_as_asked_for_and_a_lost_answer_took_effect() {
    let world = world().await;
    let put = reqwest::Method::PUT;
    world
        .sandbox(put.clone(), "faults", json!({ "error_rate": 1 }))
        .await;
    let (status, _, error) = world.create("failed", &[]).await;
    assert_eq!((status, &error["error"]["type"]), (500, &json!("api_error")));
    world
        .sandbox(put.clone(), "faults", json!({ "error_rate": 0 }))
        .await;
    let session = world.open("A").await;
    world
        .sandbox(put.clone(), "faults", json!({ "lose_answers": 1 }))
        .await;
    let url = format!(
        "{}/v1/checkout/sessions/{}/expire",
        world.payments.url(),
        session["id"].as_str().unwrap()
    );
    world
        .http
        .post(url)
        .bearer_auth("sk_test_key")
        .send()
        .await
        .unwrap_err();
    world.sandbox(put, "faults", json!({ "lose_answers": 0 })).await;
    assert_eq!(world.open("A").await, session);
    let now = world.get("/v1/checkout/sessions?status=expired").await;
    assert_eq!(now["data"][0]["id"], session["id"]);
}

#[tokio::test]
async fn the_api_is_slow_and_refuses_refunds_when_asked_to() {
    let world = world().await;
    let faults = json!({ "latency_ms": 50, "refuse_refunds": true });
    world.sandbox(reqwest::Method::PUT, "faults", faults).await;
    let begun = std::time::Instant::now();
    let refund = [("payment_intent", "pi_1")];
    let (status, _, error) = world.post("/v1/refunds", Some("A"), &refund).await;
    assert_eq!(
        (status, &error["error"]["code"]),
        (400, &json!("charge_disputed"))
    );
    assert!(begun.elapsed() >= std::time::Duration::from_millis(50));
}

#[tokio::test]
async fn what_the_provider_does_not_know_is_refused_everywhere() {
    let world = world().await;
    for (name, value, code) in [
        ("line_items[0][price_data][currncy]", "eur", "parameter_unknown"),
        ("payment_intent_data[metdata][a]", "1", "parameter_unknown"),
        ("locale", "xx", ""),
        ("allowed_payment_method_types[0]", "cash", ""),
        ("expand[0]", "payments", ""),
    ] {
        let (status, _, error) = world.create("A", &[(name, value)]).await;
        let told = error["error"]["code"].as_str().unwrap_or_default();
        assert_eq!((status, told), (400, code), "{name}: {error}");
    }
    let (_, _, error) = world.post("/v1/refunds", None, &[("payment", "pi_1")]).await;
    assert_eq!(error["error"]["code"], "parameter_unknown");
    let session = world.open("A").await;
    let path = format!("/v1/checkout/sessions/{}", session["id"].as_str().unwrap());
    let (_, _, error) = world.post(&format!("{path}/expire"), None, &[("now", "1")]).await;
    assert_eq!(error["error"]["code"], "parameter_unknown");
    for query in [
        "/v1/checkout/sessions?order=A".to_owned(),
        "/v1/refunds?expand[]=data.order".to_owned(),
        format!("{path}?expand[]=order"),
    ] {
        assert_eq!(
            world.get(&query).await["error"]["type"],
            "invalid_request_error",
            "{query}"
        );
    }
}

#[tokio::test]
async fn every_answer_names_its_request() {
    let world = world().await;
    let url = format!("{}/v1/events", world.payments.url());
    let named = async |key: &str| {
        let answer = world.http.get(&url).bearer_auth(key).send().await.unwrap();
        (
            answer.status().as_u16(),
            answer.headers().contains_key("request-id"),
        )
    };
    assert_eq!(named("sk_test_key").await, (200, true));
    assert_eq!(named("sk_other").await, (401, true));
    world.put(json!({ "error_rate": 1 })).await;
    assert_eq!(named("sk_test_key").await, (500, true));
    world.put(json!({ "rate_limited": 1 })).await;
    assert_eq!(named("sk_test_key").await, (429, true));
}
