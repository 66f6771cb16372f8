use lambda_kit::http::{BuildRequest, Handle, ReadResponse, Request, Response, answer, read_event, request};
use serde_json::{Value, json};
use testkit::{FakeClock, MemoryStore, a_product, a_sku};

use crate::handler::Catalog;

type Subject = Catalog<MemoryStore, FakeClock>;

fn subject() -> Subject {
    let products = (0..30).map(|n| (a_product(&format!("SKU{n:02}"), 100 + n), 5));
    Catalog::new(MemoryStore::with(products), FakeClock::at_noon())
}

fn list(query: &str) -> Request {
    request("GET /api/products").with_query(query)
}

fn show(sku: &str) -> Request {
    request("GET /api/products/{sku}").with_path_parameter("sku", sku)
}

fn skus(response: &Response) -> Vec<String> {
    let body = response.body_json();
    let items = body["items"].as_array().cloned().unwrap_or_default();
    items
        .iter()
        .filter_map(|item| item["sku"].as_str().map(str::to_owned))
        .collect()
}

fn problem(response: &Response) -> (u16, String) {
    assert_eq!(
        response.header_of("content-type"),
        Some("application/problem+json")
    );
    assert_eq!(response.header_of("cache-control"), Some("no-store"));
    let body = response.body_json();
    assert_eq!(body["request_id"], "r1");
    (
        response.code(),
        body["code"].as_str().unwrap_or_default().to_owned(),
    )
}

#[tokio::test]
async fn the_catalogue_is_read_part_by_part_each_product_once() {
    let subject = subject();
    let mut all = Vec::new();
    let mut cursor = String::new();
    loop {
        let response = answer(&subject, &list(&format!("q=&cursor={cursor}&limit=7"))).await;
        assert_eq!(response.code(), 200);
        all.extend(skus(&response));
        match response.body_json()["next_cursor"].as_str() {
            Some(next) => next.clone_into(&mut cursor),
            None => break,
        }
    }
    let expected: Vec<_> = (0..30).map(|n| format!("SKU{n:02}")).collect();
    assert_eq!(all, expected);
    assert_eq!(skus(&answer(&subject, &list("")).await).len(), 24);
}

#[tokio::test]
async fn a_search_finds_by_name_and_sku_and_goes_on_by_cursor() {
    let subject = subject();
    assert_eq!(skus(&answer(&subject, &list("q=sku07")).await), ["SKU07"]);
    assert_eq!(
        skus(&answer(&subject, &list("q=product+sku0&limit=100")).await).len(),
        10
    );
    let first = answer(&subject, &list("q=sku1&limit=4")).await;
    assert_eq!(skus(&first), ["SKU10", "SKU11", "SKU12", "SKU13"]);
    let body = first.body_json();
    let cursor = body["next_cursor"].as_str().expect("more");
    let second = answer(&subject, &list(&format!("q=sku1&limit=100&cursor={cursor}"))).await;
    assert_eq!(skus(&second).len(), 6);
    assert_eq!(second.body_json()["next_cursor"], Value::Null);
    assert!(skus(&answer(&subject, &list("q=nothing")).await).is_empty());
}

#[tokio::test]
async fn a_new_product_is_found_after_a_minute() {
    let subject = subject();
    let store = subject.cache.store();
    assert!(skus(&answer(&subject, &list("q=late")).await).is_empty());
    store.put_product(a_product("LATE", 1));
    subject.clock.advance(jiff::SignedDuration::from_secs(59));
    assert!(skus(&answer(&subject, &list("q=late")).await).is_empty());
    subject.clock.advance(jiff::SignedDuration::from_secs(1));
    assert_eq!(skus(&answer(&subject, &list("q=late")).await), ["LATE"]);
}

#[tokio::test]
async fn who_asks_again_is_answered_from_memory_for_a_minute_at_most() {
    let subject = subject();
    let available = async || answer(&subject, &show("SKU03")).await.body_json()["available"].clone();
    for stock in [5, 4] {
        subject.cache.store().set_stock(&a_sku("SKU03"), stock);
        assert_eq!(available().await, stock, "as it is, while there is no copy");
    }
    tokio::task::yield_now().await;
    subject.cache.store().set_stock(&a_sku("SKU03"), 3);
    subject.clock.advance(jiff::SignedDuration::from_secs(24));
    assert_eq!(available().await, 4, "as it was when it was copied");
    subject.clock.advance(jiff::SignedDuration::from_secs(1));
    assert_eq!(available().await, 4, "nobody waits for the next copy");
    tokio::task::yield_now().await;
    assert_eq!(available().await, 3);
    subject.cache.store().set_stock(&a_sku("SKU03"), 2);
    subject.clock.advance(jiff::SignedDuration::from_secs(60));
    assert_eq!(available().await, 2, "no copy is older than a minute");
}

#[tokio::test]
async fn processes_that_began_together_do_not_copy_together() {
    let mut copied_after = Vec::new();
    for begun in [0, 3, 9] {
        let subject = subject();
        subject.clock.advance(jiff::SignedDuration::from_millis(begun));
        let available = async || answer(&subject, &show("SKU03")).await.body_json()["available"].clone();
        available().await;
        available().await;
        tokio::task::yield_now().await;
        subject.cache.store().set_stock(&a_sku("SKU03"), 1);
        let mut seconds = 0;
        while available().await != 1 {
            subject.clock.advance(jiff::SignedDuration::from_secs(1));
            seconds += 1;
            available().await;
            tokio::task::yield_now().await;
        }
        copied_after.push(seconds);
    }
    assert_eq!(copied_after, [25, 28, 34]);
}

#[tokio::test]
async fn a_product_is_shown_with_what_is_left() {
    let subject = subject();
    subject.cache.store().set_stock(&a_sku("SKU03"), 2);
    let response = answer(&subject, &show("sku03")).await;
    assert_eq!(response.code(), 200);
    let body = response.body_json();
    assert_eq!(
        (&body["sku"], &body["available"]),
        (&Value::from("SKU03"), &Value::from(2))
    );
    assert_eq!(
        body["price"],
        serde_json::json!({"amount": 103, "currency": "EUR"})
    );
}

#[tokio::test]
async fn who_has_the_answer_already_gets_a_304() {
    let subject = subject();
    for sku in ["SKU03", "SKU00"] {
        let request = || {
            if sku == "SKU03" {
                show(sku)
            } else {
                list("limit=3")
            }
        };
        let first = answer(&subject, &request()).await;
        let tag = first.header_of("etag").expect("a tag").to_owned();
        assert!(tag.starts_with("W/\""), "{tag}");
        let again = answer(&subject, &request().with_header("If-None-Match", &tag)).await;
        assert_eq!((again.code(), again.text()), (304, ""));
        for name in ["etag", "cache-control"] {
            assert_eq!(again.header_of(name), first.header_of(name));
        }
        subject.cache.store().set_stock(&a_sku(sku), 1);
        let changed = answer(&subject, &request().with_header("If-None-Match", &tag)).await;
        assert_eq!(changed.status(), 200);
    }
}

#[tokio::test]
async fn the_interface_describes_itself_and_is_cached() {
    let subject = subject();
    let ask = request("GET /api/openapi.yaml");
    let first = answer(&subject, &ask).await;
    assert_eq!(
        (first.code(), first.header_of("content-type")),
        (200, Some("application/yaml"))
    );
    assert!(first.text().starts_with("openapi: 3.1"));
    assert_eq!(
        first.header_of("cache-control"),
        answer(&subject, &list("")).await.header_of("cache-control")
    );
    let tag = first.header_of("etag").expect("a tag");
    let again = answer(&subject, &ask.with_header("If-None-Match", tag)).await;
    assert_eq!((again.code(), again.text()), (304, ""));
}

/// As the function's own URL hands it over: without a route.
fn by_url(method: &str, path: &str) -> Request {
    let event = json!({
        "routeKey": "$default", "rawPath": path,
        "requestContext": {"requestId": "r1", "http": {"method": method}},
    });
    read_event(&event.to_string(), Subject::ROUTES).expect("a request")
}

#[tokio::test]
async fn by_its_own_url_it_answers_as_by_the_gateway() {
    let subject = subject();
    for (path, request) in [
        ("/api/products", list("")),
        ("/api/products/SKU03", show("SKU03")),
        ("/api/products/%53KU03", show("SKU03")),
        ("/api/products/none", show("none")),
        ("/api/openapi.yaml", request("GET /api/openapi.yaml")),
    ] {
        let (here, there) = (
            answer(&subject, &by_url("GET", path)).await,
            answer(&subject, &request).await,
        );
        assert_eq!(here.whole(), there.whole(), "{path}");
    }
    for (method, path) in [("PUT", "/api/products"), ("GET", "/api/productsx"), ("GET", "/")] {
        let refused = problem(&answer(&subject, &by_url(method, path)).await);
        assert_eq!(refused, (404, "route_not_found".to_owned()), "{method} {path}");
    }
}

#[tokio::test]
async fn head_is_get_without_a_body() {
    let subject = subject();
    for path in [
        "/api/products",
        "/api/products/SKU03",
        "/api/products/none",
        "/api/openapi.yaml",
    ] {
        let got = answer(&subject, &by_url("GET", path)).await;
        let head = answer(&subject, &by_url("HEAD", path)).await;
        assert_eq!(
            (head.status(), head.headers()),
            (got.status(), got.headers()),
            "{path}"
        );
        assert_eq!((head.text(), got.text().is_empty()), ("", false), "{path}");
    }
}

#[tokio::test]
async fn caches_are_told_how_long() {
    let response = answer(&subject(), &list("")).await;
    let expected = "public, max-age=10, s-maxage=30, stale-while-revalidate=300";
    assert_eq!(response.header_of("cache-control"), Some(expected));
}

#[tokio::test]
async fn what_cannot_be_answered_is_a_problem() {
    let subject = subject();
    let long = format!("q={}", "x".repeat(101));
    for (request, expected) in [
        (list("cursor=nope"), (400, "invalid_cursor")),
        (list("limit=0"), (400, "invalid_parameter")),
        (list("limit=101"), (400, "invalid_parameter")),
        (list("limit=ten"), (400, "invalid_parameter")),
        (list(&long), (400, "invalid_parameter")),
        (show("NONE"), (404, "product_not_found")),
        (show("no sku at all"), (404, "product_not_found")),
        (request("GET /api/other"), (404, "route_not_found")),
    ] {
        let (status, code) = problem(&answer(&subject, &request).await);
        assert_eq!((status, code.as_str()), expected);
    }
}
