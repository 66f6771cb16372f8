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

/// A call as it came.
struct Call {
    path: String,
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

type Seen = Arc<Mutex<Vec<Call>>>;

/// A Stripe that answers each call in turn, and notes the calls.
async fn stripe(answers: Vec<(u16, Value)>) -> (Stripe, Seen) {
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

fn session(status: &str, payment_status: &str) -> Value {
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
async fn a_refund_that_was_tried_is_looked_for_first() {
    let (order, _) = started();
    let part = json!({"id": "re_0", "status": "succeeded", "amount": 500});
    let failed = json!({"id": "re_0", "status": "failed", "amount": 1_490});
    let done = json!({"id": "re_1", "status": "succeeded", "amount": 1_490});
    let (provider, seen) = stripe(vec![(
        200,
        json!({"data": [&part, &failed, done], "has_more": false}),
    )])
    .await;
    let outcome = provider.refund(order.id(), &a_refund(), true).await;
    assert!(matches!(outcome, RefundOutcome::Done { refund_id } if refund_id == "re_1"));
    assert_eq!(
        seen.lock().expect("no panic")[0].path,
        "/v1/refunds?limit=100&payment_intent=pi_1"
    );

    // Nothing has been given back yet: now it is.
    let (provider, _) = stripe(vec![
        (200, json!({"data": [part, failed], "has_more": false})),
        (200, json!({"id": "re_2", "status": "pending", "amount": 1_490})),
    ])
    .await;
    let outcome = provider.refund(order.id(), &a_refund(), true).await;
    assert!(matches!(outcome, RefundOutcome::Done { refund_id } if refund_id == "re_2"));

    let (provider, _) = stripe(vec![(500, json!({}))]).await;
    assert!(matches!(
        provider.refund(order.id(), &a_refund(), true).await,
        RefundOutcome::Unknown(_)
    ));
}

#[tokio::test]
async fn a_refund_has_a_key_of_its_own_and_a_refusal_is_checked() {
    let (order, _) = started();
    let (provider, seen) = stripe(vec![(
        200,
        json!({"id": "re_1", "status": "pending", "amount": 1_490}),
    )])
    .await;
    assert!(matches!(
        provider.refund(order.id(), &a_refund(), false).await,
        RefundOutcome::Done { .. }
    ));
    {
        let seen = seen.lock().expect("no panic");
        assert_eq!(seen[0].header("idempotency-key"), "refund-pi_1");
        assert_eq!(
            (seen[0].field("payment_intent"), seen[0].field("amount")),
            (Some("pi_1"), Some("1490"))
        );
    }

    let none = json!({"data": [{"id": "re_0", "status": "failed", "amount": 1_490}], "has_more": false});
    let (provider, _) = stripe(vec![(400, error("charge_already_refunded")), (200, none)]).await;
    assert!(matches!(
        provider.refund(order.id(), &a_refund(), false).await,
        RefundOutcome::RefusedForGood(_)
    ));
    for (status, body) in [
        (400, error("balance_insufficient")),
        (407, json!("a proxy's page")),
    ] {
        let none = json!({"data": [], "has_more": false});
        let (provider, _) = stripe(vec![(status, body), (200, none)]).await;
        assert!(matches!(
            provider.refund(order.id(), &a_refund(), false).await,
            RefundOutcome::Refused(_)
        ));
    }
    let done = json!({"data": [{"id": "re_1", "status": "succeeded", "amount": 1_490}], "has_more": false});
    let (provider, _) = stripe(vec![(400, error("charge_already_refunded")), (200, done)]).await;
    assert!(matches!(
        provider.refund(order.id(), &a_refund(), false).await,
        RefundOutcome::Done { refund_id } if refund_id == "re_1"
    ));
    let (provider, _) = stripe(vec![(
        200,
        json!({"id": "re_1", "status": "failed", "amount": 1_490}),
    )])
    .await;
    assert!(matches!(
        provider.refund(order.id(), &a_refund(), false).await,
        RefundOutcome::Refused(_)
    ));
    let (provider, _) = stripe(vec![(500, json!({}))]).await;
    assert!(matches!(
        provider.refund(order.id(), &a_refund(), false).await,
        RefundOutcome::Unknown(_)
    ));
}

#[tokio::test]
async fn a_refund_under_a_used_up_key_gets_another() {
    let (order, _) = started();
    let nothing = (200, json!({"data": [], "has_more": false}));
    let kept = (500, json!({"replayed": true}));
    let done = (200, json!({"id": "re_1", "status": "succeeded", "amount": 1_490}));
    let (provider, seen) = stripe(vec![nothing.clone(), kept.clone(), kept.clone(), done]).await;
    let outcome = provider.refund(order.id(), &a_refund(), true).await;
    assert!(matches!(outcome, RefundOutcome::Done { refund_id } if refund_id == "re_1"));
    let keys: Vec<_> = seen.lock().expect("no panic")[1..]
        .iter()
        .map(|call| call.header("idempotency-key").to_owned())
        .collect();
    assert_eq!(keys, ["refund-pi_1", "refund-pi_1-1", "refund-pi_1-2"]);

    // Not before it was looked for, and not while the failed call may still be at work.
    for (tried_before, answers) in [
        (false, vec![kept.clone()]),
        (true, vec![nothing.clone(), (500, json!({}))]),
        (
            true,
            vec![nothing.clone(), (409, error("idempotency_key_in_use"))],
        ),
        (true, vec![nothing, kept.clone(), (500, json!({}))]),
    ] {
        let calls = answers.len();
        let (provider, seen) = stripe(answers).await;
        let outcome = provider.refund(order.id(), &a_refund(), tried_before).await;
        assert!(matches!(outcome, RefundOutcome::Unknown(_)), "{outcome:?}");
        assert_eq!(seen.lock().expect("no panic").len(), calls);
    }
}

#[tokio::test]
async fn a_refund_that_no_list_shows_yet_is_not_refused_for_good() {
    let (order, _) = started();
    let nothing = (200, json!({"data": [], "has_more": false}));
    let refused = (400, error("charge_already_refunded"));
    let (provider, _) = stripe(vec![refused, nothing]).await;
    let outcome = provider.refund(order.id(), &a_refund(), false).await;
    assert!(matches!(outcome, RefundOutcome::Refused(_)), "{outcome:?}");
}

#[tokio::test]
async fn a_payment_that_was_given_back_in_parts_is_given_back() {
    let (order, _) = started();
    let part = |id: &str, amount: i64| json!({"id": id, "status": "succeeded", "amount": amount});
    let parts = json!({"data": [part("re_2", 490), part("re_1", 1_000)], "has_more": false});
    let (provider, _) = stripe(vec![(200, parts)]).await;
    let outcome = provider.refund(order.id(), &a_refund(), true).await;
    assert!(matches!(outcome, RefundOutcome::Done { refund_id } if refund_id == "re_2"));
}

#[tokio::test]
async fn what_is_left_of_a_part_by_hand_is_given_back() {
    let (order, _) = started();
    let part = json!({"data": [{"id": "re_1", "status": "succeeded", "amount": 500}], "has_more": false});
    let rest = json!({"id": "re_2", "status": "succeeded", "amount": 990});
    let (provider, seen) = stripe(vec![(200, part), (200, rest)]).await;
    let outcome = provider.refund(order.id(), &a_refund(), true).await;
    assert!(matches!(outcome, RefundOutcome::Done { refund_id } if refund_id == "re_2"));
    let call = &seen.lock().expect("no panic")[1];
    assert_eq!(
        (call.field("amount"), call.header("idempotency-key")),
        (Some("990"), "refund-pi_1-rest-990")
    );
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

/// An event of a list about a session of that order, which names this shop and stage or nothing.
fn past_event(id: &str, order: OrderId, marked: bool) -> Value {
    let mut session = session("complete", "paid");
    session["client_reference_id"] = json!(order.as_str());
    session["metadata"] = json!({"attempt": "1"});
    if marked {
        session["metadata"] = json!({"attempt": "1", "shop": "kontor", "stage": "test"});
    }
    json!({"id": id, "type": "checkout.session.completed", "data": {"object": session}})
}

#[tokio::test]
async fn past_messages_come_page_by_page_and_the_oldest_first() {
    let [first, second] = ["first", "second"].map(OrderId::for_key);
    let strange = json!({"id": "evt_3", "type": "checkout.session.completed", "data": {}});
    let newest = json!({"data": [strange, past_event("evt_2", second, true)], "has_more": true});
    let oldest = json!({"data": [past_event("evt_1", first, false)], "has_more": false});
    let (provider, seen) = stripe(vec![(200, newest), (200, oldest)]).await;
    let messages = provider.messages_since(noon()).await.expect("all of them");
    let told = messages.iter().map(|told| {
        let order = match &told.message {
            Ok(crate::webhook::Message::Notice(notice)) => Some(notice.order()),
            _ => None,
        };
        (told.event_id.as_str(), order, told.is_marked)
    });
    assert_eq!(
        told.collect::<Vec<_>>(),
        [
            ("evt_1", Some(first), false),
            ("evt_2", Some(second), true),
            ("evt_3", None, false)
        ]
    );
    assert!(messages[2].message.is_err());
    let paths: Vec<_> = seen
        .lock()
        .expect("no panic")
        .iter()
        .map(|call| call.path.clone())
        .collect();
    let from = format!("/v1/events?limit=100&created[gte]={}", noon().as_second());
    assert!(paths[0].starts_with(&from) && paths[0].contains("types[]=charge.refunded"));
    assert!(paths[1].ends_with("&starting_after=evt_2"), "{}", paths[1]);

    let (provider, _) = stripe(vec![(500, json!({}))]).await;
    assert!(provider.messages_since(noon()).await.is_err());
}

#[tokio::test]
async fn only_this_shops_open_pages_are_named() {
    let of = |id: &str, stage: &str, status: &str| {
        let mut page = session(status, "unpaid");
        page["id"] = json!(id);
        page["metadata"] = json!({"attempt": "1", "shop": "kontor", "stage": stage});
        page
    };
    let listed = [
        of("cs_1", "test", "open"),
        of("cs_2", "prod", "open"),
        of("cs_3", "test", "expired"),
    ];
    let (provider, _) = stripe(vec![(200, json!({"data": listed, "has_more": false}))]).await;
    let pages = provider.open_pages_since(noon()).await.expect("all of them");
    let names: Vec<_> = pages.iter().map(|page| page.session_id.as_str()).collect();
    assert_eq!(names, ["cs_1"]);
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
