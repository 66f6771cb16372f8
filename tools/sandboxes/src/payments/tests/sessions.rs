//! Sessions: made, listed, paid at once or later, declined, left.

use super::*;

#[tokio::test]
async fn sessions_are_found_listed_and_expired() {
    let world = world().await;
    let (first, second) = (world.open("A").await, world.open("B").await);
    let created = first["created"].as_i64().unwrap();
    let listed = world
        .get(&format!("/v1/checkout/sessions?created[gte]={created}&limit=1"))
        .await;
    assert_eq!((&listed["data"][0], &listed["has_more"]), (&second, &json!(true)));
    let after = second["id"].as_str().unwrap();
    let listed = world
        .get(&format!("/v1/checkout/sessions?starting_after={after}"))
        .await;
    assert_eq!(listed["data"], json!([first]));
    let path = format!("/v1/checkout/sessions/{after}/expire");
    let (status, _, expired) = world.post(&path, None, NOTHING).await;
    assert_eq!(
        (status, &expired["status"], &expired["url"]),
        (200, &json!("expired"), &Value::Null)
    );
    assert_eq!(world.post(&path, None, NOTHING).await.0, 400);
    let missing = world.get("/v1/checkout/sessions/cs_test_nobody").await;
    assert_eq!(missing["error"]["code"], "resource_missing");
    assert_eq!(
        world.get("/v1/customers").await["error"]["type"],
        "invalid_request_error"
    );
}

#[tokio::test]
async fn a_shopper_pays_declines_or_leaves_on_the_page() {
    let world = world().await;
    let session = world.open("A").await;
    let page = session["url"].as_str().unwrap();
    let read = |url: String, language: &'static str| {
        let request = world.http.get(url).header("accept-language", language);
        async { request.send().await.unwrap().text().await.unwrap() }
    };
    let english = read(page.into(), "en").await;
    for expected in [
        "€25.98",
        "Tea &lt;light&gt; holder",
        "Pay now",
        "Test mode",
        "lang=\"en\"",
        "order/A?left=1",
    ] {
        assert!(english.contains(expected), "{expected}: {english}");
    }
    assert!(read(page.into(), "de").await.contains("25,98\u{a0}€"));
    let act = |act: &str| {
        let request = world.http.post(format!("{page}/{act}"));
        async {
            let response = request.send().await.unwrap();
            assert_eq!(response.status(), 303);
            response.headers()["location"].to_str().unwrap().to_owned()
        }
    };
    let declined = act("decline").await;
    assert!(
        read(format!("{}{declined}", world.payments.url()), "en")
            .await
            .contains("The card was declined")
    );
    let id = session["id"].as_str().unwrap();
    assert_eq!(
        act("pay").await,
        format!("http://localhost:3000/#/order/A?paid=1&s={id}")
    );
    assert!(read(page.into(), "en").await.contains("This order is paid"));
    assert_eq!(act("decline").await, format!("/pay/{id}"));
    let nobody = world
        .http
        .get(format!("{}/pay/nobody", world.payments.url()))
        .send()
        .await
        .unwrap();
    assert_eq!(nobody.status(), 404);
}

#[tokio::test]
async fn who_pays_is_sent_back_when_the_shop_was_told() {
    let mut world = world().await;
    for refusals in [0, 1] {
        *world.refusals.lock().unwrap() = refusals;
        let session = world.open(&format!("A{refusals}")).await;
        let pay = format!("{}/pay", session["url"].as_str().unwrap());
        assert_eq!(world.http.post(pay).send().await.unwrap().status(), 303);
        // Who refuses is asked again; the shopper does not wait for that.
        assert_eq!(world.webhooks.try_recv().is_ok(), refusals == 0);
    }
}

#[tokio::test]
async fn a_test_settles_a_session_once() {
    let world = world().await;
    let session = world.open("A").await;
    assert_eq!(world.settle(&session, "declined").await.1["status"], "open");
    assert_eq!(world.settle(&session, "paid").await.1["status"], "complete");
    assert_eq!(world.settle(&session, "paid").await.0, 200);
    assert_eq!(world.settle(&session, "expired").await.0, 400);
    assert_eq!(world.settle(&session, "stolen").await.0, 400);
    assert_eq!(world.settle(&json!({ "id": "nobody" }), "paid").await.0, 404);
    let charges = world
        .sandbox(reqwest::Method::GET, "charges", Value::Null)
        .await
        .1;
    assert_eq!(charges["charges"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_list_may_miss_what_was_just_made() {
    let world = world().await;
    world.put(json!({ "list_delay_ms": 60_000 })).await;
    let session = world.open("A").await;
    assert_eq!(world.sessions().await, 0);
    let path = format!("/v1/checkout/sessions/{}", session["id"].as_str().unwrap());
    assert_eq!(world.get(&path).await["id"], session["id"]);
    world.put(json!({ "list_delay_ms": 0 })).await;
    assert_eq!(world.sessions().await, 1);
}

#[tokio::test]
async fn an_asynchronous_payment_arrives_later_or_not_at_all() {
    let mut world = world().await;
    for (order, end, kind, paid) in [
        ("A", "arrived", "checkout.session.async_payment_succeeded", "paid"),
        ("B", "failed", "checkout.session.async_payment_failed", "unpaid"),
    ] {
        let session = world.open(order).await;
        world.settle(&session, "processing").await;
        let event = world.webhook().await;
        let told = &event["data"]["object"];
        assert_eq!(event["type"], "checkout.session.completed");
        assert_eq!(
            (&told["status"], &told["payment_status"]),
            (&json!("complete"), &json!("unpaid"))
        );
        world.settle(&session, end).await;
        let event = world.webhook().await;
        assert_eq!(
            (&event["type"], &event["data"]["object"]["payment_status"]),
            (&json!(kind), &json!(paid))
        );
    }
}

#[tokio::test]
async fn a_direct_debit_is_offered_where_it_is_asked_for() {
    let mut world = world().await;
    let debit = [
        ("allowed_payment_method_types[0]", "card"),
        ("allowed_payment_method_types[1]", "sepa_debit"),
    ];
    let (_, _, session) = world.create("A", &debit).await;
    let page = session["url"].as_str().unwrap().to_owned();
    let shown = world.http.get(&page).send().await.unwrap().text().await.unwrap();
    assert!(shown.contains("/debit/arrives"), "{shown}");
    let paid = world.http.post(format!("{page}/debit/fails")).send().await;
    assert_eq!(paid.unwrap().status(), 303);
    assert_eq!(
        world.webhook().await["data"]["object"]["payment_status"],
        "unpaid"
    );
    let path = format!(
        "/v1/checkout/sessions/{}?expand[]=payment_intent",
        session["id"].as_str().unwrap()
    );
    assert_eq!(world.get(&path).await["payment_intent"]["status"], "processing");
    assert_eq!(
        world.webhook().await["type"],
        "checkout.session.async_payment_failed"
    );
    assert_eq!(
        world.get(&path).await["payment_intent"]["status"],
        "requires_payment_method"
    );

    let card = world.open("B").await;
    assert_eq!(card["payment_method_types"], json!(["card"]));
    let page = card["url"].as_str().unwrap();
    assert!(
        !world
            .http
            .get(page)
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap()
            .contains("debit")
    );
    world
        .http
        .post(format!("{page}/debit/arrives"))
        .send()
        .await
        .unwrap();
    let path = format!("/v1/checkout/sessions/{}", card["id"].as_str().unwrap());
    assert_eq!(world.get(&path).await["status"], "open");
}
