use std::sync::{Arc, Mutex};
use std::time::Duration;

use app::ports::PaymentSession;
use axum::Router;
use axum::extract::Request;
use axum::routing::any;
use domain::{RefundReason, RefundState};
use https::HttpsClient;
use secrecy::SecretString;
use serde_json::{Value, json};
use testkit::{altered, an_order, eur, noon};

use super::*;
use crate::StripeConfig;

mod refunds;

/// A call as it came.
pub(crate) struct Call {
    pub(crate) path: String,
    headers: http::HeaderMap,
    form: Vec<(String, String)>,
}

impl Call {
    fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().expect("text"))
    }

    fn field(&self, name: &str) -> Option<&str> {
        let field = self.form.iter().find(|(own, _)| own == name);
        field.map(|(_, value)| value.as_str())
    }
}

pub(crate) type Seen = Arc<Mutex<Vec<Call>>>;

/// A Stripe that answers each call in turn, and notes the calls.
pub(crate) async fn stripe(answers: Vec<(u16, Value)>) -> (Stripe, Seen) {
    let seen = Seen::default();
    let noted = Arc::clone(&seen);
    let answers = Arc::new(Mutex::new(answers.into_iter()));
    let answer = move |request: Request| {
        let (status, body) = answers
            .lock()
            .expect("no panic")
            .next()
            .expect("an unforeseen call");
        let noted = Arc::clone(&noted);
        async move {
            let (parts, sent) = request.into_parts();
            let sent = axum::body::to_bytes(sent, 1_000_000).await.expect("a body");
            noted.lock().expect("no panic").push(Call {
                path: parts.uri.to_string(),
                headers: parts.headers,
                form: form_urlencoded::parse(&sent).into_owned().collect(),
            });
            // What is kept under a key is marked as that in the body, here only.
            let replayed = body["replayed"]
                .is_boolean()
                .then_some(("idempotent-replayed", "true"));
            (
                http::StatusCode::from_u16(status).expect("a status"),
                axum::response::AppendHeaders(replayed),
                body.to_string(),
            )
        }
    };
    (
        stripe_at(serve(Router::new().fallback(any(answer))).await, TIMEOUT),
        seen,
    )
}

/// Long enough for a busy machine.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The address of a server.
async fn serve(router: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

fn stripe_at(api_base: String, timeout: Duration) -> Stripe {
    let config = StripeConfig {
        api_base,
        secret_key: SecretString::from("sk_test").into(),
        site_url: "https://shop.example".into(),
        stage: "test".into(),
        payment_methods: crate::PaymentMethods::default(),
    };
    Stripe::new(config, HttpsClient::new(timeout).expect("a client"))
}

fn started() -> (Order, PaymentAttempt) {
    let order = an_order().placed().start_attempt(noon());
    let attempt = order.payment().cloned().expect("an attempt");
    (order, attempt)
}

pub(crate) fn session(status: &str, payment_status: &str) -> Value {
    json!({
        "id": "cs_1", "url": "https://pay.example/cs_1", "status": status, "payment_status": payment_status, "created": 1,
        "amount_total": 1_490, "currency": "eur", "payment_intent": "pi_1",
        "client_reference_id": started().0.id().as_str(), "metadata": {"attempt": "1"},
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
    let seen = seen.lock().expect("no panic");
    let call = &seen[0];
    assert_eq!(call.path, "/v1/checkout/sessions");
    assert_eq!(call.header("idempotency-key"), format!("{}-1", order.id()));
    assert_eq!(call.header("authorization"), "Bearer sk_test");
    assert_eq!(call.header("content-type"), "application/x-www-form-urlencoded");
    assert_eq!(call.header("stripe-version"), "2026-10-28.endive");
    assert_eq!(call.field("mode"), Some("payment"));
    assert_eq!(call.field("allowed_payment_method_types[0]"), Some("card"));
    assert_eq!(call.field("client_reference_id"), Some(order.id().as_str()));
    assert_eq!(
        call.field("payment_intent_data[metadata][order_id]"),
        Some(order.id().as_str())
    );
}

#[tokio::test]
async fn a_name_of_any_signs_arrives_as_it_is() {
    let (order, attempt) = started();
    let name = "Tea & cups = 50% Größe + 茶 [0]".to_owned();
    let order = altered(order, |order| order.quote.lines[0].name = name);
    let (stripe, seen) = stripe(vec![(200, session("open", "unpaid"))]).await;
    assert!(matches!(stripe.open(&order, &attempt).await, Opened::Open(_)));
    let seen = seen.lock().expect("no panic");
    assert_eq!(
        seen[0].field("line_items[0][price_data][product_data][name]"),
        Some(order.quote().lines[0].name.as_str())
    );
}

#[tokio::test]
async fn what_came_of_a_call_without_a_readable_answer_is_unknown() {
    let (order, attempt) = started();
    for answer in [
        json!({}),
        json!([]),
        json!({"id": "cs_1", "payment_status": "unpaid"}),
    ] {
        let (stripe, _) = stripe(vec![(200, answer.clone())]).await;
        let opened = stripe.open(&order, &attempt).await;
        assert!(matches!(opened, Opened::Unknown(_)), "{answer}: {opened:?}");
    }
    let silent = stripe_at(
        serve(Router::new().fallback(any(std::future::pending::<&'static str>))).await,
        Duration::from_millis(200),
    );
    let unreachable = stripe_at("http://127.0.0.1:1".to_owned(), TIMEOUT);
    for stripe in [silent, unreachable] {
        assert!(matches!(stripe.open(&order, &attempt).await, Opened::Unknown(_)));
        assert!(matches!(
            stripe.look_up(order.id(), &attempt).await,
            SessionState::Unknown(_)
        ));
        assert!(matches!(
            stripe.refund(order.id(), &a_refund(), false).await,
            RefundOutcome::Unknown(_)
        ));
    }
}

#[tokio::test]
async fn a_connection_that_breaks_off_leaves_the_call_unknown() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let base = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut some = [0; 64];
            tokio::io::AsyncReadExt::read(&mut stream, &mut some)
                .await
                .expect("a request");
        }
    });
    let (order, attempt) = started();
    let opened = stripe_at(base, TIMEOUT).open(&order, &attempt).await;
    assert!(matches!(opened, Opened::Unknown(_)), "{opened:?}");
}

#[tokio::test]
async fn a_kept_failure_is_looked_into() {
    let (order, attempt) = started();
    let reused = json!({"error": {"type": "idempotency_error", "message": "other parameters"}});
    let mut paid = session("complete", "paid");
    paid["url"] = json!(null);
    let list = |sessions: Value| (200, json!({"data": sessions, "has_more": false}));
    for kept in [(400, reused), (500, error("x")), (503, json!("a proxy's page"))] {
        for (looked_up, expected) in [
            (list(json!([session("open", "unpaid")])), "Open"),
            (list(json!([paid])), "Unknown"),
            // Nobody knows of a page: the next attempt has another key.
            (list(json!([])), "Failed"),
            (
                list(json!([{"id": "cs_1", "payment_status": "unpaid"}])),
                "Failed",
            ),
            ((500, json!({})), "Unknown"),
        ] {
            let (stripe, seen) = stripe(vec![kept.clone(), looked_up.clone()]).await;
            let opened = format!("{:?}", stripe.open(&order, &attempt).await);
            assert!(opened.starts_with(expected), "{kept:?}, {looked_up:?}: {opened}");
            assert!(
                seen.lock().expect("no panic")[1]
                    .path
                    .starts_with("/v1/checkout/sessions?limit=100")
            );
        }
    }
}

#[tokio::test]
async fn a_page_whose_key_has_other_words_is_shown_by_its_name() {
    let (order, attempt) = started();
    let state = AttemptState::Open {
        session_id: "cs_1".into(),
    };
    let attempt = PaymentAttempt { state, ..attempt };
    let reused = json!({"error": {"type": "idempotency_error", "message": "other parameters"}});
    let (stripe, seen) = stripe(vec![(400, reused), (200, session("open", "unpaid"))]).await;
    assert!(matches!(stripe.open(&order, &attempt).await, Opened::Open(page) if page.id == "cs_1"));
    assert_eq!(
        seen.lock().expect("no panic")[1].path,
        "/v1/checkout/sessions/cs_1?expand[]=payment_intent"
    );
}

#[tokio::test]
async fn an_address_that_stripe_refuses_is_left_to_the_shopper() {
    let (order, attempt) = started();
    let mut refusal = error("email_invalid");
    refusal["error"]["param"] = json!("customer_email");
    let (stripe, seen) = stripe(vec![(400, refusal), (200, session("open", "unpaid"))]).await;
    assert!(matches!(stripe.open(&order, &attempt).await, Opened::Open(_)));
    let seen = seen.lock().expect("no panic");
    assert_eq!(
        seen[0].field("customer_email"),
        Some(order.customer().email.as_str())
    );
    assert_eq!(seen[1].field("customer_email"), None);
    let key = format!("{}-1-without-email", order.id());
    assert_eq!(seen[1].header("idempotency-key"), key);
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
        let (stripe, _) = stripe(vec![(status, error("x")), (500, json!({}))]).await;
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
        state: AttemptState::Open {
            session_id: "cs_1".into(),
        },
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
        let state = format!("{:?}", stripe.look_up(order.id(), &known).await);
        assert!(state.starts_with(expected), "{answer:?}: {state}");
        assert_eq!(
            seen.lock().expect("no panic")[0].path,
            "/v1/checkout/sessions/cs_1?expand[]=payment_intent"
        );
    }
}

#[tokio::test]
async fn a_page_whose_name_was_lost_is_found_among_all() {
    let (order, attempt) = started();
    let mut other = session("open", "unpaid");
    other["id"] = json!("cs_other");
    other["metadata"]["attempt"] = json!("2");
    let from = noon().as_second() - 60;
    let to = attempt.expires_at.as_second() - 30 * 60 + 60;
    let first = json!({"data": [other], "has_more": true});
    let second = json!({"data": [session("complete", "paid")], "has_more": false});
    let (provider, seen) = stripe(vec![(200, first.clone()), (200, second)]).await;
    assert!(
        matches!(provider.look_up(order.id(), &attempt).await, SessionState::Paid(payment) if payment.amount == eur(1_490))
    );
    assert!(seen.lock().expect("no panic")[1].path.ends_with(&format!(
        "limit=100&created[gte]={from}&created[lte]={to}&starting_after=cs_other"
    )));

    let (provider, _) = stripe(vec![(200, first), (200, json!({"data": [], "has_more": false}))]).await;
    assert!(matches!(
        provider.look_up(order.id(), &attempt).await,
        SessionState::Absent
    ));
}

#[tokio::test]
async fn of_several_pages_of_an_attempt_the_paid_one_counts() {
    let (order, attempt) = started();
    let page = json!({"data": [session("open", "unpaid"), session("complete", "paid")], "has_more": false});
    let (stripe, _) = stripe(vec![(200, page)]).await;
    assert!(matches!(
        stripe.look_up(order.id(), &attempt).await,
        SessionState::Paid(_)
    ));
}

#[tokio::test]
async fn a_page_that_is_not_found_among_too_many_is_not_absent() {
    let (order, attempt) = started();
    let mut other = session("open", "unpaid");
    other["client_reference_id"] = json!(null);
    let page = json!({"data": [other], "has_more": true});
    let (stripe, _) = stripe(vec![(200, page); MOST_PAGES]).await;
    assert!(matches!(
        stripe.look_up(order.id(), &attempt).await,
        SessionState::Unknown(_)
    ));
}

#[tokio::test]
async fn closing_twice_is_no_repetition_under_a_key() {
    let (stripe, seen) = stripe(vec![(200, session("expired", "unpaid"))]).await;
    assert!(matches!(stripe.close("cs_1").await, SessionState::Expired));
    let seen = seen.lock().expect("no panic");
    assert_eq!(seen[0].path, "/v1/checkout/sessions/cs_1/expire");
    assert_eq!(seen[0].header("idempotency-key"), "");
}

#[tokio::test]
async fn a_page_that_could_not_be_closed_is_looked_at() {
    for (refusal, now, expected) in [
        (400, (200, session("complete", "paid")), "Paid"),
        (400, (200, session("expired", "unpaid")), "Expired"),
        (500, (200, session("open", "unpaid")), "Open"),
        (500, (500, json!({})), "Unknown"),
    ] {
        let (stripe, _) = stripe(vec![(refusal, error("x")), now.clone()]).await;
        let state = format!("{:?}", stripe.close("cs_1").await);
        assert!(state.starts_with(expected), "{refusal}, {now:?}: {state}");
    }
}

#[tokio::test]
async fn the_order_of_a_payment_is_told_by_its_metadata() {
    let order = started().0.id();
    let of = |stage: &str| {
        let metadata = json!({"shop": "kontor", "stage": stage, "order_id": order.as_str()});
        json!({"id": "pi_1", "metadata": metadata})
    };
    for (answer, expected) in [
        ((200, of("test")), Some(order)),
        ((200, of("prod")), None),
        ((200, json!({"id": "pi_1", "metadata": {}})), None),
        ((404, error("resource_missing")), None),
    ] {
        let (stripe, seen) = stripe(vec![answer.clone()]).await;
        assert_eq!(
            stripe.order_of("pi_1").await.expect("an answer"),
            expected,
            "{answer:?}"
        );
        assert_eq!(seen.lock().expect("no panic")[0].path, "/v1/payment_intents/pi_1");
    }
    let (stripe, _) = stripe(vec![(500, json!({}))]).await;
    assert!(stripe.order_of("pi_1").await.is_err());
}

#[tokio::test]
async fn what_no_other_attempt_would_change_is_refused() {
    let (order, attempt) = started();
    let mut too_soon = error("parameter_invalid");
    too_soon["error"]["param"] = json!("expires_at");
    for (answer, expected) in [
        ((400, error("amount_too_large")), "Refused"),
        ((400, too_soon), "Failed"),
        ((407, json!("a proxy's page")), "Failed"),
    ] {
        let (stripe, _) = stripe(vec![answer.clone()]).await;
        let opened = format!("{:?}", stripe.open(&order, &attempt).await);
        assert!(opened.starts_with(expected), "{answer:?}: {opened}");
    }
}

#[tokio::test]
async fn the_payment_intent_tells_a_delayed_payment_from_a_failed_one() {
    let (order, attempt) = started();
    let stands = |status: &str| {
        let mut session = session("complete", "unpaid");
        session["payment_method_types"] = json!(["card", "sepa_debit"]);
        session["payment_intent"] = json!({"id": "pi_1", "status": status});
        session
    };
    for (status, expected) in [
        ("processing", "Delayed"),
        ("requires_action", "Delayed"),
        ("requires_payment_method", "Failed"),
        ("canceled", "Failed"),
        // The session lags behind.
        ("succeeded", "Unknown"),
    ] {
        let open = PaymentAttempt {
            state: AttemptState::Open {
                session_id: "cs_1".into(),
            },
            ..attempt.clone()
        };
        let (known, seen) = stripe(vec![(200, stands(status))]).await;
        let state = format!("{:?}", known.look_up(order.id(), &open).await);
        assert!(state.starts_with(expected), "{status}: {state}");
        assert_eq!(
            seen.lock().expect("no panic")[0].path,
            "/v1/checkout/sessions/cs_1?expand[]=payment_intent"
        );
        // A list shows no more than the intent's name.
        let page =
            json!({"data": [session("complete", "unpaid"), session("open", "unpaid")], "has_more": false});
        let (lost, _) = stripe(vec![(200, page), (200, stands(status))]).await;
        assert_eq!(format!("{:?}", lost.look_up(order.id(), &attempt).await), state);
    }
}
