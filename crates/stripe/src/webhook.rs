//! Messages of Stripe: believed only if signed, and only if the signature is fresh (docs.stripe.com/webhooks/signature).

use app::PaymentNotice;
use data_encoding::HEXLOWER;
use domain::{ReportedPayment, TakenBack};
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use sha2::Sha256;

use crate::objects::{Event, Marked, MoneyBack, Session};

const COMPLETED: &str = "checkout.session.completed";
const ARRIVED: &str = "checkout.session.async_payment_succeeded";
const FAILED: &str = "checkout.session.async_payment_failed";
const EXPIRED: &str = "checkout.session.expired";
const REFUNDED: &str = "charge.refunded";
const REFUND_FAILED: &str = "refund.failed";
const DISPUTED: &str = "charge.dispute.created";

/// Every event that the shop reads: what its endpoint at Stripe is to send.
pub const EVENTS: [&str; 7] = [
    COMPLETED,
    ARRIVED,
    FAILED,
    EXPIRED,
    REFUNDED,
    REFUND_FAILED,
    DISPUTED,
];

/// How old, or how far ahead of our clock, a signature may be, in seconds.
const TOLERANCE: i64 = 300;
/// The longest header that is looked at: a rolled secret has two signatures, this has room for twenty.
const LONGEST_HEADER: usize = 2_048;

/// The secrets of the webhook: any of them may have signed, so that one can be rolled while messages are on their way.
#[derive(Clone, Debug)]
pub struct WebhookSecrets(Vec<SecretString>);

/// Why there are no usable secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("at least one webhook secret is needed, none of them empty")]
pub struct WebhookSecretsError;

impl WebhookSecrets {
    /// Secrets separated by commas.
    ///
    /// # Errors
    /// [`WebhookSecretsError`] where there is none, or an empty one.
    pub fn parse(secrets: &str) -> Result<Self, WebhookSecretsError> {
        let secrets: Vec<&str> = secrets.split(',').map(str::trim).collect();
        if secrets.iter().any(|secret| secret.is_empty()) {
            return Err(WebhookSecretsError);
        }
        Ok(Self(secrets.into_iter().map(SecretString::from).collect()))
    }
}

/// What a believed message is to the shop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// About an order's payment.
    Notice(PaymentNotice),
    /// A payment is disputed. Of which order, only Stripe knows: [`app::ports::PaymentProvider::order_of`] tells.
    Disputed(ReportedPayment),
    /// About something else.
    Other,
}

/// Why a message is not believed or not understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WebhookError {
    /// No signature, a wrong one, or one of another time.
    #[error("the signature is not valid")]
    Signature,
    /// Signed, and not what Stripe sends.
    #[error("the event cannot be read")]
    Malformed,
}

/// Reads a message to the shop of this `stage`: the signature over the raw bytes first, in constant time, before anything of them is looked at.
///
/// # Errors
/// [`WebhookError`].
pub fn read(
    secrets: &WebhookSecrets,
    stage: &str,
    signature: Option<&str>,
    body: &[u8],
    now: Timestamp,
) -> Result<Message, WebhookError> {
    let signature = signature
        .and_then(Signature::parse)
        .ok_or(WebhookError::Signature)?;
    if (now.as_second() - signature.at).abs() > TOLERANCE || !signature.is_of(secrets, body) {
        return Err(WebhookError::Signature);
    }
    understand(body, stage)
}

pub(crate) fn understand(body: &[u8], stage: &str) -> Result<Message, WebhookError> {
    let event: Event<'_> = serde_json::from_slice(body).map_err(|_| WebhookError::Malformed)?;
    match event.kind.as_str() {
        COMPLETED | ARRIVED => completed(&event, stage),
        FAILED => failed(&event, stage),
        EXPIRED => expired(&event, stage),
        REFUNDED => {
            let charge: MoneyBack = object(&event)?;
            // In part, it is between the shop's people and the shopper.
            let how = charge.refunded.then_some(TakenBack::Refunded);
            Ok(taken_back(&charge, stage, how))
        }
        REFUND_FAILED => {
            let refund: MoneyBack = object(&event)?;
            let how = TakenBack::RefundFailed {
                refund_id: refund.id.clone(),
                reason: refund.failure(),
            };
            Ok(taken_back(&refund, stage, Some(how)))
        }
        DISPUTED => {
            let dispute: MoneyBack = object(&event)?;
            Ok(dispute.payment().map_or(Message::Other, Message::Disputed))
        }
        _ => Ok(Message::Other),
    }
}

/// Whether the event's object names this shop and stage, as everything does that the shop made since it writes them.
pub(crate) fn is_marked(body: &[u8], stage: &str) -> bool {
    let event: Option<Event<'_>> = serde_json::from_slice(body).ok();
    let marked = event.and_then(|event| object::<Marked>(&event).ok());
    marked.is_some_and(|marked| marked.metadata.names(stage))
}

/// The shopper is done: the payment was taken, or is on its way.
fn completed(event: &Event<'_>, stage: &str) -> Result<Message, WebhookError> {
    let session: Session = object(event)?;
    let Some(order) = session.order().filter(|_| session.is_of(stage)) else {
        return Ok(Message::Other);
    };
    if session.is_delayed() {
        let delayed = session.delayed_payment().ok_or(WebhookError::Malformed)?;
        return Ok(Message::Notice(PaymentNotice::Delayed { order, delayed }));
    }
    if !session.is_paid() {
        return Ok(Message::Other);
    }
    let payment = session.payment().ok_or(WebhookError::Malformed)?;
    Ok(Message::Notice(PaymentNotice::Captured { order, payment }))
}

fn failed(event: &Event<'_>, stage: &str) -> Result<Message, WebhookError> {
    let session: Session = object(event)?;
    let Some(order) = session.order().filter(|_| session.is_of(stage)) else {
        return Ok(Message::Other);
    };
    let failed = session.delayed_payment().ok_or(WebhookError::Malformed)?;
    Ok(Message::Notice(PaymentNotice::Failed { order, failed }))
}

fn expired(event: &Event<'_>, stage: &str) -> Result<Message, WebhookError> {
    let session: Session = object(event)?;
    let Some(order) = session.order().filter(|_| session.is_of(stage)) else {
        return Ok(Message::Other);
    };
    let attempt = session.attempt().ok_or(WebhookError::Malformed)?;
    Ok(Message::Notice(PaymentNotice::SessionExpired { order, attempt }))
}

fn taken_back(money: &MoneyBack, stage: &str, how: Option<TakenBack>) -> Message {
    match (money.order(stage), money.payment(), how) {
        (Some(order), Some(payment), Some(how)) => {
            Message::Notice(PaymentNotice::TakenBack { order, payment, how })
        }
        _ => Message::Other,
    }
}

/// The object that the event is about.
fn object<T: DeserializeOwned>(event: &Event<'_>) -> Result<T, WebhookError> {
    let object = event.data.as_ref().and_then(|data| data.object);
    let object = object.ok_or(WebhookError::Malformed)?;
    serde_json::from_str(object.get()).map_err(|_| WebhookError::Malformed)
}

/// The header `Stripe-Signature: t=...,v1=...,v1=...`.
struct Signature<'a> {
    at: i64,
    /// `t` as it was signed.
    at_text: &'a str,
    v1: Vec<Vec<u8>>,
}

impl<'a> Signature<'a> {
    fn parse(header: &'a str) -> Option<Self> {
        if header.len() > LONGEST_HEADER {
            return None;
        }
        let mut at_text = None;
        let mut v1 = Vec::new();
        for (name, value) in header.split(',').filter_map(|part| part.trim().split_once('=')) {
            match name {
                "t" if at_text.is_none() => at_text = Some(value),
                "t" => return None,
                "v1" => v1.extend(HEXLOWER.decode(value.as_bytes()).ok()),
                _ => {}
            }
        }
        let at_text = at_text.filter(|text| text.len() <= 12 && text.bytes().all(|b| b.is_ascii_digit()))?;
        Some(Self {
            at: at_text.parse().ok()?,
            at_text,
            v1,
        })
    }

    /// Whether any of the signatures is any of the secrets'.
    fn is_of(&self, secrets: &WebhookSecrets, body: &[u8]) -> bool {
        secrets.0.iter().any(|secret| {
            let mac = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes());
            let Ok(mac) = mac else { return false };
            let mac = mac
                .chain_update(self.at_text)
                .chain_update(b".")
                .chain_update(body);
            self.v1.iter().any(|v1| mac.clone().verify_slice(v1).is_ok())
        })
    }
}

#[cfg(test)]
mod tests;
