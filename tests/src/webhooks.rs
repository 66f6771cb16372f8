//! Messages as the payment provider writes and signs them.

use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};
use sha2::Sha256;

use crate::{Answer, Shopper};

/// The message that a page of that order was paid, with so much.
pub fn paid(order_id: &str, amount: i64) -> String {
    let number = fastrand::u64(..);
    let session = json!({
        "id": format!("cs_{number}"), "object": "checkout.session", "status": "complete", "payment_status": "paid", "created": 1,
        "client_reference_id": order_id, "metadata": {"order_id": order_id, "attempt": "1"},
        "amount_total": amount, "currency": "eur", "payment_intent": format!("pi_{number}"),
    });
    message("checkout.session.completed", &session)
}

/// A message of that type.
pub fn message(kind: &str, object: &Value) -> String {
    json!({
        "id": format!("evt_{}", fastrand::u64(..)), "object": "event", "type": kind, "livemode": false,
        "created": Timestamp::now().as_second(), "data": {"object": object},
    })
    .to_string()
}

/// The signature of a message that is sent at `at`, in seconds since 1970.
///
/// # Panics
/// Never: any text is a key.
pub fn signature(secret: &str, at: i64, body: &str) -> String {
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any key");
    let mac = mac.chain_update(format!("{at}.{body}")).finalize();
    format!("t={at},v1={}", HEXLOWER.encode(&mac.into_bytes()))
}

impl Shopper {
    /// Sends a message with this signature.
    pub async fn notify(&self, signature: &str, body: &str) -> Answer {
        let headers = [
            ("content-type", "application/json"),
            ("stripe-signature", signature),
        ];
        self.send(Method::POST, "/api/webhooks/stripe", &headers, body)
            .await
    }

    /// Sends a message, signed now.
    pub async fn notify_signed(&self, secret: &str, body: &str) -> Answer {
        let signature = signature(secret, Timestamp::now().as_second(), body);
        self.notify(&signature, body).await
    }
}
