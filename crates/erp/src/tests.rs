use std::time::Duration;

use axum::Router;
use axum::routing::any;
use proptest::prelude::*;
use secrecy::SecretString;
use serde_json::json;
use testkit::an_order;

use super::*;

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
        Submitted::Busy(_) => "busy",
        Submitted::Unknown(_) => "unknown",
    }
}

#[tokio::test]
async fn each_status_has_its_meaning() {
    let number = "{\"erp_number\":\"K1\"}";
    for (status, body, expected) in [
        (201, number, "accepted"),
        (200, number, "accepted"),
        (409, number, "accepted"),
        (200, "{}", "unknown"),
        (201, "nonsense", "unknown"),
        (201, "[\"K1\"]", "unknown"),
        (201, "{\"erp_number\":\"\"}", "unknown"),
        (400, "", "rejected"),
        (422, "", "rejected"),
        (410, "", "rejected"),
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
        let erp = erp_answering(status, body).await;
        assert_eq!(
            word(&erp.submit(&an_order().paid()).await),
            expected,
            "{status} {body}"
        );
    }
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
    for (status, body) in [(200, ""), (500, ""), (401, ""), (429, "")] {
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
        let answer = Response::builder().status(status).body(Bytes::from(body)).expect("a response");
        let accepted = matches!(submitted(&answer), Submitted::Accepted { .. });
        let found = matches!(looked_up(&answer), LookedUp::Found { .. });
        prop_assert!(!accepted && !found);
    }

    #[test]
    fn a_number_is_taken_as_it_is_or_not_at_all(number in ".{0,80}") {
        let body = json!({"erp_number": number}).to_string();
        let answer = Response::builder().status(201).body(Bytes::from(body)).expect("a response");
        match submitted(&answer) {
            Submitted::Accepted { erp_number } => prop_assert_eq!(erp_number, number),
            other => prop_assert_eq!(word(&other), "unknown"),
        }
    }
}
