//! What the shop refuses, and how it says so.

use std::time::Duration;

use kontor_tests::{PAIR, Shopper, a_checkout, items, running};
use reqwest::Method;
use serde_json::{Value, json};

const JSON: (&str, &str) = ("content-type", "application/json");

fn ten_euro() -> Value {
    json!({"amount": 1_000, "currency": "EUR"})
}

#[tokio::test]
async fn a_key_is_required_and_must_be_one() {
    let shopper = Shopper::default();
    let body = a_checkout(&items(&[("22423", 1)]), &ten_euro());
    shopper
        .post("/api/checkout", &[], &body)
        .await
        .assert_problem(400, "idempotency_key_missing");
    for bad in [
        "",
        "\"\"",
        "1",
        &"k".repeat(15),
        &"k".repeat(256),
        "\"unfinished-0123456789",
    ] {
        let answer = shopper
            .post("/api/checkout", &[("idempotency-key", bad)], &body)
            .await;
        answer.assert_problem(
            400,
            if bad.is_empty() {
                "idempotency_key_missing"
            } else {
                "idempotency_key_invalid"
            },
        );
    }
}

#[tokio::test]
async fn broken_bodies_are_told_apart() {
    let shopper = Shopper::default();
    for path in ["/api/quote", "/api/checkout"] {
        let headers = [JSON, ("idempotency-key", "refusing-broken-bodies")];
        let send = async |body: Vec<u8>| shopper.send(Method::POST, path, &headers, body).await;
        for broken in ["", "{", "nonsense", "{\"items\":[}", "\u{feff}{}"] {
            send(broken.into()).await.assert_problem(400, "malformed_json");
        }
        send(vec![0xff, 0xfe, 0x00])
            .await
            .assert_problem(400, "malformed_json");
        for wrong in ["[]", "null", "42", "{}", "{\"items\":\"x\"}"] {
            send(wrong.into()).await.assert_problem(422, "validation_failed");
        }
        send(vec![b' '; 300 * 1024])
            .await
            .assert_problem(413, "body_too_large");
        let plain = [
            ("content-type", "text/plain"),
            ("idempotency-key", "refusing-media-types"),
        ];
        shopper
            .send(Method::POST, path, &plain, "{}")
            .await
            .assert_problem(415, "unsupported_media_type");
    }
}

#[tokio::test]
async fn every_wrong_item_is_named_by_its_place() {
    let shopper = Shopper::default();
    let wrong = json!([0, -1, 100_001, 9_007_199_254_740_993_i64, 1.5, "1", null]);
    for quantity in wrong.as_array().expect("a list") {
        let cart = json!([{"sku": "22423", "quantity": 1}, {"sku": "85123A", "quantity": quantity}]);
        let refused = shopper.quote(&cart).await;
        refused.assert_problem(422, "validation_failed");
        assert_eq!(
            refused.body["errors"][0]["pointer"], "/items/1/quantity",
            "{quantity}"
        );
    }
    let absurd = "{\"items\":[{\"sku\":\"22423\",\"quantity\":1e400}],\"ship_to\":\"DE\"}";
    let refused = shopper.send(Method::POST, "/api/quote", &[JSON], absurd).await;
    assert!(matches!(refused.status.as_u16(), 400 | 422), "{refused:?}");
    let refused = shopper
        .quote(&items(&[("22423", 1), ("GHOST", 1), ("SPOOK", 2)]))
        .await;
    refused.assert_problem(422, "items_unavailable");
    for (error, place) in refused.list("errors").iter().zip(["/items/1", "/items/2"]) {
        assert_eq!(error["pointer"], place);
        assert_eq!(error["code"], "unknown_sku");
    }
    assert_eq!(refused.list("errors").len(), 2);
    let empty = shopper.quote(&json!([])).await;
    empty.assert_problem(422, "validation_failed");
}

#[tokio::test]
async fn a_wrong_country_is_refused() {
    let shopper = Shopper::default();
    for country in ["", "de", "DEU", "XX", "🇩🇪"] {
        let body = json!({"items": items(&[("22423", 1)]), "ship_to": country});
        shopper
            .post("/api/quote", &[], &body)
            .await
            .assert_problem(422, "validation_failed");
    }
}

#[tokio::test]
async fn every_wrong_field_of_an_address_is_named() {
    let mut body = a_checkout(&items(&[("22423", 1)]), &ten_euro());
    body["customer"] = json!({"name": "Ada\u{202e}", "email": "nowhere"});
    body["shipping_address"]["street"] = json!("4242 4242 4242 4242");
    body["shipping_address"]["postal_code"] = json!(10_117);
    let refused = Shopper::default().checkout("refusing-fields", &body).await;
    refused.assert_problem(422, "validation_failed");
    let said = refused.body.to_string();
    assert!(!said.contains("4242"), "a card number is never repeated: {said}");
}

/// The fields that a person fills in.
const TYPED: [&str; 6] = [
    "/customer/name",
    "/customer/email",
    "/shipping_address/name",
    "/shipping_address/street",
    "/shipping_address/postal_code",
    "/shipping_address/city",
];

#[tokio::test]
async fn misleading_text_and_card_numbers_are_refused_everywhere() {
    let (shopper, logs) = (Shopper::default(), running().world().logs());
    let card = "4242 4242 4242 4242";
    let cards = [
        card,
        "4242424242424242",
        "3782-822463-10005",
        "17 4242.4242.4242.4242",
    ];
    // NUL, escape, line feed, C1, line separators, right-to-left override, a filler, a tag.
    let misleading = "\0\u{1b}\n\u{85}\u{2028}\u{2029}\u{202e}\u{3164}\u{e0041}";
    let wrong = cards
        .map(str::to_owned)
        .into_iter()
        .map(|card| (card, "card_number"));
    let wrong = wrong.chain(misleading.chars().map(|c| (format!("Zy{c}xw"), "invalid")));
    for (typed, code) in wrong {
        for field in TYPED {
            let mut body = a_checkout(&items(&[("22423", 1)]), &ten_euro());
            *body.pointer_mut(field).expect("a field") = json!(typed);
            let refused = shopper.checkout("refusing-typed", &body).await;
            refused.assert_problem(422, "validation_failed");
            let code = if code == "card_number" && field.ends_with("postal_code") {
                "too_long"
            } else {
                code
            };
            let faults = refused.list("errors");
            assert_eq!(faults.len(), 1, "{field} {typed:?}: {refused:?}");
            assert_eq!(
                (&faults[0]["pointer"], &faults[0]["code"]),
                (&json!(field), &json!(code)),
                "{typed:?}"
            );
            assert!(!refused.body.to_string().contains(&typed), "{refused:?}");
            let id = refused.body["request_id"].as_str().expect("an id").to_owned();
            let line = logs
                .wait_for(Duration::from_secs(20), |line| line.text.contains(&id))
                .await;
            let line = line.expect("a line about the request").text.clone();
            assert!(!line.contains("Zy") && !line.contains(&typed), "{line}");
        }
    }
    let kept = logs.recent();
    assert!(
        !kept
            .iter()
            .any(|line| cards.iter().any(|card| line.text.contains(card)))
    );
}

#[tokio::test]
async fn more_than_an_order_takes_is_refused_with_the_limit() {
    let shopper = Shopper::default();
    let wished = items(&[("22423", 1), ("85123A", 10_001)]);
    let quoted = shopper.quote(&wished).await;
    let body = a_checkout(&wished, &ten_euro());
    let placed = shopper.checkout("refusing-limit", &body).await;
    for refused in [quoted, placed] {
        refused.assert_problem(422, "items_unavailable");
        let fault = &refused.body["errors"][0];
        assert_eq!(fault["code"], "over_limit");
        assert_eq!(fault["pointer"], "/items/1");
        assert_eq!(fault["max_per_order"], 10_000);
    }
    let product = shopper.get("/api/products/85123A").await;
    assert_eq!(product.body["max_per_order"], 10_000);
}

#[tokio::test]
async fn what_is_sold_out_is_told_with_what_is_left() {
    let shopper = Shopper::default();
    let refused = shopper.quote(&items(&[("22423", 1), (PAIR, 3)])).await;
    refused.assert_problem(422, "items_unavailable");
    assert_eq!(refused.body["errors"][0]["available"], 2);
    let mut body = a_checkout(&items(&[("22423", 1), (PAIR, 3)]), &ten_euro());
    let quote = shopper.quote(&items(&[("22423", 1)])).await.body;
    let total = quote["lines"][0]["line_total"]["amount"]
        .as_i64()
        .expect("an amount")
        + 3_000;
    let shipping = if total >= 5_000 { 0 } else { 490 };
    body["expected_total"]["amount"] = json!(total + shipping);
    let refused = shopper.checkout("refusing-sold-out", &body).await;
    refused.assert_problem(409, "sold_out");
    assert_eq!(refused.body["errors"][0]["pointer"], "/items/1");
    assert_eq!(refused.body["errors"][0]["available"], 2);
    assert_eq!(refused.body["quote"]["lines"][1]["quantity"], 2);
}

#[tokio::test]
async fn cursors_limits_and_routes_are_checked() {
    let shopper = Shopper::default();
    shopper
        .get("/api/products?cursor=nonsense")
        .await
        .assert_problem(400, "invalid_cursor");
    for limit in ["0", "101", "-1", "x", ""] {
        shopper
            .get(&format!("/api/products?limit={limit}"))
            .await
            .assert_problem(400, "invalid_parameter");
    }
    shopper
        .get("/api/products/GHOST")
        .await
        .assert_problem(404, "product_not_found");
    assert_eq!(shopper.get("/api/nothing").await.status, 404);
    assert_eq!(
        shopper
            .send(Method::DELETE, "/api/checkout", &[], "")
            .await
            .status,
        404
    );
}

#[tokio::test]
async fn an_order_too_dear_for_the_provider_is_refused() {
    let shopper = Shopper::default();
    let refused = shopper.quote(&items(&[("22655", 10_000)])).await;
    refused.assert_problem(422, "validation_failed");
    assert_eq!(refused.body["errors"][0]["code"], "total_too_large");
}
