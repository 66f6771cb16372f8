use super::*;
use domain::OrderId;
use proptest::prelude::*;
use serde_json::{Value, json};
use testkit::{eur, noon};

fn sign(secret: &str, at: i64, body: impl AsRef<[u8]>) -> String {
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any key");
    let mac = mac.chain_update(format!("{at}.")).chain_update(body);
    let mac = mac.finalize().into_bytes();
    HEXLOWER.encode(&mac)
}

fn event(kind: &str, session: &Value) -> String {
    json!({"id": "evt_1", "object": "event", "type": kind, "data": {"object": session}}).to_string()
}

fn session() -> Value {
    json!({
        "id": "cs_1", "object": "checkout.session", "status": "complete", "payment_status": "paid", "created": 1,
        "amount_total": 1_490, "currency": "eur", "payment_intent": "pi_1",
        "client_reference_id": OrderId::for_key("key").as_str(), "metadata": {"shop": "kontor", "stage": "test", "order_id": OrderId::for_key("key").as_str(), "attempt": "2"},
    })
}

fn secrets() -> WebhookSecrets {
    WebhookSecrets::parse("whsec_new, whsec_old").expect("secrets")
}

fn hear(body: impl AsRef<[u8]>) -> Result<Message, WebhookError> {
    let (at, body) = (noon().as_second(), body.as_ref());
    let header = format!("t={at},v1={}", sign("whsec_new", at, body));
    read(&secrets(), "test", Some(&header), body, noon())
}

#[test]
fn a_signature_made_elsewhere_is_believed() {
    // By Python's hmac over `1795262400.` and the body.
    let body = r#"{"id":"evt_1","type":"customer.created","data":{"object":{"name":"Größe"}}}"#;
    let header = "t=1795262400,v1=4717e6b1cd3997e6ec3dcb97611f9595f65cddfbd936debf1f31358fd7210ee9";
    assert_eq!(noon().as_second(), 1_795_262_400);
    let heard = read(&secrets(), "test", Some(header), body.as_bytes(), noon());
    assert_eq!(heard, Ok(Message::Other));
}

#[test]
fn a_paid_session_is_a_capture() {
    let payment = domain::ReportedPayment {
        payment_id: "pi_1".into(),
        amount: eur(1_490),
    };
    let notice = PaymentNotice::Captured {
        order: OrderId::for_key("key"),
        payment,
    };
    for kind in [
        "checkout.session.completed",
        "checkout.session.async_payment_succeeded",
    ] {
        assert_eq!(hear(event(kind, &session())), Ok(Message::Notice(notice.clone())));
    }
}

#[test]
fn a_session_complete_and_unpaid_is_a_delayed_payment() {
    for (offered, was_offered) in [(json!(["card", "sepa_debit"]), true), (json!(["card"]), false)] {
        let mut unpaid = session();
        unpaid["payment_status"] = json!("unpaid");
        unpaid["payment_method_types"] = offered;
        let delayed = domain::DelayedPayment {
            attempt: 2,
            session_id: "cs_1".into(),
            payment: ReportedPayment {
                payment_id: "pi_1".into(),
                amount: eur(1_490),
            },
            was_offered,
        };
        let order = OrderId::for_key("key");
        let failed = delayed.clone();
        for (kind, notice) in [
            (
                "checkout.session.completed",
                PaymentNotice::Delayed { order, delayed },
            ),
            (
                "checkout.session.async_payment_failed",
                PaymentNotice::Failed { order, failed },
            ),
        ] {
            assert_eq!(hear(event(kind, &unpaid)), Ok(Message::Notice(notice)));
        }
    }
}

#[test]
fn a_session_that_required_no_payment_took_nothing() {
    let mut free = session();
    free["payment_status"] = json!("no_payment_required");
    free["payment_intent"] = json!(null);
    let payment = ReportedPayment {
        payment_id: "cs_1".into(),
        amount: eur(0),
    };
    let order = OrderId::for_key("key");
    let notice = PaymentNotice::Captured { order, payment };
    assert_eq!(
        hear(event("checkout.session.completed", &free)),
        Ok(Message::Notice(notice))
    );
}

#[test]
fn an_expired_session_ends_its_attempt() {
    let notice = PaymentNotice::SessionExpired {
        order: OrderId::for_key("key"),
        attempt: 2,
    };
    assert_eq!(
        hear(event("checkout.session.expired", &session())),
        Ok(Message::Notice(notice))
    );
}

#[test]
fn what_is_not_about_a_payment_of_ours_is_left_alone() {
    let mut unpaid = session();
    unpaid["payment_status"] = json!("unpaid");
    unpaid["status"] = json!("open");
    let mut foreign = session();
    foreign["client_reference_id"] = json!("somebody else's");
    for body in [
        event("checkout.session.completed", &unpaid),
        event("checkout.session.completed", &foreign),
        event("customer.created", &json!({})),
    ] {
        assert_eq!(hear(&body), Ok(Message::Other));
    }
}

#[test]
fn another_stages_and_shops_events_are_left_alone() {
    for (mark, value) in [("stage", "prod"), ("shop", "another")] {
        let mut foreign = session();
        foreign["metadata"][mark] = json!(value);
        for kind in ["checkout.session.completed", "checkout.session.expired"] {
            assert_eq!(
                hear(event(kind, &foreign)),
                Ok(Message::Other),
                "{kind} of {value}"
            );
        }
    }
}

#[test]
fn a_session_without_metadata_of_the_shop_is_left_alone() {
    for metadata in [
        json!(null),
        json!({}),
        json!({"stage": "test"}),
        json!({"sku": "1"}),
    ] {
        let mut foreign = session();
        foreign["metadata"] = metadata.clone();
        for kind in ["checkout.session.completed", "checkout.session.expired"] {
            assert_eq!(
                hear(event(kind, &foreign)),
                Ok(Message::Other),
                "{kind}: {metadata}"
            );
        }
    }
}

#[test]
fn a_session_of_the_release_before_is_one_of_the_shop() {
    let mut old = session();
    old["metadata"] = json!({"order_id": OrderId::for_key("key").as_str(), "attempt": "2"});
    assert!(matches!(
        hear(event("checkout.session.completed", &old)),
        Ok(Message::Notice(_))
    ));
}

#[test]
fn every_event_that_the_endpoint_sends_is_read() {
    for kind in EVENTS {
        assert_eq!(
            hear(event(kind, &json!(null))),
            Err(WebhookError::Malformed),
            "{kind}"
        );
    }
}

#[test]
fn thin_events_are_left_alone() {
    let thin = json!({
        "id": "evt_1", "object": "v2.core.event", "type": "v2.core.account.updated",
        "related_object": {"id": "acct_1", "type": "v2.core.account", "url": "/v2/core/accounts/acct_1"},
    });
    assert_eq!(hear(thin.to_string()), Ok(Message::Other));
}

#[test]
fn a_payment_intent_that_is_shown_whole_is_read() {
    let mut whole = session();
    whole["payment_intent"] = json!({"id": "pi_1", "object": "payment_intent", "amount": 1_490});
    let plain = hear(event("checkout.session.completed", &session()));
    assert_eq!(hear(event("checkout.session.completed", &whole)), plain);
}

#[test]
fn a_payment_in_any_currency_is_told_of() {
    for (code, known) in [("jpy", "JPY"), ("usdc", "XXX")] {
        let mut odd = session();
        odd["currency"] = json!(code);
        let Ok(Message::Notice(PaymentNotice::Captured { payment, .. })) =
            hear(event("checkout.session.completed", &odd))
        else {
            panic!("{code} is not heard")
        };
        assert_eq!(payment.amount.minor(), 1_490);
        assert_eq!(payment.amount.currency().code(), known);
    }
    assert_eq!(hear("not json"), Err(WebhookError::Malformed));
}

fn charge(refunded: bool) -> Value {
    json!({
        "id": "ch_1", "object": "charge", "amount": 1_490, "amount_refunded": 1_490, "currency": "eur",
        "payment_intent": "pi_1", "refunded": refunded, "metadata": session()["metadata"],
    })
}

#[test]
fn money_that_went_back_in_full_is_told_of() {
    let payment = ReportedPayment {
        payment_id: "pi_1".into(),
        amount: eur(1_490),
    };
    let order = OrderId::for_key("key");
    let heard = hear(event("charge.refunded", &charge(true)));
    let how = TakenBack::Refunded;
    let notice = PaymentNotice::TakenBack {
        order,
        payment: payment.clone(),
        how,
    };
    assert_eq!(heard, Ok(Message::Notice(notice)));
    assert_eq!(hear(event("charge.refunded", &charge(false))), Ok(Message::Other));
    let mut foreign = charge(true);
    foreign["metadata"]["stage"] = json!("prod");
    assert_eq!(hear(event("charge.refunded", &foreign)), Ok(Message::Other));

    let mut refund = charge(true);
    refund["failure_reason"] = json!("expired_or_canceled_card");
    let Ok(Message::Notice(PaymentNotice::TakenBack { how, .. })) = hear(event("refund.failed", &refund))
    else {
        panic!("a failed refund is not heard")
    };
    assert!(matches!(how, TakenBack::RefundFailed { reason, .. } if reason.contains("canceled_card")));

    let dispute = json!({
        "id": "du_1", "object": "dispute", "amount": 1_490, "currency": "eur", "charge": "ch_1",
        "payment_intent": "pi_1", "metadata": {}, "reason": "fraudulent",
    });
    assert_eq!(
        hear(event("charge.dispute.created", &dispute)),
        Ok(Message::Disputed(payment))
    );
}

#[test]
fn a_signature_is_good_for_five_minutes_either_way() {
    let body = event("customer.created", &json!({}));
    for (age, believed) in [
        (0, true),
        (299, true),
        (300, true),
        (301, false),
        (-299, true),
        (-301, false),
        (86_400, false),
    ] {
        let at = noon().as_second() - age;
        let header = format!("t={at},v1={}", sign("whsec_new", at, &body));
        let heard = read(&secrets(), "test", Some(&header), body.as_bytes(), noon());
        assert_eq!(heard.is_ok(), believed, "{age} s old");
    }
}

#[test]
fn any_signature_of_any_secret_will_do() {
    let body = event("customer.created", &json!({}));
    let at = noon().as_second();
    for secret in ["whsec_new", "whsec_old"] {
        let header = format!("t={at},v1={},v1={},v0=x", "0".repeat(64), sign(secret, at, &body));
        assert!(
            read(&secrets(), "test", Some(&header), body.as_bytes(), noon()).is_ok(),
            "{secret}"
        );
    }
    let retired = format!("t={at},v1={}", sign("whsec_retired", at, &body));
    assert_eq!(
        read(&secrets(), "test", Some(&retired), body.as_bytes(), noon()),
        Err(WebhookError::Signature)
    );
}

#[test]
fn an_altered_message_or_header_is_not_believed() {
    let body = event("checkout.session.completed", &session());
    let at = noon().as_second();
    let signature = sign("whsec_new", at, &body);
    let altered = body.replace("1490", "1");
    assert!(
        read(
            &secrets(),
            "test",
            Some(&format!("t={at},v1={signature}")),
            altered.as_bytes(),
            noon()
        )
        .is_err()
    );
    for header in [
        String::new(),
        format!("v1={signature}"),
        format!("t={at}"),
        format!("t={},v1={signature}", at + 1),
        format!("t={at},t={at},v1={signature}"),
        format!("t={at},v0={signature}"),
        format!("t={at},v1={}", &signature[..62]),
        format!("t=+{at},v1={signature}"),
        format!("t={at},v1={signature}{}", ",v1=00".repeat(1_000)),
    ] {
        assert_eq!(
            read(&secrets(), "test", Some(&header), body.as_bytes(), noon()),
            Err(WebhookError::Signature),
            "{header}"
        );
    }
    assert_eq!(
        read(&secrets(), "test", None, body.as_bytes(), noon()),
        Err(WebhookError::Signature)
    );
}

#[test]
fn empty_secrets_are_refused() {
    for bad in ["", "a,", ",a", " "] {
        assert!(WebhookSecrets::parse(bad).is_err(), "{bad:?}");
    }
}

proptest! {
    #[test]
    fn no_header_or_body_is_too_odd(header in ".*", body in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert_eq!(read(&secrets(), "test", Some(&header), &body, noon()), Err(WebhookError::Signature));
    }

    #[test]
    fn no_signed_body_is_too_odd(body in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert_eq!(hear(&body), Err(WebhookError::Malformed));
    }

    #[test]
    fn a_session_of_any_members_is_understood_or_not(
        member in prop::sample::select(vec!["id", "payment_status", "amount_total", "currency", "payment_intent", "client_reference_id", "metadata"]),
        value in prop_oneof![Just(Value::Null), any::<i64>().prop_map(Value::from), ".{0,30}".prop_map(Value::from), Just(json!([])), Just(json!({"attempt": "-1"}))],
    ) {
        let mut odd = session();
        odd[member] = value;
        for kind in ["checkout.session.completed", "checkout.session.expired"] {
            if let Ok(Message::Notice(PaymentNotice::Captured { payment, .. })) = hear(event(kind, &odd)) {
                prop_assert_eq!(Some(payment.amount.minor()), odd["amount_total"].as_i64());
                prop_assert_eq!(odd["payment_status"].as_str(), Some("paid"));
            }
        }
    }
}
