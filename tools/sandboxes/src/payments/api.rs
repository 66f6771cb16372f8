//! `/v1`: the calls of Stripe's API.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Path, Request, State as Shared};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use data_encoding::BASE64;
use serde_json::Value;

use super::State;
use super::error::StripeError;
use super::form::Params;
use super::refund::RefundRequest;
use super::session::Session;
use crate::locked;
use sam_runner::engines::server::hang_up;

type Answer = Result<Value, StripeError>;

pub(super) fn router(state: Arc<State>) -> Router<Arc<State>> {
    Router::new()
        .route("/v1/checkout/sessions", post(create_session).get(list_sessions))
        .route("/v1/checkout/sessions/{id}", get(show_session))
        .route("/v1/checkout/sessions/{id}/expire", post(expire_session))
        .route("/v1/refunds", post(create_refund).get(list_refunds))
        .route("/v1/refunds/{id}", get(show_refund))
        .route("/v1/events", get(list_events))
        .route("/v1/events/{id}", get(show_event))
        .route("/v1/{*other}", get(unknown).post(unknown).delete(unknown))
        .layer(from_fn_with_state(state, admit))
}

/// What every call goes through: faults, the key, and the request's id.
async fn admit(Shared(state): Shared<Arc<State>>, request: Request<Body>, next: Next) -> Response {
    let faults = state.faults();
    tokio::time::sleep(Duration::from_millis(faults.latency_ms)).await;
    if faults.down {
        return if state.chance.happens(0.5) {
            hang_up()
        } else {
            unavailable(StatusCode::SERVICE_UNAVAILABLE)
        };
    }
    if let Err(error) = authorize(&state, request.headers()) {
        return error.into_response();
    }
    if state.chance.happens(faults.error_rate) {
        return unavailable(StatusCode::INTERNAL_SERVER_ERROR);
    }
    let mut response = next.run(request).await;
    if state.chance.happens(faults.lose_answers) {
        return hang_up();
    }
    if let Ok(id) = HeaderValue::from_str(&super::new_id("req_", 14)) {
        response.headers_mut().insert("request-id", id);
    }
    response
}

fn unavailable(status: StatusCode) -> Response {
    StripeError::api(status, "An unknown error occurred, as the sandbox was asked to.").into_response()
}

/// The secret key comes as a Bearer token, or as the user of Basic authentication.
fn authorize(state: &State, headers: &HeaderMap) -> Result<(), StripeError> {
    let header = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let shown = match header.split_once(' ') {
        Some(("Bearer", key)) => key.to_owned(),
        Some(("Basic", user)) => {
            let decoded = BASE64
                .decode(user.as_bytes())
                .ok()
                .and_then(|user| String::from_utf8(user).ok());
            decoded
                .unwrap_or_default()
                .split(':')
                .next()
                .unwrap_or_default()
                .to_owned()
        }
        _ => return Err(StripeError::unauthorized("You did not provide an API key.")),
    };
    if shown == state.api_key {
        return Ok(());
    }
    Err(StripeError::unauthorized("Invalid API Key provided."))
}

/// Runs a POST under its idempotency key: what was answered before is answered again.
///
/// Parameters that cannot be read leave no trace, as at Stripe; what the work answers is kept, an error included.
fn once<P>(
    state: &Arc<State>,
    headers: &HeaderMap,
    uri: &Uri,
    body: &[u8],
    read: impl FnOnce(&Params, u64) -> Result<P, StripeError>,
    work: impl FnOnce(&mut super::Ledger, P, u64) -> Answer,
) -> Result<Response, StripeError> {
    let params = Params::parse(body)?;
    let now = state.clock.now_s();
    let key = headers
        .get("idempotency-key")
        .and_then(|key| key.to_str().ok())
        .map(str::to_owned);
    let Some(key) = key else {
        let input = read(&params, now)?;
        return state
            .with_ledger(|ledger, now| work(ledger, input, now))
            .map(|answer| Json(answer).into_response());
    };
    let request = format!("{} {}", uri.path(), params.canonical());
    // Held until the answer is kept: a second call with the same key waits for the first.
    let mut keys = locked(&state.idempotency);
    if let Some(kept) = keys.find(&key, &request, now)? {
        let mut response = (
            kept.status,
            [(header::CONTENT_TYPE, "application/json")],
            kept.body,
        )
            .into_response();
        response
            .headers_mut()
            .insert("idempotent-replayed", HeaderValue::from_static("true"));
        return Ok(response);
    }
    let input = read(&params, now)?;
    let (status, body) = match state.with_ledger(|ledger, now| work(ledger, input, now)) {
        Ok(answer) => (StatusCode::OK, answer.to_string()),
        Err(error) => error.text(),
    };
    keys.keep(key, &request, status, body.clone(), now);
    Ok((status, [(header::CONTENT_TYPE, "application/json")], body).into_response())
}

async fn create_session(
    Shared(state): Shared<Arc<State>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, StripeError> {
    let read = |params: &Params, now| Session::open(params, &state.url, now);
    once(&state, &headers, &uri, &body, read, |ledger, session, _| {
        Ok(ledger.add(session))
    })
}

async fn expire_session(
    Shared(state): Shared<Arc<State>>,
    Path(id): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, StripeError> {
    once(
        &state,
        &headers,
        &uri,
        &body,
        |_, _| Ok(()),
        |ledger, (), now| ledger.expire(&id, now),
    )
}

async fn create_refund(
    Shared(state): Shared<Arc<State>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, StripeError> {
    let read = |params: &Params, _| RefundRequest::parse(params);
    let refuse = state.faults().refuse_refunds;
    let work = |ledger: &mut super::Ledger, request: RefundRequest, now| {
        if refuse {
            let message = "The charge has been charged back, as the sandbox was asked to say.";
            return Err(StripeError::invalid(message).code("charge_disputed"));
        }
        ledger.refund(request, now)
    };
    once(&state, &headers, &uri, &body, read, work)
}

async fn show_session(
    Shared(state): Shared<Arc<State>>,
    Path(id): Path<String>,
) -> Result<Json<Value>, StripeError> {
    state
        .with_ledger(|ledger, _| ledger.session(&id).map(Session::json))
        .map(Json)
}

async fn list_sessions(Shared(state): Shared<Arc<State>>, uri: Uri) -> Result<Json<Value>, StripeError> {
    let params = query(&uri)?;
    state
        .with_ledger(|ledger, _| ledger.list_sessions(&params))
        .map(Json)
}

async fn show_refund(
    Shared(state): Shared<Arc<State>>,
    Path(id): Path<String>,
) -> Result<Json<Value>, StripeError> {
    state.with_ledger(|ledger, _| ledger.find_refund(&id)).map(Json)
}

async fn list_refunds(Shared(state): Shared<Arc<State>>, uri: Uri) -> Result<Json<Value>, StripeError> {
    let params = query(&uri)?;
    state
        .with_ledger(|ledger, _| ledger.list_refunds(&params))
        .map(Json)
}

async fn show_event(
    Shared(state): Shared<Arc<State>>,
    Path(id): Path<String>,
) -> Result<Json<Value>, StripeError> {
    state.with_ledger(|ledger, _| ledger.find_event(&id)).map(Json)
}

async fn list_events(Shared(state): Shared<Arc<State>>, uri: Uri) -> Result<Json<Value>, StripeError> {
    let params = query(&uri)?;
    state
        .with_ledger(|ledger, _| ledger.list_events(&params))
        .map(Json)
}

async fn unknown(uri: Uri) -> StripeError {
    let message = format!(
        "Unrecognized request URL ({}). This sandbox knows only what the shop uses.",
        uri.path()
    );
    StripeError::invalid(message).status(StatusCode::NOT_FOUND)
}

fn query(uri: &Uri) -> Result<Params, StripeError> {
    Params::parse(uri.query().unwrap_or_default().as_bytes())
}
