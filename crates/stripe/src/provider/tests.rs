use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::routing::any;
use domain::{PaymentSession, RefundReason, RefundState};
use https::HttpsClient;
use serde_json::{Value, json};
use testkit::{an_order, eur, noon};

use super::*;
use crate::StripeConfig;

type Seen = Arc<Mutex<Vec<(String, String)>>>;

/// A Stripe that answers each call in turn, and notes path and idempotency key.
async fn stripe(answers: Vec<(u16, Value)>) -> (Stripe, Seen) {
    let seen = Seen::default();
    let noted = Arc::clone(&seen);
    let answers = Arc::new(Mutex::new(answers.into_iter()));
    let answer = move |request: Request| {
        let key = request
            .headers()
            .get("idempotency-key")
            .and_then(|key| key.to_str().ok())
            .unwrap_or_default();
        noted
            .lock()
            .expect("no panic")
            .push((request.uri().to_string(), key.to_owned()));
        let (status, body) = answers
            .lock()
            .expect("no panic")
            .next()
            .expect("an unforeseen call");
        async move {
            (
                http::StatusCode::from_u16(status).expect("a status"),
                body.to_string(),
            )
        }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let api_base = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(any(answer))).await });
    let config = StripeConfig {
        api_base,
        secret_key: "sk_test".into(),
        site_url: "https://shop.example".into(),
    };
    (
        Stripe::new(
            config,
            HttpsClient::new(Duration::from_secs(5)).expect("a client"),
        ),
        seen,
    )
}

fn started() -> (Order, PaymentAttempt) {
    let order = an_order().placed().start_attempt(noon());
    let attempt = order.payment.clone().expect("an attempt");
    (order, attempt)
}

fn session(status: &str, payment_status: &str) -> Value {
    json!({
        "id": "cs_1", "url": "https://pay.example/cs_1", "status": status, "payment_status": payment_status, "created": 1,
        "amount_total": 1_490, "currency": "eur", "payment_intent": "pi_1",
        "client_reference_id": started().0.id.as_str(), "metadata": {"attempt": "1"},
    })
}

fn a_refund() -> Refund {
    Refund {
        payment_id: "pi_1".into(),
        amount: eur(1_490),
        reason: RefundReason::OrderEnded,
        state: RefundState::Due,
    }
}

fn error(code: &str) -> Value {
    json!({"error": {"type": "invalid_request_error", "code": code, "message": "ada@example.org is secret"}})
}

#[tokio::test]
async fn a_page_is_opened_under_the_attempts_key() {
    let (order, attempt) = started();
    let (stripe, seen) = stripe(vec![(200, session("open", "unpaid"))]).await;
    let Opened::Open(opened) = stripe.open(&order, &attempt).await else {
        panic!("not opened")
    };
    assert_eq!(
        opened,
        PaymentSession {
            id: "cs_1".into(),
            redirect_url: "https://pay.example/cs_1".into()
        }
    );
    assert_eq!(seen.lock().expect("no panic")[0].1, format!("{}-1", order.id));
}

#[tokio::test]
async fn only_a_certain_no_is_a_refusal() {
    let (order, attempt) = started();
    for (status, refused) in [
        (400, true),
        (402, true),
        (404, true),
        (401, false),
        (403, false),
        (409, false),
        (429, false),
        (500, false),
        (503, false),
    ] {
        let (stripe, _) = stripe(vec![(status, error("x"))]).await;
        let opened = stripe.open(&order, &attempt).await;
        assert_eq!(matches!(opened, Opened::Refused(_)), refused, "{status}");
        assert_eq!(matches!(opened, Opened::Unknown(_)), !refused, "{status}");
        let (Opened::Refused(cause) | Opened::Unknown(cause)) = opened else {
            unreachable!()
        };
        assert!(!cause.to_string().contains("secret"), "{cause}");
    }
}

#[tokio::test]
async fn a_known_page_is_looked_up_by_its_name() {
    let (order, attempt) = started();
    let known = PaymentAttempt {
        state: AttemptState::Open(PaymentSession {
            id: "cs_1".into(),
            redirect_url: String::new(),
        }),
        ..attempt
    };
    for (answer, expected) in [
        ((200, session("open", "unpaid")), "Open"),
        ((200, session("complete", "paid")), "Paid"),
        ((200, session("expired", "unpaid")), "Expired"),
        ((200, session("complete", "unpaid")), "Unknown"),
        ((200, json!({})), "Unknown"),
        ((404, error("resource_missing")), "Unknown"),
        ((500, json!({})), "Unknown"),
    ] {
        let (stripe, seen) = stripe(vec![answer.clone()]).await;
        let state = format!("{:?}", stripe.look_up(order.id, &known).await);
        assert!(state.starts_with(expected), "{answer:?}: {state}");
        assert_eq!(seen.lock().expect("no panic")[0].0, "/v1/checkout/sessions/cs_1");
    }
}

#[tokio::test]
async fn a_page_whose_name_was_lost_is_found_among_all() {
    let (order, attempt) = started();
    let mut other = session("open", "unpaid");
    other["id"] = json!("cs_other");
    other["metadata"]["attempt"] = json!("2");
    let first = json!({"data": [other], "has_more": true});
    let second = json!({"data": [session("complete", "paid")], "has_more": false});
    let (provider, seen) = stripe(vec![(200, first.clone()), (200, second)]).await;
    assert!(
        matches!(provider.look_up(order.id, &attempt).await, SessionState::Paid(payment) if payment.amount == eur(1_490))
    );
    assert!(
        seen.lock().expect("no panic")[1]
            .0
            .ends_with("&starting_after=cs_other")
    );

    let (provider, _) = stripe(vec![(200, first), (200, json!({"data": [], "has_more": false}))]).await;
    assert!(matches!(
        provider.look_up(order.id, &attempt).await,
        SessionState::Absent
    ));
}

#[tokio::test]
async fn closing_a_page_that_was_paid_tells_of_the_payment() {
    let (stripe, _) = stripe(vec![(400, error("x")), (200, session("complete", "paid"))]).await;
    assert!(matches!(stripe.close("cs_1").await, SessionState::Paid(_)));
}

#[tokio::test]
async fn a_refund_that_was_tried_is_looked_for_first() {
    let (order, _) = started();
    let done = json!({"data": [{"id": "re_1", "status": "succeeded"}], "has_more": false});
    let (stripe, seen) = stripe(vec![(200, done)]).await;
    let outcome = stripe.refund(order.id, &a_refund(), true).await;
    assert!(matches!(outcome, RefundOutcome::Done { refund_id } if refund_id == "re_1"));
    assert_eq!(
        seen.lock().expect("no panic")[0].0,
        "/v1/refunds?limit=100&payment_intent=pi_1"
    );
}

#[tokio::test]
async fn a_refund_has_a_key_of_its_own_and_a_refusal_is_checked() {
    let (order, _) = started();
    let (provider, seen) = stripe(vec![(200, json!({"id": "re_1", "status": "pending"}))]).await;
    assert!(matches!(
        provider.refund(order.id, &a_refund(), false).await,
        RefundOutcome::Done { .. }
    ));
    assert_eq!(seen.lock().expect("no panic")[0].1, "refund-pi_1");

    let none = json!({"data": [{"id": "re_0", "status": "failed"}], "has_more": false});
    let (provider, _) = stripe(vec![(400, error("charge_already_refunded")), (200, none)]).await;
    assert!(matches!(
        provider.refund(order.id, &a_refund(), false).await,
        RefundOutcome::Refused(_)
    ));
    let (provider, _) = stripe(vec![(500, json!({}))]).await;
    assert!(matches!(
        provider.refund(order.id, &a_refund(), false).await,
        RefundOutcome::Unknown(_)
    ));
}
