//! What the ERP's answers mean, by the contract in `docs/warehouse.md`.
//!
//! A rejection is irreversible, so it needs an answer about this very order: status, content type and body. Proxies, gateways and login
//! pages answer with any status; none of theirs is a rejection.

use app::ports::{Cause, LookedUp, Submitted};
use bytes::Bytes;
use domain::{OrderId, is_erp_number};
use http::header::CONTENT_TYPE;
use http::{Response, StatusCode};
use serde_json::Value;

/// The most characters of a rejection's reason that are logged.
const LONGEST_REASON: usize = 200;

/// An answer that says nothing about the order.
#[derive(Debug, thiserror::Error)]
#[error("the ERP answered {0}")]
struct Answered(StatusCode);

/// The order was taken, by the status; the ERP's number for it cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("the ERP answered {0}, without a number that can be read")]
struct NoNumber(StatusCode);

/// The ERP will never take the order, and says why.
#[derive(Debug, thiserror::Error)]
#[error("the ERP rejected the order: {0}")]
struct Rejected(String);

/// What the answer to a submitted order means. A conflict is an order that the ERP has already.
pub(crate) fn submitted(id: OrderId, answer: &Response<Bytes>) -> Submitted {
    let status = answer.status();
    if let Some(reason) = rejection(id, answer) {
        return Submitted::Rejected(Box::new(Rejected(reason)));
    }
    match (status, erp_number(id, answer)) {
        (status, Some(erp_number)) if status.is_success() || status == StatusCode::CONFLICT => {
            Submitted::Accepted { erp_number }
        }
        (status, None) if status.is_success() && !is_page(answer) => {
            Submitted::Unreadable(Box::new(NoNumber(status)))
        }
        (StatusCode::CONFLICT, None) => Submitted::Unknown(cause(status)),
        _ if status.is_client_error() || status == StatusCode::SERVICE_UNAVAILABLE => {
            Submitted::Busy(cause(status))
        }
        _ => Submitted::Unknown(cause(status)),
    }
}

/// What the answer to a look-up means.
pub(crate) fn looked_up(id: OrderId, answer: &Response<Bytes>) -> LookedUp {
    let status = answer.status();
    match (status, erp_number(id, answer)) {
        (StatusCode::OK, Some(erp_number)) => LookedUp::Found { erp_number },
        (StatusCode::OK, None) if !is_page(answer) => LookedUp::Unreadable(Box::new(NoNumber(status))),
        (StatusCode::NOT_FOUND, _) => LookedUp::Absent,
        _ => LookedUp::Unknown(cause(status)),
    }
}

fn cause(status: StatusCode) -> Cause {
    Box::new(Answered(status))
}

/// The reason of a rejection: 422, JSON, and a body that names this order.
fn rejection(id: OrderId, answer: &Response<Bytes>) -> Option<String> {
    if answer.status() != StatusCode::UNPROCESSABLE_ENTITY || !has_type(answer, "application/json") {
        return None;
    }
    let body = json(answer)?;
    let names_it =
        body.get("outcome")?.as_str()? == "rejected" && body.get("order_id")?.as_str()? == id.as_str();
    let reason = body.get("reason")?.as_str()?.trim();
    let shown = reason.chars().filter(|c| !c.is_control()).take(LONGEST_REASON);
    (names_it && !reason.is_empty()).then(|| shown.collect())
}

/// The ERP's number: text, padded or not, or a whole number. `None` where the answer names another order.
fn erp_number(id: OrderId, answer: &Response<Bytes>) -> Option<String> {
    // By its name: a struct of serde's would be read from a mere list as well.
    let body = json(answer)?;
    let number = match body.get("erp_number")? {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.as_u64()?.to_string(),
        _ => return None,
    };
    let is_ours = body.get("order_id").is_none_or(|named| named == id.as_str());
    (is_ours && is_erp_number(&number)).then_some(number)
}

/// The body as JSON. Legacy systems begin it with a byte order mark, and write other fields in other encodings than UTF-8.
fn json(answer: &Response<Bytes>) -> Option<Value> {
    let text = String::from_utf8_lossy(answer.body());
    serde_json::from_str(text.trim_start_matches('\u{feff}')).ok()
}

/// Whether it is a page for people, such as a proxy's or a login: never the ERP's word.
fn is_page(answer: &Response<Bytes>) -> bool {
    has_type(answer, "text/html") || answer.body().trim_ascii_start().starts_with(b"<")
}

fn has_type(answer: &Response<Bytes>, wanted: &str) -> bool {
    let own = answer
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let essence = own.and_then(|value| value.split(';').next()).unwrap_or_default();
    essence.trim().eq_ignore_ascii_case(wanted)
}
