//! `/sandbox`: what tests need.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State as Shared};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::State;
use super::error::StripeError;
use super::ledger::Act;
use super::refund::RefundRequest;
use super::session::Session;
use crate::faults::changed;
use crate::locked;

pub(super) fn router() -> Router<Arc<State>> {
    Router::new()
        .route("/sandbox/sessions/{id}/pay", post(pay))
        .route("/sandbox/charges", get(charges))
        .route("/sandbox/charges/{payment_intent}/refund", post(refund))
        .route("/sandbox/charges/{payment_intent}/dispute", post(dispute))
        .route("/sandbox/refunds/{id}", post(end_refund))
        .route("/sandbox/faults", get(show_faults).put(change_faults))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Pay {
    outcome: Outcome,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    Paid,
    /// The payment is on its way.
    Processing,
    /// The payment that was on its way arrives.
    Arrived,
    /// The payment that was on its way does not arrive.
    Failed,
    Declined,
    Expired,
}

async fn pay(
    Shared(state): Shared<Arc<State>>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Json<Value>, Response> {
    let Pay { outcome } = serde_json::from_slice(&body).map_err(|error| bad_request(&error.to_string()))?;
    let act = match outcome {
        Outcome::Paid => Act::Pay,
        Outcome::Processing => Act::PayLater,
        Outcome::Arrived => Act::Arrive,
        Outcome::Failed => Act::Fail,
        Outcome::Declined => Act::Decline,
        Outcome::Expired => Act::Expire,
    };
    let session = state.with_ledger(|ledger, now| ledger.act(&id, act, now).map(Session::json));
    session.map(Json).map_err(StripeError::into_response)
}

async fn charges(Shared(state): Shared<Arc<State>>) -> Json<Value> {
    Json(json!({ "charges": state.with_ledger(|ledger, _| ledger.charges()) }))
}

/// A refund in the provider's dashboard: `{"amount": MINOR UNITS}`, or all that is left.
async fn refund(
    Shared(state): Shared<Arc<State>>,
    Path(payment_intent): Path<String>,
    body: Bytes,
) -> Result<Json<Value>, Response> {
    #[derive(Debug, Default, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Amount {
        amount: Option<i64>,
    }
    let asked = if body.is_empty() {
        Ok(Amount::default())
    } else {
        serde_json::from_slice(&body)
    };
    let Amount { amount } = asked.map_err(|error| bad_request(&error.to_string()))?;
    let request = RefundRequest {
        payment_intent,
        amount,
        reason: None,
        metadata: BTreeMap::new(),
    };
    let refund = state.with_ledger(|ledger, now| ledger.refund(request, "succeeded", now));
    refund.map(Json).map_err(StripeError::into_response)
}

/// The shopper's bank claims the payment back.
async fn dispute(
    Shared(state): Shared<Arc<State>>,
    Path(payment_intent): Path<String>,
) -> Result<Json<Value>, Response> {
    let dispute = state.with_ledger(|ledger, now| ledger.dispute(&payment_intent, now));
    dispute.map(Json).map_err(StripeError::into_response)
}

/// What becomes of a pending refund: `{"status": "succeeded"}` or `failed`.
async fn end_refund(
    Shared(state): Shared<Arc<State>>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Json<Value>, Response> {
    #[derive(Debug, Clone, Copy, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Status {
        Succeeded,
        Failed,
    }
    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct End {
        status: Status,
    }
    let End { status } = serde_json::from_slice(&body).map_err(|error| bad_request(&error.to_string()))?;
    let status = match status {
        Status::Succeeded => "succeeded",
        Status::Failed => "failed",
    };
    let refund = state.with_ledger(|ledger, now| ledger.end_refund(&id, status, now));
    refund.map(Json).map_err(StripeError::into_response)
}

async fn show_faults(Shared(state): Shared<Arc<State>>) -> Response {
    Json(state.faults()).into_response()
}

async fn change_faults(Shared(state): Shared<Arc<State>>, body: Bytes) -> Response {
    let changed = {
        let mut faults = locked(&state.faults);
        changed(&*faults, &body, &state.chance).map(|changed| *faults = changed)
    };
    match changed {
        Ok(()) => show_faults(Shared(state)).await,
        Err(error) => bad_request(&error.to_string()),
    }
}

fn bad_request(reason: &str) -> Response {
    (
        StatusCode::BAD_REQUEST,
        Json(json!({ "error": { "type": "invalid_request_error", "message": reason } })),
    )
        .into_response()
}
