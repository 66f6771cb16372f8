use app::PriceMemory;
use app::ports::Orders;
use domain::{AccessToken, OrderId, ShippingTable};
use lambda_kit::http::{BuildRequest, ReadResponse, Request, Response, answer, request};
use lambda_kit::metrics::collect;
use lambda_kit::random;
use proptest::prelude::*;
use serde_json::{Value, json};
use testkit::{FakeClock, MemoryStore, a_product, a_sku, altered, an_order};

use crate::handler::Checkout;

type Subject = Checkout<MemoryStore, FakeClock>;

/// LAMP costs 19.99, of which 5 are left; MUG costs 5.00, 1 is left; PEN costs 1.00, none is left.
fn subject() -> Subject {
    let products = [
        ("LAMP", 1_999, 5),
        ("MUG", 500, 1),
        ("PEN", 100, 0),
        ("GOLD", 100_000, 5_000),
    ];
    Checkout {
        store: MemoryStore::with(products.map(|(sku, cents, pieces)| (a_product(sku, cents), pieces))),
        prices: PriceMemory::default(),
        shipping: ShippingTable::of_the_shop(),
        draw_token: || AccessToken::of_random(random::bytes()),
        clock: FakeClock::at_noon(),
    }
}

/// A key of the fewest characters.
const KEY: &str = "0123456789abcdef";

fn items(items: &[(&str, i64)]) -> Value {
    items
        .iter()
        .map(|(sku, quantity)| json!({"sku": sku, "quantity": quantity}))
        .collect()
}

fn a_checkout(wished: &[(&str, i64)], total: i64) -> Value {
    json!({
        "items": items(wished),
        "customer": {"name": "Ada Lovelace", "email": "ada@example.org"},
        "shipping_address": {
            "name": "Ada Lovelace", "street": "Unter den Linden 1", "postal_code": "10117", "city": "Berlin",
            "country": "DE",
        },
        "expected_total": {"amount": total, "currency": "EUR"},
    })
}

fn quote(body: &Value) -> Request {
    request("POST /api/quote").with_body(body.to_string())
}

fn checkout(key: &str, body: &Value) -> Request {
    request("POST /api/checkout")
        .with_header("Idempotency-Key", key)
        .with_header("Content-Type", "application/json")
        .with_body(body.to_string())
}

fn problem(response: &Response) -> (u16, api::Problem) {
    assert_eq!(
        response.header_of("content-type"),
        Some("application/problem+json")
    );
    assert_eq!(response.header_of("cache-control"), Some("no-store"));
    let problem: api::Problem = serde_json::from_value(response.body_json()).expect("a problem");
    assert_eq!(problem.request_id, "r1");
    assert_eq!(problem.kind, format!("urn:kontor:problem:{}", problem.code));
    assert_eq!(problem.status, response.code());
    (response.code(), problem)
}

/// Where and what, of each error.
fn faults(problem: &api::Problem) -> Vec<(&str, &str)> {
    problem
        .errors
        .iter()
        .map(|fault| (fault.pointer.as_str(), fault.code.as_str()))
        .collect()
}

async fn refused(request: &Request) -> (u16, api::Problem) {
    problem(&answer(&subject(), request).await)
}

#[tokio::test]
async fn a_quote_adds_up() {
    let body = json!({"items": items(&[("lamp", 1), ("MUG", 1), ("LAMP", 1)]), "ship_to": "DE"});
    let response = answer(&subject(), &quote(&body)).await;
    assert_eq!(
        (response.code(), response.header_of("cache-control")),
        (200, Some("no-store"))
    );
    let quote: api::Quote = serde_json::from_value(response.body_json()).expect("a quote");
    let lines: Vec<_> = quote
        .lines
        .iter()
        .map(|line| (line.sku.as_str(), line.quantity))
        .collect();
    assert_eq!(lines, [("LAMP", 2), ("MUG", 1)]);
    assert_eq!((quote.total.amount, quote.shipping.amount), (4_498 + 490, 490));
}

#[tokio::test]
async fn a_quote_names_every_item_that_cannot_be_had() {
    let body = json!({"items": items(&[("LAMP", 1), ("NONE", 1), ("PEN", 1), ("MUG", 2)]), "ship_to": "DE"});
    let (status, problem) = refused(&quote(&body)).await;
    assert_eq!((status, problem.code.as_str()), (422, "items_unavailable"));
    assert_eq!(
        faults(&problem),
        [
            ("/items/1", "unknown_sku"),
            ("/items/2", "sold_out"),
            ("/items/3", "sold_out")
        ]
    );
    let left: Vec<_> = problem
        .errors
        .iter()
        .map(|fault| (fault.sku.as_deref(), fault.available))
        .collect();
    assert_eq!(
        left,
        [
            (Some("NONE"), None),
            (Some("PEN"), Some(0)),
            (Some("MUG"), Some(1))
        ]
    );
}

#[tokio::test]
async fn a_bad_request_for_a_quote_is_told_all_at_once() {
    let (status, problem) = refused(&quote(&json!({"items": [], "ship_to": "Germany"}))).await;
    assert_eq!((status, problem.code.as_str()), (422, "validation_failed"));
    assert_eq!(faults(&problem), [("/items", "missing"), ("/ship_to", "invalid")]);
    let (_, problem) = refused(&quote(&json!({"items": items(&[("LAMP", 1)]), "ship_to": "XX"}))).await;
    assert_eq!(faults(&problem), [("/ship_to", "unknown_country")]);
    let (_, problem) = refused(&quote(
        &json!({"items": items(&[("GOLD", 1_000)]), "ship_to": "DE"}),
    ))
    .await;
    assert_eq!(faults(&problem), [("/items", "total_too_large")]);
}

#[tokio::test]
async fn an_order_is_placed_and_found_at_its_location() {
    let subject = subject();
    let response = answer(&subject, &checkout(KEY, &a_checkout(&[("LAMP", 2)], 4_488))).await;
    assert_eq!(
        (response.code(), response.header_of("cache-control")),
        (201, Some("no-store"))
    );
    assert_eq!(response.header_of("idempotent-replayed"), None);
    let placed: api::PlacedOrder = serde_json::from_value(response.body_json()).expect("an order");
    assert_eq!(
        (placed.order.status.as_str(), placed.order.total.amount),
        ("placed", 4_488)
    );
    let location = format!("/api/orders/{}", placed.order.id);
    assert_eq!(response.header_of("location"), Some(location.as_str()));
    let id = OrderId::parse(&placed.order.id).expect("an id");
    let stored = subject.store.get(id).await.expect("a store").expect("an order");
    let token = stored.access_token().expect("a token").to_text();
    assert_eq!((token.len(), token), (22, placed.access_token));
    assert_eq!(subject.store.stock_of(&a_sku("LAMP")), 3);
}

#[tokio::test]
async fn a_repetition_gets_the_same_answer_and_is_marked() {
    let subject = subject();
    let body = a_checkout(&[("LAMP", 2)], 4_488);
    let (first, counted) = collect(answer(&subject, &checkout(KEY, &body))).await;
    subject.clock.advance(jiff::SignedDuration::from_millis(1));
    // Quoted, and with another member: the same key and the same wish.
    let mut again = body.clone();
    again["note"] = json!("ignored");
    let (second, counted_again) = collect(answer(&subject, &checkout(&format!("\"{KEY}\""), &again))).await;
    assert_eq!(
        (second.code(), second.header_of("idempotent-replayed")),
        (201, Some("true"))
    );
    assert_eq!(second.text(), first.text());
    assert_eq!(
        (counted.of("OrdersPlaced"), counted.of("RevenuePlaced")),
        (&[1][..], &[4_488][..])
    );
    assert!(counted_again.is_empty());
    assert_eq!(subject.store.stock_of(&a_sku("LAMP")), 3);
}

#[tokio::test]
async fn another_wish_under_the_same_key_is_refused() {
    let subject = subject();
    answer(&subject, &checkout(KEY, &a_checkout(&[("LAMP", 2)], 4_488))).await;
    let response = answer(&subject, &checkout(KEY, &a_checkout(&[("LAMP", 1)], 2_489))).await;
    let (status, problem) = problem(&response);
    assert_eq!((status, problem.code.as_str()), (422, "idempotency_key_reused"));
}

#[tokio::test]
async fn a_changed_price_is_a_conflict_with_the_fresh_quote() {
    let (status, problem) = refused(&checkout(KEY, &a_checkout(&[("LAMP", 2)], 4_000))).await;
    assert_eq!((status, problem.code.as_str()), (409, "price_changed"));
    assert_eq!(problem.quote.map(|quote| quote.total.amount), Some(4_488));
}

#[tokio::test]
async fn too_little_stock_is_a_conflict_with_a_quote_of_what_is_left() {
    let body = a_checkout(&[("LAMP", 1), ("MUG", 3)], 1_999 + 1_500 + 490);
    let (status, problem) = refused(&checkout(KEY, &body)).await;
    assert_eq!((status, problem.code.as_str()), (409, "sold_out"));
    assert_eq!(faults(&problem), [("/items/1", "sold_out")]);
    assert_eq!(problem.errors[0].available, Some(1));
    assert_eq!(
        problem.quote.map(|quote| quote.total.amount),
        Some(1_999 + 500 + 490)
    );

    let (response, counted) = collect(answer(
        &subject(),
        &checkout(KEY, &a_checkout(&[("PEN", 1)], 590)),
    ))
    .await;
    assert_eq!(
        (counted.of("SoldOut"), counted.of("OrdersPlaced")),
        (&[1][..], &[][..])
    );
    assert_eq!(
        (response.code(), &response.body_json()["quote"]),
        (409, &Value::Null)
    );
}

#[tokio::test]
async fn unknown_skus_in_a_checkout_are_named() {
    let (status, problem) = refused(&checkout(KEY, &a_checkout(&[("LAMP", 1), ("NONE", 1)], 1))).await;
    assert_eq!((status, problem.code.as_str()), (422, "items_unavailable"));
    assert_eq!(faults(&problem), [("/items/1", "unknown_sku")]);
}

#[tokio::test]
async fn everything_wrong_with_a_checkout_is_told_at_once() {
    let body = json!({
        "items": [
            {"sku": "LAMP", "quantity": 1.5}, {"sku": "LAMP", "quantity": "2"}, {"sku": 7, "quantity": 0},
            {"sku": "?", "quantity": 1}, {"sku": "MUG", "quantity": 0}, "MUG", {"sku": "MUG", "quantity": 1e30},
            {"sku": "MUG", "quantity": 18_446_744_073_709_551_615_u64}, {"sku": "MUG", "quantity": 100_001},
        ],
        "customer": {"name": " ", "email": "ada"},
        "shipping_address": {
            "name": "x".repeat(101), "street": "4242 4242 4242 4242", "postal_code": "1\n2", "city": null, "country": "de",
        },
        "expected_total": {"amount": "1", "currency": "XXX"},
    });
    let (status, problem) = refused(&checkout(KEY, &body)).await;
    assert_eq!((status, problem.code.as_str()), (422, "validation_failed"));
    assert_eq!(
        faults(&problem),
        [
            ("/items/0/quantity", "invalid"),
            ("/items/1/quantity", "invalid"),
            ("/items/2/sku", "invalid"),
            ("/items/5/sku", "missing"),
            ("/items/5/quantity", "missing"),
            ("/items/6/quantity", "invalid"),
            ("/items/7/quantity", "out_of_range"),
            ("/items/3/sku", "invalid"),
            ("/items/4/quantity", "out_of_range"),
            ("/items/8/quantity", "out_of_range"),
            ("/customer/name", "missing"),
            ("/customer/email", "invalid"),
            ("/shipping_address/city", "missing"),
            ("/shipping_address/name", "too_long"),
            ("/shipping_address/street", "card_number"),
            ("/shipping_address/postal_code", "invalid"),
            ("/shipping_address/country", "invalid"),
            ("/expected_total/amount", "invalid"),
            ("/expected_total/currency", "invalid"),
        ]
    );
    let mut body = a_checkout(&[("LAMP", 1)], 2_489);
    body["shipping_address"] = json!({
        "name": "x".repeat(101), "street": "4242 4242 4242 4242", "postal_code": "1\n2", "city": "", "country": "de",
    });
    let (_, problem) = refused(&checkout(KEY, &body)).await;
    let at = "/shipping_address";
    assert_eq!(
        faults(&problem),
        [
            ("name", "too_long"),
            ("street", "card_number"),
            ("postal_code", "invalid"),
            ("city", "missing"),
            ("country", "invalid")
        ]
        .map(|(field, code)| (format!("{at}/{field}"), code))
        .iter()
        .map(|(pointer, code)| (pointer.as_str(), *code))
        .collect::<Vec<_>>()
    );
    body["shipping_address"] = a_checkout(&[], 0)["shipping_address"].clone();
    body["shipping_address"]["country"] = json!("XX");
    let (_, problem) = refused(&checkout(KEY, &body)).await;
    assert_eq!(
        faults(&problem),
        [("/shipping_address/country", "unknown_country")]
    );
}

/// A checkout of a lamp that goes to this country.
fn a_checkout_to(country: &str, postal_code: &Value, total: i64) -> Value {
    let mut body = a_checkout(&[("LAMP", 1)], total);
    body["shipping_address"]["country"] = json!(country);
    body["shipping_address"]["postal_code"] = postal_code.clone();
    body
}

#[tokio::test]
async fn an_address_needs_the_postal_code_of_its_country() {
    for (country, postal_code, total) in [
        ("HK", json!(null), 5_489),
        ("BH", json!(""), 5_489),
        ("LB", json!("-"), 5_489),
        ("SA", json!(null), 5_489),
        ("IE", json!(""), 3_289),
        ("AT", json!("A-1010"), 2_889),
        ("JE", json!("JE2 3AB"), 3_689),
        ("IC", json!("35001"), 4_489),
        ("GB", json!("BT1 5GS"), 3_489),
        ("XI", json!("BT1 5GS"), 3_489),
    ] {
        let body = a_checkout_to(country, &postal_code, total);
        let response = answer(&subject(), &checkout(KEY, &body)).await;
        assert_eq!(response.code(), 201, "{country}: {}", response.text());
    }
    for (country, postal_code, fault) in [
        ("DE", json!(null), ("/shipping_address/postal_code", "missing")),
        ("DE", json!("1"), ("/shipping_address/postal_code", "invalid")),
        ("HK", json!(7), ("/shipping_address/postal_code", "invalid")),
        (
            "ES",
            json!("35001"),
            ("/shipping_address/country", "wrong_territory"),
        ),
        ("KP", json!(null), ("/shipping_address/country", "not_shipped_to")),
        (
            "FR",
            json!("98800"),
            ("/shipping_address/country", "not_shipped_to"),
        ),
    ] {
        let (_, problem) = refused(&checkout(KEY, &a_checkout_to(country, &postal_code, 1))).await;
        assert_eq!(faults(&problem), [fault], "{country}");
    }
}

#[tokio::test]
async fn where_the_shop_does_not_ship_is_named() {
    for (country, said) in [
        ("KP", "The shop does not ship to North Korea (KP)."),
        ("EA", "The shop does not ship to Ceuta and Melilla (EA)."),
    ] {
        let body = json!({"items": items(&[("LAMP", 1)]), "ship_to": country});
        let (_, problem) = refused(&quote(&body)).await;
        assert_eq!(faults(&problem), [("/ship_to", "not_shipped_to")]);
        assert_eq!(problem.errors[0].detail, said);
    }
}

#[tokio::test]
async fn an_empty_body_is_told_everything_that_is_needed() {
    let (_, problem) = refused(&checkout(KEY, &json!({}))).await;
    let pointers: Vec<_> = problem
        .errors
        .iter()
        .map(|fault| fault.pointer.as_str())
        .collect();
    assert_eq!(
        pointers,
        [
            "/items",
            "/customer/name",
            "/customer/email",
            "/shipping_address/name",
            "/shipping_address/street",
            "/shipping_address/postal_code",
            "/shipping_address/city",
            "/shipping_address/country",
            "/expected_total/amount",
            "/expected_total/currency"
        ]
    );
}

#[tokio::test]
async fn too_many_items_and_too_many_lines_are_refused() {
    let same: Vec<_> = (0..5_001).map(|_| ("LAMP", 1)).collect();
    let skus: Vec<_> = (0..1_201).map(|n| format!("S{n}")).collect();
    let distinct: Vec<_> = skus.iter().map(|sku| (sku.as_str(), 1)).collect();
    for wished in [same, distinct] {
        let (_, problem) = refused(&quote(&json!({"items": items(&wished), "ship_to": "DE"}))).await;
        assert_eq!(faults(&problem), [("/items", "too_many_lines")]);
    }
}

#[tokio::test]
async fn a_checkout_needs_an_idempotency_key() {
    let body = a_checkout(&[("LAMP", 2)], 4_488);
    let without = request("POST /api/checkout").with_body(body.to_string());
    let (status, problem) = refused(&without).await;
    assert_eq!((status, problem.code.as_str()), (400, "idempotency_key_missing"));
    for bad in ["\"open-0123456789abcdef", "1"] {
        let (status, problem) = refused(&checkout(bad, &body)).await;
        assert_eq!((status, problem.code.as_str()), (400, "idempotency_key_invalid"));
    }
}

#[tokio::test]
async fn an_order_that_another_run_is_placing_is_in_progress() {
    let subject = subject();
    let body = a_checkout(&[("LAMP", 2)], 1);
    let request = checkout(KEY, &body);
    let wish = crate::wire::read_checkout(
        &request,
        KEY.to_owned(),
        &subject.shipping,
        (subject.draw_token)(),
    );
    let wish = wish.expect("a wish");
    let reserving = altered(an_order().under(KEY).draft(), |order| {
        order.fingerprint = domain::Fingerprint::of(
            &wish.cart,
            &wish.customer,
            &wish.shipping_address,
            wish.expected_total,
        );
    });
    subject.store.put_order(reserving);
    let response = answer(&subject, &request).await;
    let (status, problem) = problem(&response);
    assert_eq!((status, problem.code.as_str()), (409, "request_in_progress"));
    assert_eq!(response.header_of("retry-after"), Some("1"));
}

#[tokio::test]
async fn bodies_that_are_not_json_are_refused_for_what_they_are() {
    let route = || request("POST /api/quote");
    for (request, expected) in [
        (route().with_body("{"), (400, "malformed_json")),
        (route(), (400, "malformed_json")),
        (route().with_body([0xff]), (400, "malformed_json")),
        (route().with_body("[]"), (422, "validation_failed")),
        (route().with_body("x".repeat(300_000)), (413, "body_too_large")),
        (
            route().with_header("content-type", "text/plain").with_body("{}"),
            (415, "unsupported_media_type"),
        ),
        (request("POST /api/other"), (404, "route_not_found")),
    ] {
        let (status, problem) = refused(&request).await;
        assert_eq!((status, problem.code.as_str()), expected);
    }
}

#[tokio::test]
async fn the_largest_real_order_fits() {
    let skus: Vec<_> = (0..1_106).map(|n| format!("S{n}")).collect();
    let wished: Vec<_> = skus.iter().map(|sku| (sku.as_str(), 1)).collect();
    let mut subject = subject();
    subject.store = MemoryStore::with(skus.iter().map(|sku| (a_product(sku, 100), 1)));
    let response = answer(&subject, &checkout(KEY, &a_checkout(&wished, 110_600))).await;
    assert_eq!(response.code(), 201, "{}", response.text());
}

proptest! {
    #[test]
    fn no_body_and_no_key_makes_the_service_fail(body: Vec<u8>, key in ".*", text in ".*", n: i64) {
        let subject = subject();
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let mut odd = a_checkout(&[(&text, n)], n);
        odd["customer"]["name"] = json!(text);
        odd["shipping_address"]["street"] = json!(text);
        let raw = || request("POST /api/checkout").with_header("idempotency-key", &key).with_body(&body);
        for request in [raw(), raw().with_header("content-type", &text), checkout(&key, &odd), quote(&odd)] {
            prop_assert!(runtime.block_on(answer(&subject, &request)).code() < 500);
        }
    }
}
