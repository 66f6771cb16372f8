//! The warehouse's calls, and the tests' view of it.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State as Shared};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, put};
use axum::{Json, Router};
use serde::Serialize;
use serde_json::json;

use super::State;
use super::faults::{Faults, Numbers};
use super::ledger::{Outcome, Shown};
use super::order::Order;
use crate::faults::changed;
use crate::locked;
use sam_runner::engines::server::hang_up;

/// An order of 1,200 lines is far below it.
const LARGEST_ORDER: usize = 2 * 1024 * 1024;

pub(super) fn router(state: Arc<State>) -> Router {
    Router::new()
        .route("/orders/{id}", put(take_order).get(find_order))
        .route("/sandbox/orders", get(all_orders))
        .route("/sandbox/faults", get(show_faults).put(change_faults))
        .layer(DefaultBodyLimit::max(LARGEST_ORDER))
        .with_state(state)
}

async fn take_order(
    Shared(state): Shared<Arc<State>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    match receive_order(&state, &id, &headers, &body).await {
        Ok(response) | Err(response) => response,
    }
}

async fn receive_order(
    state: &State,
    id: &str,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Response, Response> {
    admit(state, headers)?;
    let order = Order::parse(id, body).map_err(|reason| error(StatusCode::BAD_REQUEST, &reason))?;
    let faults = state.faults();
    if let Some(sku) = order.skus().find(|sku| faults.reject_skus.contains(*sku)) {
        return Err(rejected(id, &format!("article {sku} cannot be ordered")));
    }
    tokio::time::sleep(Duration::from_millis(faults.latency_ms)).await;
    if state.faults().down {
        // It went down while it worked on the order.
        return Err(out_of_order(state));
    }
    if state.chance.happens(faults.error_rate) {
        return Err(error(
            StatusCode::INTERNAL_SERVER_ERROR,
            "something went wrong, and the order was not taken",
        ));
    }
    let (outcome, erp_number) = state.ledger().accept(id, order).map_err(|cause| {
        tracing::error!(error = %cause, "the warehouse cannot keep its orders");
        error(StatusCode::INTERNAL_SERVER_ERROR, "the order could not be kept")
    })?;
    if state.chance.happens(faults.lose_answers) {
        return Err(lost(state));
    }
    let status = match outcome {
        Outcome::Created => StatusCode::CREATED,
        Outcome::Repeated => StatusCode::OK,
        Outcome::Conflict => {
            tracing::warn!(
                order.id = id,
                erp_number,
                "conflict: the order came again with other content"
            );
            StatusCode::CONFLICT
        }
    };
    Ok(acknowledged(&faults, status, &erp_number))
}

async fn find_order(
    Shared(state): Shared<Arc<State>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    if let Err(response) = admit(&state, &headers) {
        return response;
    }
    match state.ledger().erp_number(&id) {
        Some(erp_number) => acknowledged(&state.faults(), StatusCode::OK, &erp_number),
        None => error(StatusCode::NOT_FOUND, "no such order"),
    }
}

/// Lets a call in, unless the warehouse is down, the token is wrong, or there are too many.
#[expect(
    clippy::result_large_err,
    reason = "the response goes out as it is, once a call"
)]
fn admit(state: &State, headers: &HeaderMap) -> Result<(), Response> {
    let faults = state.faults();
    if let Ok(status) = StatusCode::from_u16(faults.proxy_status) {
        return Err((status, Html("<title>A proxy</title>")).into_response());
    }
    if faults.down {
        return Err(out_of_order(state));
    }
    let token = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    if token != Some(state.token.as_str()) {
        return Err(error(StatusCode::UNAUTHORIZED, "the token is missing or wrong"));
    }
    locked(&state.rate).take(faults.rate_per_s).map_err(|wait| {
        let seconds = wait.as_secs_f64().ceil().to_string();
        let mut response = error(StatusCode::TOO_MANY_REQUESTS, "too many calls");
        if let Ok(seconds) = seconds.parse() {
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
        }
        response
    })
}

/// Down shows itself in two ways.
fn out_of_order(state: &State) -> Response {
    if state.chance.happens(0.5) {
        hang_up()
    } else {
        error(StatusCode::SERVICE_UNAVAILABLE, "closed for maintenance")
    }
}

/// So does a lost answer.
fn lost(state: &State) -> Response {
    if state.chance.happens(0.5) {
        hang_up()
    } else {
        error(StatusCode::GATEWAY_TIMEOUT, "no answer in time")
    }
}

async fn all_orders(Shared(state): Shared<Arc<State>>) -> Response {
    /// Not `json!`, which would make a tree of it.
    #[derive(Serialize)]
    struct All<'l> {
        orders: Vec<Shown<'l>>,
    }
    let ledger = state.ledger();
    match ledger.orders() {
        Ok(orders) => Json(All { orders }).into_response(),
        Err(cause) => error(StatusCode::INTERNAL_SERVER_ERROR, &format!("{cause:#}")),
    }
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
        Err(cause) => error(StatusCode::BAD_REQUEST, &cause.to_string()),
    }
}

/// The documented rejection: the one answer after which an order is given up.
fn rejected(id: &str, reason: &str) -> Response {
    let body = json!({ "order_id": id, "outcome": "rejected", "reason": reason });
    (StatusCode::UNPROCESSABLE_ENTITY, Json(body)).into_response()
}

/// The number of an order that it has, as it writes them today.
fn acknowledged(faults: &Faults, status: StatusCode, erp_number: &str) -> Response {
    let digits = erp_number.trim_start_matches(|c: char| !c.is_ascii_digit() || c == '0');
    let body = match faults.numbers {
        Numbers::Plain => json!({ "erp_number": erp_number }).to_string(),
        Numbers::Bom => format!("\u{feff}{}", json!({ "erp_number": erp_number })),
        Numbers::Number => format!("{{\"erp_number\": {digits}}}"),
        Numbers::Padded => json!({ "erp_number": format!("{erp_number:>12}  ") }).to_string(),
        Numbers::Missing => json!({ "status": "ok" }).to_string(),
    };
    (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}

/// The order was not taken now: whatever the status, the shop tries again.
fn error(status: StatusCode, reason: &str) -> Response {
    (status, Json(json!({ "error": reason }))).into_response()
}
