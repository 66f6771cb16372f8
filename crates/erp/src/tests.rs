use std::time::Duration;

use axum::Router;
use axum::routing::any;
use http::StatusCode;
use proptest::prelude::*;
use secrecy::SecretString;
use serde_json::{Value, json};
use testkit::an_order;

use super::*;

const JSON: &str = "application/json";
/// As a proxy answers.
const PAGE: &str = "\r\n<!DOCTYPE html><title>Denied</title>";

async fn erp_answering(status: u16, body: &'static str) -> Erp {
    let status = StatusCode::from_u16(status).expect("a status");
    erp(Router::new().fallback(any(async move || (status, body)))).await
}

async fn erp(router: Router) -> Erp {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let base_url = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move { axum::serve(listener, router).await });
    let client = HttpsClient::new(Duration::from_millis(500)).expect("a client");
    Erp::new(
        ErpConfig {
            base_url,
            token: SecretString::from("secret").into(),
        },
        client,
    )
}

fn word(submitted: &Submitted) -> &'static str {
    match submitted {
        Submitted::Accepted { .. } => "accepted",
        Submitted::Rejected(_) => "rejected",
        Submitted::Unreadable(_) => "unreadable",
        Submitted::Busy(_) => "busy",
        Submitted::Unknown(_) => "unknown",
    }
}

/// An answer, without a server.
fn answer(status: u16, content_type: &str, body: impl Into<Bytes>) -> Response<Bytes> {
    Response::builder()
        .status(status)
        .header(CONTENT_TYPE, content_type)
        .body(body.into())
        .expect("an answer")
}

fn meaning(status: u16, content_type: &str, body: impl Into<Bytes>) -> &'static str {
    word(&submitted(id(), &answer(status, content_type, body)))
}

fn id() -> OrderId {
    OrderId::for_key("an answer")
}

fn rejection() -> String {
    json!({"order_id": id().as_str(), "outcome": "rejected", "reason": "article A1 is not sold any more"})
        .to_string()
}

#[test]
fn each_status_has_its_meaning() {
    let number = "{\"erp_number\":\"K1\"}";
    for (status, body, expected) in [
        (201, number, "accepted"),
        (200, number, "accepted"),
        (202, number, "accepted"),
        (409, number, "accepted"),
        (409, "", "unknown"),
        (401, "", "busy"),
        (404, "", "busy"),
        (408, "", "busy"),
        (425, "", "busy"),
        (429, "", "busy"),
        (503, "", "busy"),
        (500, "", "unknown"),
        (502, "", "unknown"),
        (504, "", "unknown"),
        (302, "", "unknown"),
    ] {
        assert_eq!(meaning(status, JSON, body), expected, "{status} {body}");
    }
}

#[test]
fn only_the_documented_rejection_rejects() {
    assert_eq!(meaning(422, JSON, rejection()), "rejected");
    assert_eq!(
        meaning(422, "Application/JSON; charset=utf-8", rejection()),
        "rejected"
    );
    assert_eq!(meaning(422, JSON, format!("\u{feff}{}", rejection())), "rejected");
    for content_type in ["text/html", "text/plain", "application/problem+json", ""] {
        assert_eq!(meaning(422, content_type, rejection()), "busy", "{content_type}");
    }
    for lacking in ["order_id", "outcome", "reason"] {
        let mut body: Value = serde_json::from_str(&rejection()).expect("JSON");
        for other in [json!(null), json!(""), json!("another"), json!(["rejected"])] {
            body[lacking] = other;
            let is_reason = lacking == "reason" && body[lacking] == "another";
            assert_eq!(
                meaning(422, JSON, body.to_string()) == "rejected",
                is_reason,
                "{body}"
            );
        }
        body.as_object_mut().expect("an object").remove(lacking);
        assert_eq!(meaning(422, JSON, body.to_string()), "busy", "{body}");
    }
}

#[test]
fn no_other_status_rejects_whatever_its_body_says() {
    for status in (100..1000).filter(|status| *status != 422) {
        for content_type in [JSON, "text/html"] {
            for body in [String::new(), PAGE.to_owned(), "{}".to_owned(), rejection()] {
                assert_ne!(meaning(status, content_type, body), "rejected", "{status}");
            }
        }
    }
}

#[test]
fn a_refusal_by_a_proxy_means_later() {
    for status in [
        400, 402, 403, 405, 407, 410, 411, 412, 413, 414, 415, 421, 422, 426, 428, 431, 451, 494, 498, 499,
    ] {
        for (content_type, body) in [
            ("text/html", PAGE),
            ("text/plain", "denied"),
            (JSON, "{\"error\":\"denied\"}"),
        ] {
            assert_eq!(meaning(status, content_type, body), "busy", "{status} {body}");
        }
    }
}

#[test]
fn a_number_is_read_however_a_legacy_system_writes_it() {
    for (body, number) in [
        ("\u{feff}{\"erp_number\":\"K1\"}", "K1"),
        ("\r\n {\"erp_number\":\"  K1\\t \"}\r\n", "K1"),
        ("{\"erp_number\":4711}", "4711"),
        ("{\"erp_number\":18446744073709551615}", "18446744073709551615"),
        ("{\"erp_number\":\"0004711\",\"order_id\":\"ID\"}", "0004711"),
    ] {
        let body = body.replace("ID", id().as_str());
        for content_type in [JSON, "text/plain", ""] {
            let told = submitted(id(), &answer(201, content_type, body.clone()));
            assert!(
                matches!(told, Submitted::Accepted { erp_number } if erp_number == number),
                "{body}"
            );
            let found = looked_up(id(), &answer(200, content_type, body.clone()));
            assert!(
                matches!(found, LookedUp::Found { erp_number } if erp_number == number),
                "{body}"
            );
        }
    }
    let latin_1 = b"{\"erp_number\":\"K1\",\"note\":\"Gr\xfc\xdfe\"}".as_slice();
    assert_eq!(meaning(201, JSON, latin_1), "accepted");
}

#[test]
fn an_order_taken_without_a_readable_number_is_told_apart() {
    for body in [
        "",
        "{}",
        "nonsense",
        "[\"K1\"]",
        "{\"erp_number\":\"\"}",
        "{\"erp_number\":null}",
        "{\"erp_number\":-1}",
        "{\"erp_number\":1.5}",
        "{\"erp_number\":\"K\u{e4}1\"}",
        "{\"erp_number\":\"K1\",\"order_id\":\"another\"}",
    ] {
        for status in [200, 201, 202] {
            assert_eq!(meaning(status, JSON, body), "unreadable", "{status} {body}");
        }
        let found = looked_up(id(), &answer(200, JSON, body));
        assert!(matches!(found, LookedUp::Unreadable(_)), "{body}");
    }
}

#[test]
fn a_page_with_a_good_status_is_a_proxys() {
    for (content_type, body) in [
        ("text/html; charset=utf-8", ""),
        ("text/plain", PAGE),
        (JSON, PAGE),
    ] {
        assert_eq!(meaning(200, content_type, body), "unknown", "{content_type}");
        let found = looked_up(id(), &answer(200, content_type, body));
        assert!(matches!(found, LookedUp::Unknown(_)), "{content_type}");
    }
}

#[test]
fn a_rejections_reason_is_logged_in_one_short_line() {
    let body = json!({"order_id": id().as_str(), "outcome": "rejected", "reason": format!("no\n{}", "x".repeat(500))});
    let Submitted::Rejected(cause) = submitted(id(), &answer(422, JSON, body.to_string())) else {
        panic!("not rejected");
    };
    let told = cause.to_string();
    assert!(
        told.starts_with("the ERP rejected the order: nox") && told.len() < 240,
        "{told}"
    );
}

#[tokio::test]
async fn a_lookup_tells_found_from_absent_from_unknown() {
    let id = an_order().paid().id();
    let found = erp_answering(200, "{\"erp_number\":\"K1\"}")
        .await
        .look_up(id)
        .await;
    assert!(matches!(found, LookedUp::Found { erp_number } if erp_number == "K1"));
    assert!(matches!(
        erp_answering(404, "").await.look_up(id).await,
        LookedUp::Absent
    ));
    for (status, body) in [(500, ""), (401, ""), (429, "")] {
        assert!(
            matches!(
                erp_answering(status, body).await.look_up(id).await,
                LookedUp::Unknown(_)
            ),
            "{status}"
        );
    }
}

#[tokio::test]
async fn a_lost_answer_is_unknown_and_a_refused_connection_is_not() {
    let silent = erp(Router::new().fallback(any(std::future::pending::<&'static str>))).await;
    assert_eq!(word(&silent.submit(&an_order().paid()).await), "unknown");
    let client = HttpsClient::new(Duration::from_secs(1)).expect("a client");
    let nobody = Erp::new(
        ErpConfig {
            base_url: "http://127.0.0.1:1".to_owned(),
            token: SecretString::from("t").into(),
        },
        client,
    );
    assert_eq!(word(&nobody.submit(&an_order().paid()).await), "busy");
}

#[tokio::test]
async fn the_order_is_handed_over_in_full_under_its_id() {
    let order = an_order().lines(2).paid();
    let path = format!("/orders/{}", order.id());
    let (seen, mut received) = tokio::sync::mpsc::unbounded_channel();
    let take = move |headers: http::HeaderMap, axum::Json(body): axum::Json<Value>| async move {
        seen.send((headers["authorization"].to_str().expect("text").to_owned(), body))
            .expect("received");
        (StatusCode::CREATED, "{\"erp_number\":\"K1\"}")
    };
    let erp = erp(Router::new().route(&path, axum::routing::put(take))).await;
    assert_eq!(word(&erp.submit(&order).await), "accepted");
    let (authorization, note) = received.recv().await.expect("an order");
    assert_eq!(authorization, "Bearer secret");
    assert_eq!(note["order_id"], order.id().as_str());
    assert_eq!(note["placed_at"], "2026-11-21T12:00:00Z");
    assert_eq!(
        note["customer"],
        json!({"name": "Ada Lovelace", "email": "ada@example.org"})
    );
    assert_eq!(note["shipping_address"]["country"], "DE");
    let line = json!({
        "sku": "LINE0", "name": "PRODUCT LINE0", "quantity": 1,
        "unit_price": {"amount": 1000, "currency": "EUR"}, "line_total": {"amount": 1000, "currency": "EUR"},
    });
    assert_eq!(note["lines"][0], line);
    assert_eq!(note["total"]["amount"], 2_490);
}

#[tokio::test]
async fn the_largest_order_is_handed_over_line_by_line() {
    let order = an_order().lines(1_200).paid();
    let (seen, mut received) = tokio::sync::mpsc::unbounded_channel();
    let take = move |axum::Json(body): axum::Json<Value>| async move {
        seen.send(body).expect("received");
        (StatusCode::CREATED, "{\"erp_number\":\"K1\"}")
    };
    let erp = erp(Router::new().fallback(any(take))).await;
    assert_eq!(word(&erp.submit(&order).await), "accepted");
    let note = received.recv().await.expect("an order");
    let lines = note["lines"].as_array().expect("lines");
    let amounts = lines.iter().map(|line| line["line_total"]["amount"].as_i64());
    let sum: i64 = amounts.map(|amount| amount.expect("minor units")).sum();
    let shipping = note["shipping"]["amount"].as_i64().expect("minor units");
    assert_eq!(lines.len(), 1_200);
    assert_eq!(sum + shipping, order.quote().total.minor());
    let taxed = note["taxes"].as_array().expect("taxes").iter();
    let taxed: i64 = taxed
        .map(|part| part["net"]["amount"].as_i64().unwrap_or(0) + part["tax"]["amount"].as_i64().unwrap_or(0))
        .sum();
    assert_eq!(taxed, order.quote().total.minor());
}

#[tokio::test]
async fn a_lookup_without_an_answer_is_unknown() {
    let id = an_order().paid().id();
    let silent = erp(Router::new().fallback(any(std::future::pending::<&'static str>))).await;
    assert!(matches!(silent.look_up(id).await, LookedUp::Unknown(_)));
}

#[test]
fn the_token_is_shown_nowhere() {
    let config = ErpConfig {
        base_url: "http://erp.example".to_owned(),
        token: SecretString::from("hidden").into(),
    };
    let client = HttpsClient::new(Duration::from_secs(1)).expect("a client");
    assert!(!format!("{:?}", Erp::new(config, client)).contains("hidden"));
}

proptest! {
    #[test]
    fn no_answer_is_too_odd_to_be_understood(status in 100_u16..1_000, body in prop::collection::vec(proptest::num::u8::ANY, 0..300)) {
        let answer = answer(status, JSON, body);
        let accepted = matches!(submitted(id(), &answer), Submitted::Accepted { .. });
        let found = matches!(looked_up(id(), &answer), LookedUp::Found { .. });
        prop_assert!(!accepted && !found);
    }

    #[test]
    fn a_number_is_taken_without_its_padding_or_not_at_all(number in ".{0,80}") {
        let body = json!({"erp_number": number}).to_string();
        match submitted(id(), &answer(201, JSON, body)) {
            Submitted::Accepted { erp_number } => prop_assert_eq!(erp_number, number.trim()),
            other => prop_assert_eq!(word(&other), "unreadable"),
        }
    }
}
