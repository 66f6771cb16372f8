//! `/v1`: the calls of Stripe's API.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Path, Request, State as Shared};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use data_encoding::BASE64;
use serde_json::Value;

use super::State;
use super::error::StripeError;
use super::event::API_VERSION;
use super::form::Params;
use super::ledger::Ledger;
use super::refund::RefundRequest;
use super::session::{EXPANDABLE, Session};
use super::webhook_endpoint::{self, WebhookEndpoint};
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
        .route("/v1/payment_intents/{id}", get(show_intent))
        .route("/v1/events", get(list_events))
        .route("/v1/events/{id}", get(show_event))
        .route("/v1/webhook_endpoints", post(create_endpoint).get(list_endpoints))
        .route(
            "/v1/webhook_endpoints/{id}",
            post(update_endpoint).get(show_endpoint),
        )
        .route("/v1/{*other}", get(unknown).post(unknown).delete(unknown))
        .layer(from_fn_with_state(state, admit))
}

/// What every call goes through: every answer has the request's id.
async fn admit(Shared(state): Shared<Arc<State>>, request: Request<Body>, next: Next) -> Response {
    let Some(mut response) = answer(&state, request, next).await else {
        return hang_up();
    };
    if let Ok(id) = HeaderValue::from_str(&super::new_id("req_", 14)) {
        response.headers_mut().insert("request-id", id);
    }
    response
}

/// Faults and the key; `None` where the connection breaks.
async fn answer(state: &State, request: Request<Body>, next: Next) -> Option<Response> {
    let faults = state.faults();
    let is_post = request.method() == Method::POST;
    if faults.down {
        let message = "The sandbox is down, as it was asked to be.";
        let unavailable = StripeError::api(StatusCode::SERVICE_UNAVAILABLE, message).into_response();
        return (!state.chance.happens(0.5)).then_some(unavailable);
    }
    if let Err(error) = authorize(state, request.headers()) {
        return Some(error.into_response());
    }
    if let Err(error) = check_version(request.headers()) {
        return Some(error.into_response());
    }
    if state.chance.happens(faults.rate_limited) {
        return Some(StripeError::rate_limited().into_response());
    }
    if !is_post {
        tokio::time::sleep(faults.latency()).await;
        if state.chance.happens(faults.error_rate) {
            return Some(broken().into_response());
        }
    }
    let response = next.run(request).await;
    (!state.chance.happens(faults.lose_answers)).then_some(response)
}

fn broken() -> StripeError {
    let message = "An unknown error occurred, as the sandbox was asked to.";
    StripeError::api(StatusCode::INTERNAL_SERVER_ERROR, message)
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

/// Who names a version means the objects of that version; the sandbox has those of one.
fn check_version(headers: &HeaderMap) -> Result<(), StripeError> {
    let asked = headers.get("stripe-version").map(HeaderValue::as_bytes);
    if asked.is_none_or(|version| version == API_VERSION.as_bytes()) {
        return Ok(());
    }
    Err(StripeError::invalid(format!(
        "Invalid Stripe API version: this sandbox speaks {API_VERSION}."
    )))
}

/// A POST as it came.
struct Post {
    path: String,
    key: Option<String>,
    params: Params,
}

impl<S: Send + Sync> FromRequest<S> for Post {
    type Rejection = StripeError;

    async fn from_request(request: Request<Body>, state: &S) -> Result<Self, StripeError> {
        let path = request.uri().path().to_owned();
        let key = request.headers().get("idempotency-key");
        let key = key.and_then(|key| key.to_str().ok()).map(str::to_owned);
        let body = Bytes::from_request(request, state).await;
        let body = body.map_err(|error| StripeError::invalid(error.body_text()))?;
        let params = Params::parse(&body)?;
        Ok(Self { path, key, params })
    }
}

/// A key that is in use, as long as this is.
struct InUse<'a>(&'a State, &'a str);

impl Drop for InUse<'_> {
    fn drop(&mut self) {
        locked(&self.0.idempotency).release(self.1);
    }
}

/// Runs a POST under its idempotency key: what was answered before is answered again, whatever it was.
///
/// Parameters that cannot be read leave no trace, as at Stripe.
async fn once<P>(
    state: &Arc<State>,
    post: Post,
    read: impl FnOnce(&Params, u64) -> Result<P, StripeError>,
    work: impl FnOnce(&mut Ledger, P, u64) -> Answer,
) -> Result<Response, StripeError> {
    let Post { path, key, params } = post;
    let now = state.clock.now_s();
    let request = format!("{path} {}", params.canonical());
    let mut in_use = None;
    if let Some(key) = &key {
        if let Some(kept) = locked(&state.idempotency).begin(key, &request, now)? {
            let mut response = json_text(kept.status, kept.body);
            let replayed = HeaderValue::from_static("true");
            response.headers_mut().insert("idempotent-replayed", replayed);
            return Ok(response);
        }
        in_use = Some(InUse(state, key));
    }
    let input = read(&params, now)?;
    tokio::time::sleep(state.faults().latency()).await;
    let (status, body) = match at_work(state, input, work) {
        Ok(answer) => (StatusCode::OK, answer.to_string()),
        Err(error) => error.text(),
    };
    if let Some(InUse(_, key)) = &in_use {
        locked(&state.idempotency).keep(key, &request, status, body.clone(), now);
    }
    Ok(json_text(status, body))
}

/// The work, unless the API breaks before it, or after.
fn at_work<P>(state: &Arc<State>, input: P, work: impl FnOnce(&mut Ledger, P, u64) -> Answer) -> Answer {
    let faults = state.faults();
    if state.chance.happens(faults.error_rate) {
        return Err(broken());
    }
    let answer = state.with_ledger(|ledger, now| work(ledger, input, now));
    if state.chance.happens(faults.errors_after_effect) {
        return Err(broken());
    }
    answer
}

fn json_text(status: StatusCode, body: String) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}

async fn create_session(Shared(state): Shared<Arc<State>>, post: Post) -> Result<Response, StripeError> {
    let read = |params: &Params, now| Session::open(params, &state.url, now);
    once(&state, post, read, |ledger, session, _| Ok(ledger.add(session))).await
}

async fn expire_session(
    Shared(state): Shared<Arc<State>>,
    Path(id): Path<String>,
    post: Post,
) -> Result<Response, StripeError> {
    let read = |params: &Params, _| params.only(&["expand[*]"]);
    once(&state, post, read, |ledger, (), now| ledger.expire(&id, now)).await
}

async fn create_refund(Shared(state): Shared<Arc<State>>, post: Post) -> Result<Response, StripeError> {
    let read = |params: &Params, _| RefundRequest::parse(params);
    let faults = state.faults();
    let work = |ledger: &mut Ledger, request: RefundRequest, now| {
        if faults.refuse_refunds {
            let message = "The charge has been charged back, as the sandbox was asked to say.";
            return Err(StripeError::invalid(message).code("charge_disputed"));
        }
        let status = if faults.pending_refunds {
            "pending"
        } else {
            "succeeded"
        };
        ledger.refund(request, status, now)
    };
    once(&state, post, read, work).await
}

async fn show_session(
    Shared(state): Shared<Arc<State>>,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<Json<Value>, StripeError> {
    let params = query(&uri, &["expand[*]"])?;
    let expand = params.expand(&EXPANDABLE)?;
    state
        .with_ledger(|ledger, _| ledger.show_session(&id, &expand))
        .map(Json)
}

/// What a list may be asked for: <https://docs.stripe.com/api/pagination>, and of each kind its own.
const LIST: [&str; 6] = [
    "created",
    "created[*]",
    "ending_before",
    "expand[*]",
    "limit",
    "starting_after",
];

fn list(uri: &Uri, own: &[&str]) -> Result<Params, StripeError> {
    let params = query(uri, &[&LIST[..], own].concat())?;
    let expandable = EXPANDABLE.map(|name| format!("data.{name}"));
    params.expand(&expandable.each_ref().map(String::as_str))?;
    Ok(params)
}

async fn list_sessions(Shared(state): Shared<Arc<State>>, uri: Uri) -> Result<Json<Value>, StripeError> {
    let own = [
        "customer",
        "payment_intent",
        "payment_link",
        "status",
        "subscription",
    ];
    let params = list(&uri, &own)?;
    let delay = state.faults().list_delay_ms;
    state
        .with_ledger(|ledger, now| ledger.list_sessions(&params, shown_until(now, delay)))
        .map(Json)
}

/// A list shows what was made until then, in Unix seconds.
fn shown_until(now: u64, delay_ms: u64) -> u64 {
    now.saturating_sub(delay_ms.div_ceil(1_000))
}

async fn show_refund(
    Shared(state): Shared<Arc<State>>,
    Path(id): Path<String>,
) -> Result<Json<Value>, StripeError> {
    state.with_ledger(|ledger, _| ledger.find_refund(&id)).map(Json)
}

async fn list_refunds(Shared(state): Shared<Arc<State>>, uri: Uri) -> Result<Json<Value>, StripeError> {
    let params = list(&uri, &["charge", "payment_intent"])?;
    let delay = state.faults().list_delay_ms;
    state
        .with_ledger(|ledger, now| ledger.list_refunds(&params, shown_until(now, delay)))
        .map(Json)
}

async fn show_intent(
    Shared(state): Shared<Arc<State>>,
    Path(id): Path<String>,
) -> Result<Json<Value>, StripeError> {
    state.with_ledger(|ledger, _| ledger.intent(&id)).map(Json)
}

async fn show_event(
    Shared(state): Shared<Arc<State>>,
    Path(id): Path<String>,
) -> Result<Json<Value>, StripeError> {
    state.with_ledger(|ledger, _| ledger.find_event(&id)).map(Json)
}

async fn list_events(Shared(state): Shared<Arc<State>>, uri: Uri) -> Result<Json<Value>, StripeError> {
    let params = list(&uri, &["delivery_success", "type", "types[*]"])?;
    state
        .with_ledger(|ledger, _| ledger.list_events(&params))
        .map(Json)
}

async fn create_endpoint(Shared(state): Shared<Arc<State>>, post: Post) -> Result<Response, StripeError> {
    once(&state, post, WebhookEndpoint::create, |ledger, made, _| {
        webhook_endpoint::add(&mut ledger.webhook_endpoints, made)
    })
    .await
}

async fn update_endpoint(
    Shared(state): Shared<Arc<State>>,
    Path(id): Path<String>,
    post: Post,
) -> Result<Response, StripeError> {
    let read = |params: &Params, _| Ok(params.clone());
    let work = |ledger: &mut Ledger, params: Params, _| {
        let endpoint = webhook_endpoint::find(&mut ledger.webhook_endpoints, &id)?;
        endpoint.update(&params)?;
        Ok(endpoint.json())
    };
    once(&state, post, read, work).await
}

async fn show_endpoint(
    Shared(state): Shared<Arc<State>>,
    Path(id): Path<String>,
) -> Result<Json<Value>, StripeError> {
    state
        .with_ledger(|ledger, _| {
            let found = webhook_endpoint::find(&mut ledger.webhook_endpoints, &id);
            found.map(|endpoint| endpoint.json())
        })
        .map(Json)
}

async fn list_endpoints(Shared(state): Shared<Arc<State>>, uri: Uri) -> Result<Json<Value>, StripeError> {
    let params = list(&uri, &[])?;
    state
        .with_ledger(|ledger, _| ledger.list_webhook_endpoints(&params))
        .map(Json)
}

async fn unknown(uri: Uri) -> StripeError {
    let message = format!(
        "Unrecognized request URL ({}). This sandbox knows only what the shop uses.",
        uri.path()
    );
    StripeError::invalid(message).status(StatusCode::NOT_FOUND)
}

fn query(uri: &Uri, known: &[&str]) -> Result<Params, StripeError> {
    let params = Params::parse(uri.query().unwrap_or_default().as_bytes())?;
    params.only(known)?;
    Ok(params)
}
