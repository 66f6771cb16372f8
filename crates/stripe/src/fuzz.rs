//! What comes from Stripe, or claims to, byte by byte: `.ci/fuzz` runs these targets for long, `cargo test` replays what was found.

use app::PaymentNotice;
use app::ports::SessionState;
use bytes::Bytes;
use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit, Mac};
use http::Response;
use serde_json::Value;
use sha2::Sha256;
use testkit::noon;

use crate::call::{failure, read};
use crate::objects::{List, Refund, Session};
use crate::provider::state;
use crate::webhook::{self, Message, WebhookError, WebhookSecrets};

const SECRETS: [&str; 2] = ["whsec_new", "whsec_old"];

fn secrets() -> WebhookSecrets {
    WebhookSecrets::parse(&SECRETS.join(",")).expect("secrets")
}

fn signature(secret: &str, at: &str, body: &[u8]) -> String {
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any key");
    let mac = mac.chain_update(at).chain_update(".").chain_update(body);
    HEXLOWER.encode(&mac.finalize().into_bytes())
}

/// The first line is the header, the rest is the body.
#[test]
fn webhook_signature() {
    let secrets = secrets();
    bolero::check!().for_each(|bytes: &[u8]| {
        let mut parts = bytes.splitn(2, |byte| *byte == b'\n');
        let header = parts.next().and_then(|header| std::str::from_utf8(header).ok());
        let body = parts.next().unwrap_or_default();
        let heard = webhook::read(&secrets, "test", header, body, noon());
        if heard == Err(WebhookError::Signature) {
            return;
        }
        let header = header.expect("what has no header is not believed");
        let at = header
            .split(',')
            .find_map(|part| part.trim().strip_prefix("t="))
            .expect("a time");
        let age = noon().as_second() - at.parse::<i64>().expect("a number");
        assert!(age.abs() <= 300, "{age} s old");
        let genuine = SECRETS.map(|secret| format!("v1={}", signature(secret, at, body)));
        assert!(
            genuine.iter().any(|own| header.contains(own)),
            "believed unsigned"
        );
    });
}

#[test]
fn webhook_body() {
    let secrets = secrets();
    bolero::check!().for_each(|body: &[u8]| {
        let at = noon().as_second().to_string();
        let header = format!("t={at},v1={}", signature(SECRETS[0], &at, body));
        let heard = webhook::read(&secrets, "test", Some(&header), body, noon());
        assert_ne!(heard, Err(WebhookError::Signature));
        let (Ok(Message::Notice(notice)), Ok(event)) = (heard, serde_json::from_slice::<Value>(body)) else {
            return;
        };
        let session = &event["data"]["object"];
        if let PaymentNotice::TakenBack { order, payment, .. } = &notice {
            if session["metadata"].is_object() {
                assert_eq!(session["metadata"]["order_id"], order.as_str());
                assert_eq!(session["amount"], payment.amount.minor());
            }
            return;
        }
        // A list of a struct's members is read like the struct; Stripe, who alone can sign it, sends none.
        if !session.is_object() {
            return;
        }
        assert_eq!(session["client_reference_id"], notice.order().as_str());
        match notice {
            PaymentNotice::Captured { payment, .. } => {
                let is_free = session["payment_status"] == "no_payment_required";
                assert!(is_free || session["payment_status"] == "paid");
                assert!(payment.amount.minor() == 0 || session["amount_total"] == payment.amount.minor());
                let currency = session["currency"].as_str().expect("a currency");
                let own = payment.amount.currency().code();
                assert!(own == "XXX" || currency.eq_ignore_ascii_case(own));
                let intent = &session["payment_intent"];
                let named = [intent, &intent["id"], &session["id"]];
                assert!(named.iter().any(|name| *name == payment.payment_id.as_str()));
            }
            PaymentNotice::SessionExpired { attempt, .. } => {
                assert_eq!(event["type"], "checkout.session.expired");
                let told = session["metadata"]["attempt"].as_str().expect("an attempt");
                assert_eq!(told.parse(), Ok(attempt));
            }
            PaymentNotice::Delayed { delayed, .. } | PaymentNotice::Failed { failed: delayed, .. } => {
                let told = session["metadata"]["attempt"].as_str().expect("an attempt");
                assert_eq!(told.parse(), Ok(delayed.attempt));
                assert_eq!(session["id"], delayed.session_id);
                assert!(!delayed.was_offered || session["payment_method_types"].is_array());
            }
            PaymentNotice::TakenBack { .. } => {}
        }
    });
}

/// The first two bytes are the status, the rest is the body.
#[test]
fn answer() {
    bolero::check!().for_each(|bytes: &[u8]| {
        let Some((status, body)) = bytes.split_first_chunk::<2>() else {
            return;
        };
        let status = 100 + u16::from_be_bytes(*status) % 900;
        let answer = Response::builder()
            .status(status)
            .body(Bytes::copy_from_slice(body))
            .expect("an answer");
        if failure(&answer).is_refusal() {
            // What is refused is given up: never for a fault that may pass, or that is our own.
            assert!((400..500).contains(&status), "{status}");
            assert!(!matches!(status, 401 | 403 | 408 | 409 | 429), "{status}");
        }
        if let Ok(session) = read::<Session>(body) {
            check(&session);
        }
        for session in read::<List<Session>>(body)
            .map(|list| list.data)
            .unwrap_or_default()
        {
            check(&session);
        }
        if let Ok(refund) = read::<Refund>(body) {
            let told = serde_json::from_slice::<Value>(body).unwrap_or_default();
            assert!(!refund.returns(1_000) || !told.is_object() || told["amount"].as_i64() >= Some(1_000));
            assert!(!refund.returns(1) || told["status"] != "failed");
        }
    });
}

fn check(session: &Session) {
    let paid = matches!(state(session), SessionState::Paid(_));
    assert!(!paid || session.is_paid());
    assert!(
        !session.is_paid() || !matches!(state(session), SessionState::Open { .. } | SessionState::Expired)
    );
}
