use data_encoding::HEXLOWER;
use domain::{OrderId, Status};
use hmac::{Hmac, KeyInit, Mac};
use lambda_kit::http::{
    BuildRequest, ReadRequest, ReadResponse, Request, Response, answer, read_event, request,
};
use lambda_kit::metrics::collect;
use lambda_kit::secret::Secret;
use proptest::prelude::*;
use serde_json::json;
use sha2::Sha256;
use stripe::webhook::WebhookSecrets;
use testkit::{FakeClock, FakeProvider, FakeQueue, MemoryStore, an_order, noon};

use crate::handler::PaymentEvents;

const SECRET: &str = "whsec_test";

type Subject = PaymentEvents<MemoryStore, FakeQueue, FakeProvider, FakeClock>;

fn subject() -> Subject {
    let orders = MemoryStore::default();
    orders.put_order(an_order().placed().start_attempt(noon()));
    PaymentEvents {
        orders,
        queue: FakeQueue::default(),
        provider: FakeProvider::default(),
        secrets: Secret::fixed(WebhookSecrets::parse(SECRET).expect("a secret")),
        clock: FakeClock::at_noon(),
        stage: "test".into(),
    }
}

fn signed(body: impl AsRef<[u8]>) -> Request {
    let at = noon().as_second();
    let mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("any key");
    let mac = mac
        .chain_update(format!("{at}."))
        .chain_update(&body)
        .finalize()
        .into_bytes();
    request("POST /api/webhooks/stripe")
        .with_header(
            "Stripe-Signature",
            &format!("t={at},v1={}", HEXLOWER.encode(&mac)),
        )
        .with_body(body)
}

fn event(kind: &str, order: OrderId, amount: i64) -> String {
    let session = json!({
        "id": "cs_1", "object": "checkout.session", "status": "complete", "payment_status": "paid", "created": 1,
        "amount_total": amount, "currency": "eur", "payment_intent": "pi_9",
        "client_reference_id": order.as_str(), "metadata": {"shop": "kontor", "stage": "test", "attempt": "1"},
    });
    json!({"id": "evt_1", "object": "event", "type": kind, "data": {"object": session}}).to_string()
}

fn captured(amount: i64) -> String {
    event("checkout.session.completed", an_order().draft().id(), amount)
}

fn code(response: &Response) -> (u16, String) {
    let code = response.body_json()["code"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    (response.code(), code)
}

fn status(subject: &Subject) -> Status {
    subject.orders.orders()[0].status()
}

#[tokio::test]
async fn a_payment_is_applied_once_and_the_order_queued() {
    let subject = subject();
    for _ in 0..2 {
        let response = answer(&subject, &signed(captured(1_490))).await;
        assert_eq!((response.code(), response.text()), (200, "{}"));
        assert_eq!(status(&subject), Status::Paid);
    }
    assert_eq!(subject.queue.take(), Some(an_order().draft().id()));
}

#[tokio::test]
async fn what_a_message_did_is_counted_once() {
    let subject = subject();
    let message = signed(captured(1_490));
    let (_, figures) = collect(answer(&subject, &message)).await;
    assert_eq!(
        (figures.of("OrdersPaid"), figures.of("RevenuePaid")),
        (&[1][..], &[1_490][..])
    );
    assert!(collect(answer(&subject, &message)).await.1.is_empty());
}

#[tokio::test]
async fn a_body_in_base64_is_believed_by_its_raw_bytes() {
    let subject = subject();
    let event = json!({
        "headers": {"Stripe-Signature": signed(captured(1_490)).header("stripe-signature")},
        "requestContext": {"http": {"method": "POST"}},
        "body": data_encoding::BASE64.encode(captured(1_490).as_bytes()), "isBase64Encoded": true,
    });
    let request = read_event(&event.to_string(), &[]).expect("a request");
    assert_eq!(answer(&subject, &request).await.status(), 200);
    assert_eq!(status(&subject), Status::Paid);
}

#[tokio::test]
async fn an_expired_page_ends_the_order() {
    let subject = subject();
    let body = event("checkout.session.expired", an_order().draft().id(), 1_490);
    let (response, figures) = collect(answer(&subject, &signed(body))).await;
    assert_eq!(response.code(), 200);
    assert_eq!(figures.of("OrdersExpired"), [1]);
    assert_eq!(status(&subject), Status::Expired);
}

#[tokio::test]
async fn another_amount_parks_the_order_and_is_not_sent_again() {
    let subject = subject();
    let (response, figures) = collect(answer(&subject, &signed(captured(1)))).await;
    assert_eq!(response.code(), 200);
    assert_eq!(figures.of("PaymentsParked"), [1]);
    assert_eq!(status(&subject), Status::Placed);
    assert!(subject.orders.orders()[0].parked().is_some());
    assert!(subject.queue.is_empty());
}

#[tokio::test]
async fn a_payment_in_yen_parks_the_order() {
    for currency in ["jpy", "xyz"] {
        let subject = subject();
        let body = captured(1_490).replace("\"eur\"", &format!("\"{currency}\""));
        let (response, figures) = collect(answer(&subject, &signed(body))).await;
        assert_eq!((response.code(), figures.of("PaymentsParked")), (200, &[1][..]));
        let order = subject.orders.orders().remove(0);
        assert!(order.parked().is_some() && order.needs_human(), "{currency}");
    }
}

fn charge_event(kind: &str) -> String {
    let charge = json!({
        "id": "ch_9", "object": "charge", "amount": 1_490, "amount_refunded": 1_490, "currency": "eur",
        "payment_intent": "pi_9", "refunded": true,
        "metadata": {"shop": "kontor", "stage": "test", "order_id": an_order().draft().id().as_str()},
    });
    json!({"id": "evt_2", "object": "event", "type": kind, "data": {"object": charge}}).to_string()
}

#[tokio::test]
async fn a_refund_in_the_dashboard_stops_a_paid_order() {
    let subject = subject();
    for body in [captured(1_490), charge_event("charge.refunded")] {
        assert_eq!(answer(&subject, &signed(body)).await.status(), 200);
    }
    let order = subject.orders.orders().remove(0);
    assert!(order.is_taken_back() && order.needs_human());
    assert_eq!((order.status(), order.work()), (Status::Paid, Vec::new()));
    let (_, figures) = collect(answer(&subject, &signed(charge_event("charge.refunded")))).await;
    assert!(figures.is_empty(), "it is known");
}

#[tokio::test]
async fn a_dispute_stops_the_order_that_the_provider_names() {
    let subject = subject();
    let dispute = charge_event("charge.dispute.created").replace("\"order_id\"", "\"other\"");
    // Not this shop's, as far as the provider knows.
    assert_eq!(answer(&subject, &signed(dispute.clone())).await.status(), 200);
    assert_eq!(answer(&subject, &signed(captured(1_490))).await.status(), 200);
    subject.provider.state().charges.push(testkit::Charge {
        payment_id: "pi_9".into(),
        order: an_order().draft().id(),
        amount: testkit::eur(1_490),
        refunds: Vec::new(),
        late: false,
        taken_back: false,
        disputed: false,
    });
    let (response, figures) = collect(answer(&subject, &signed(dispute))).await;
    assert_eq!((response.code(), figures.of("PaymentsParked")), (200, &[1][..]));
    let order = subject.orders.orders().remove(0);
    assert!(order.is_taken_back() && order.needs_human() && order.work().is_empty());
}

#[tokio::test]
async fn what_is_not_signed_is_not_looked_at() {
    let subject = subject();
    let unsigned = || request("POST /api/webhooks/stripe").with_body(captured(1_490));
    let altered = signed(captured(1_490)).with_body(captured(1_491));
    let forged = unsigned().with_header("stripe-signature", "t=1,v1=00");
    for request in [unsigned(), altered, forged] {
        assert_eq!(
            code(&answer(&subject, &request).await),
            (400, "invalid_signature".to_owned())
        );
    }
    assert_eq!(status(&subject), Status::Placed);
}

#[tokio::test]
async fn what_is_signed_and_not_readable_is_refused() {
    for body in ["", "not json", "{\"type\": \"checkout.session.completed\"}"] {
        let response = answer(&subject(), &signed(body)).await;
        assert_eq!(code(&response), (400, "malformed_event".to_owned()), "{body}");
    }
    let response = answer(&subject(), &signed("x".repeat(300_000))).await;
    assert_eq!(code(&response), (413, "body_too_large".to_owned()));
}

#[tokio::test]
async fn events_that_mean_nothing_to_the_shop_are_taken() {
    let body = json!({"id": "evt_1", "type": "customer.created", "data": {"object": {}}}).to_string();
    assert_eq!(answer(&subject(), &signed(body)).await.status(), 200);
}

#[tokio::test]
async fn a_payment_of_an_order_that_is_not_there_must_come_again() {
    let body = event("checkout.session.completed", OrderId::for_key("unknown"), 1_490);
    assert_eq!(
        code(&answer(&subject(), &signed(body)).await),
        (500, "internal_error".to_owned())
    );
}

#[tokio::test]
async fn a_payment_of_another_stage_is_taken_and_left_alone() {
    let subject = subject();
    for order in [an_order().draft().id(), OrderId::for_key("unknown")] {
        let ours = event("checkout.session.completed", order, 1_490);
        let theirs = ours.replace("\"stage\":\"test\"", "\"stage\":\"prod\"");
        assert_ne!(ours, theirs);
        assert_eq!(answer(&subject, &signed(theirs)).await.status(), 200);
    }
    assert_eq!(status(&subject), Status::Placed);
}

#[tokio::test]
async fn a_queue_that_is_down_does_not_lose_a_payment() {
    let subject = subject();
    subject.queue.set_down(true);
    assert_eq!(answer(&subject, &signed(captured(1_490))).await.status(), 200);
    let order = subject.orders.orders().remove(0);
    assert_eq!(order.status(), Status::Paid);
    assert!(order.due_at().is_some(), "the reconciler finds it");
}

proptest! {
    #[test]
    fn no_body_and_no_signature_makes_the_service_fail(body: Vec<u8>, signature in ".*") {
        let subject = subject();
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let unsigned = request("").with_header("stripe-signature", &signature).with_body(&body);
        for request in [unsigned, signed(&body)] {
            prop_assert!(runtime.block_on(answer(&subject, &request)).code() < 500);
        }
    }
}
