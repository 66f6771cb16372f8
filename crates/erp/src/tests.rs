use std::time::Duration;

use axum::Router;
use axum::routing::any;
use serde_json::{Value, json};
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
            token: "secret".into(),
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
    let id = an_order().paid().id;
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
            token: "t".into(),
        },
        client,
    );
    assert_eq!(word(&nobody.submit(&an_order().paid()).await), "busy");
}

#[tokio::test]
async fn the_order_is_handed_over_in_full_under_its_id() {
    let order = an_order().lines(2).paid();
    let path = format!("/orders/{}", order.id);
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
    assert_eq!(note["order_id"], order.id.as_str());
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
