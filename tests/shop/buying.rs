//! What a shopper does.

use kontor_tests::{Answer, LATER, Placed, Shopper, a_checkout, catalogue, items, running};
use sam_runner::template::RouteMethod;
use serde_json::{Value, json};

#[tokio::test]
async fn a_purchase_reaches_the_warehouse_exactly_once() {
    let shopper = Shopper::default();
    let (id, token) = shopper
        .buy("buying-1", &items(&[("85123A", 6), ("71053", 6)]))
        .await;
    let order = shopper.wait_for("forwarded", &id, &token).await;
    let events: Vec<_> = order["history"]
        .as_array()
        .expect("a history")
        .iter()
        .map(|entry| &entry["event"])
        .collect();
    assert_eq!(events, ["placed", "payment_started", "paid", "forwarded"]);
    assert_eq!(shopper.deliveries(&id).await, 1);
}

#[tokio::test]
async fn the_catalogue_is_browsed_page_by_page_to_its_end() {
    let shopper = Shopper::default();
    let mut seen = Vec::new();
    let mut next = "/api/products?limit=100".to_owned();
    loop {
        let page = shopper.get(&next).await;
        assert_eq!(page.status, 200, "{page:?}");
        let items = page.list("items").iter();
        seen.extend(items.map(|item| item["sku"].as_str().expect("a SKU").to_owned()));
        match page.body["next_cursor"].as_str() {
            Some(cursor) => next = format!("/api/products?limit=100&cursor={cursor}"),
            None => break,
        }
    }
    let mut sorted = seen.clone();
    sorted.sort();
    sorted.dedup();
    let header = 1;
    assert_eq!((seen.len() + header, sorted), (catalogue().lines().count(), seen));
}

#[tokio::test]
async fn the_catalogue_answers_alike_at_its_own_url() {
    let world = running().world();
    let functions = &world.stack().functions;
    let catalog = functions.iter().find(|function| function.id == "CatalogFunction");
    let routes = &catalog.expect("the catalogue").routes;
    assert!(!routes.is_empty());
    for route in routes {
        let RouteMethod::Only(method) = &route.method else {
            panic!("{}: any method", route.path)
        };
        let path = route.path.replace("{sku}", "22423");
        let event = json!({
            "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": "limit=1",
            "requestContext": {"requestId": "1", "http": {"method": method, "path": path}},
        });
        let answer = world
            .invoke("catalog", event.to_string().into())
            .await
            .expect("an answer");
        let answer: Value = serde_json::from_slice(&answer).expect("JSON");
        assert_eq!(answer["statusCode"], 200, "{path}: {answer}");
        assert_eq!(answer["body"].is_null(), method == "HEAD", "{path}: {answer}");
    }
}

#[tokio::test]
async fn head_is_answered_as_get_without_a_body() {
    let shopper = Shopper::default();
    for path in [
        "/api/products?limit=2",
        "/api/products/22423",
        "/api/products/GHOST",
        "/api/openapi.yaml",
        "/api/health",
        "/api/orders/V26G6046TF72YR35E8216Q5C8M",
    ] {
        let got = shopper.get(path).await;
        let head = shopper.send(reqwest::Method::HEAD, path, &[], "").await;
        assert_eq!(head.status, got.status, "{path}");
        for name in ["content-type", "cache-control", "etag"] {
            let value = |answer: &Answer| answer.headers.get(name).cloned();
            assert_eq!(value(&head), value(&got), "{path} {name}");
        }
        assert_eq!(head.text, "", "{path}");
    }
}

#[tokio::test]
async fn a_search_finds_products_by_all_of_its_words() {
    let search = "/api/products?q=heart%20HOLDER&limit=100";
    let found = Shopper::default().get(search).await;
    assert!(!found.list("items").is_empty());
    for item in found.list("items") {
        let name = item["name"].to_string();
        assert!(name.contains("HEART") && name.contains("HOLDER"), "{name}");
    }
}

#[tokio::test]
async fn an_unchanged_answer_is_not_sent_again() {
    let shopper = Shopper::default();
    let first = shopper.get("/api/products/22423").await;
    assert_eq!(
        (first.status.as_u16(), &first.body["sku"]),
        (200, &json!("22423"))
    );
    let etag = first.header("etag").to_owned();
    let known = [("if-none-match", etag.as_str())];
    let again = shopper
        .send(reqwest::Method::GET, "/api/products/22423", &known, "")
        .await;
    assert_eq!((again.status.as_u16(), again.body.is_null()), (304, true));
}

#[tokio::test]
async fn the_shop_serves_the_description_of_its_interface() {
    let served = Shopper::default().get("/api/openapi.yaml").await;
    assert_eq!(served.header("content-type"), "application/yaml");
    assert_eq!(served.text, include_str!("../../openapi.yaml"));
}

#[tokio::test]
async fn the_shop_says_what_is_deployed() {
    let health = Shopper::default().get("/api/health").await;
    assert_eq!(
        (health.status.as_u16(), health.header("cache-control")),
        (200, "no-store")
    );
    assert_eq!(health.body["stage"], "dev");
    assert_eq!(health.body["capabilities"], json!(["health"]));
}

#[tokio::test]
async fn a_quote_adds_up_to_the_cent() {
    let cart = items(&[("22423", 3), ("21456", 7), ("22423", 1)]);
    let quote = Shopper::default().quote(&cart).await;
    let amount = |value: &Value| value["amount"].as_i64().expect("an amount");
    let sum = |list: &str, of: &str| -> i64 { quote.list(list).iter().map(|part| amount(&part[of])).sum() };
    let total = amount(&quote.body["total"]);
    assert_eq!(
        sum("lines", "line_total") + amount(&quote.body["shipping"]),
        total
    );
    assert_eq!(sum("taxes", "net") + sum("taxes", "tax"), total);
    assert_eq!(quote.list("lines").len(), 2, "the same SKU twice is one line");
    let rates: Vec<_> = quote.list("taxes").iter().map(|tax| &tax["rate"]).collect();
    assert_eq!(rates, [19, 7]);
}

#[tokio::test]
async fn a_declined_card_can_be_followed_by_another() {
    let shopper = Shopper::default();
    let Placed { id, token, .. } = shopper.place("buying-declined", "22423", 1).await;
    let page = shopper.open_page(&id, &token).await;
    shopper.on_the_page(&page, "declined").await;
    assert_eq!(shopper.show(&id, &token).await.body["status"], "placed");
    let same = shopper.open_page(&id, &token).await;
    assert_eq!(same, page, "the same page while it lives");
    shopper.on_the_page(&page, "paid").await;
    shopper.wait_for("forwarded", &id, &token).await;
}

#[tokio::test]
async fn an_expired_page_ends_the_order_and_gives_its_stock_back() {
    let shopper = Shopper::default();
    let Placed { id, token, .. } = shopper.place("buying-expired", LATER, 10).await;
    assert_eq!(shopper.left(LATER).await, 990);
    let page = shopper.open_page(&id, &token).await;
    shopper.on_the_page(&page, "expired").await;
    shopper.wait_for("expired", &id, &token).await;
    assert_eq!(shopper.left(LATER).await, 1_000, "all of it can be had again");
    let refused = shopper.start_payment(&id, &token).await;
    refused.assert_problem(409, "order_not_payable");
}

#[tokio::test]
async fn a_changed_price_is_told_with_a_fresh_quote() {
    let shopper = Shopper::default();
    let cart = items(&[("22423", 1)]);
    let wrong = a_checkout(&cart, &json!({"amount": 1, "currency": "EUR"}));
    let refused = shopper.checkout("buying-price", &wrong).await;
    refused.assert_problem(409, "price_changed");
    let fresh = a_checkout(&cart, &refused.body["quote"]["total"]);
    assert_eq!(shopper.checkout("buying-price", &fresh).await.status, 201);
}
