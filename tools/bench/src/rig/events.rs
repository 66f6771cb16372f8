//! Events as API Gateway, SQS and the schedule send them: the shapes of `events/`, with other contents.

use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use kontor::world::World;
use serde_json::{Value, json};
use sha2::Sha256;

use super::shopping::Placed;

macro_rules! event {
    ($name:literal) => {
        serde_json::from_str::<Value>(include_str!(concat!("../../../../events/", $name))).expect("JSON")
    };
}

/// A request to a route of the API, such as `GET /api/orders/{id}`, with what stands in place of its parameter.
pub(crate) fn request(route: &str, parameter: &str, query: &str, body: Option<&Value>) -> Value {
    let mut event = event!("checkout.json");
    let (method, pattern) = route.split_once(' ').unwrap_or_default();
    let mut path = pattern.to_owned();
    if let Some((name, _)) = pattern.split_once('{').and_then(|(_, rest)| rest.split_once('}')) {
        path = pattern.replace(&format!("{{{name}}}"), parameter);
        event["pathParameters"] = json!({name: parameter});
    }
    event["routeKey"] = route.into();
    event["rawPath"] = path.as_str().into();
    event["rawQueryString"] = query.into();
    event["requestContext"]["routeKey"] = route.into();
    event["requestContext"]["http"]["method"] = method.into();
    event["requestContext"]["http"]["path"] = path.into();
    if let Some(headers) = event["headers"].as_object_mut() {
        headers.remove("idempotency-key");
    }
    event["body"] = body.map_or(Value::Null, |body| body.to_string().into());
    event
}

/// A request of who placed an order.
pub(crate) fn of_order(route: &str, order: &Placed) -> Value {
    let mut event = request(route, &order.id, "", None);
    event["headers"]["authorization"] = format!("Bearer {}", order.token).into();
    event
}

/// The payment provider says that the order is paid.
pub(crate) fn captured(order: &Placed) -> Value {
    let mut event = event!("payment-events.json");
    let text = event["body"].as_str().unwrap_or_default();
    let mut captured: Value = serde_json::from_str(text).expect("JSON");
    let session = &mut captured["data"]["object"];
    session["id"] = order.session.as_str().into();
    session["client_reference_id"] = order.id.as_str().into();
    session["metadata"]["order_id"] = order.id.as_str().into();
    session["payment_intent"] = format!("pi_{}", order.id).into();
    session["amount_subtotal"] = order.total["amount"].clone();
    session["amount_total"] = order.total["amount"].clone();
    let (body, at) = (captured.to_string(), Timestamp::now().as_second());
    let mac = Hmac::<Sha256>::new_from_slice(World::WEBHOOK_SECRET.as_bytes()).expect("any key");
    let mac = mac.chain_update(format!("{at}.{body}")).finalize().into_bytes();
    event["headers"]["stripe-signature"] = format!("t={at},v1={}", HEXLOWER.encode(&mac)).into();
    event["body"] = body.into();
    event
}

/// The queue hands the order to the forwarder.
pub(crate) fn queued(order: &Placed) -> Value {
    let mut event = event!("order-forwarder.json");
    event["Records"][0]["body"] = json!({"order_id": order.id}).to_string().into();
    event
}

/// A minute has passed.
pub(crate) fn minute() -> Value {
    event!("reconciler.json")
}
