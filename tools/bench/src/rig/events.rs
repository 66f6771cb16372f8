//! Events as API Gateway, SQS and the schedule send them: the shapes of `events/`, with other contents.

use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use kontor::world::World;
use serde_json::{Value, json};
use sha2::Sha256;

use super::shopping::{Cart, Order};

macro_rules! event {
    ($name:literal) => {
        serde_json::from_str(include_str!(concat!("../../../../events/", $name))).expect("JSON")
    };
}

/// A request to the API.
fn request(route: &str, path: &str, query: &str, body: Option<&Value>) -> Value {
    let mut event: Value = event!("checkout.json");
    let method = route.split(' ').next().unwrap_or_default();
    event["routeKey"] = route.into();
    event["rawPath"] = path.into();
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

pub(crate) fn list() -> Value {
    request("GET /api/products", "/api/products", "limit=24", None)
}

pub(crate) fn search(words: &str) -> Value {
    request(
        "GET /api/products",
        "/api/products",
        &format!("limit=24&q={words}"),
        None,
    )
}

pub(crate) fn show(sku: &str) -> Value {
    let mut event = request(
        "GET /api/products/{sku}",
        &format!("/api/products/{sku}"),
        "",
        None,
    );
    event["pathParameters"] = json!({"sku": sku});
    event
}

pub(crate) fn quote(cart: &Cart) -> Value {
    let body = json!({"items": cart.items(), "ship_to": "DE"});
    request("POST /api/quote", "/api/quote", "", Some(&body))
}

pub(crate) fn checkout(cart: &Cart, key: &str, total: &Value) -> Value {
    let body = json!({
        "items": cart.items(),
        "customer": {"name": "Erika Mustermann", "email": "erika@example.org"},
        "shipping_address": {
            "name": "Erika Mustermann", "street": "Heidestra\u{df}e 17", "postal_code": "51147", "city": "K\u{f6}ln", "country": "DE",
        },
        "expected_total": total,
    });
    let mut event = request("POST /api/checkout", "/api/checkout", "", Some(&body));
    event["headers"]["idempotency-key"] = format!("\"{key}\"").into();
    event
}

pub(crate) fn payment(order: &Order) -> Value {
    of_order("POST /api/orders/{id}/payment", "/payment", order)
}

pub(crate) fn status(order: &Order) -> Value {
    of_order("GET /api/orders/{id}", "", order)
}

fn of_order(route: &str, rest: &str, order: &Order) -> Value {
    let mut event = request(route, &format!("/api/orders/{}{rest}", order.id), "", None);
    event["pathParameters"] = json!({"id": order.id});
    event["headers"]["authorization"] = format!("Bearer {}", order.token).into();
    event
}

/// The payment provider tells that the order is paid.
pub(crate) fn captured(order: &Order) -> Value {
    let mut event: Value = event!("payment-events.json");
    let mut told: Value = serde_json::from_str(event["body"].as_str().unwrap_or_default()).expect("JSON");
    let session = &mut told["data"]["object"];
    session["id"] = order.session.as_str().into();
    session["client_reference_id"] = order.id.as_str().into();
    session["metadata"]["order_id"] = order.id.as_str().into();
    session["payment_intent"] = format!("pi_{}", order.id).into();
    session["amount_subtotal"] = order.total["amount"].clone();
    session["amount_total"] = order.total["amount"].clone();
    let (body, at) = (told.to_string(), Timestamp::now().as_second());
    let mac = Hmac::<Sha256>::new_from_slice(World::WEBHOOK_SECRET.as_bytes()).expect("any key");
    let mac = mac.chain_update(format!("{at}.{body}")).finalize().into_bytes();
    event["headers"]["stripe-signature"] = format!("t={at},v1={}", HEXLOWER.encode(&mac)).into();
    event["body"] = body.into();
    event
}

/// The queue hands the order to the forwarder.
pub(crate) fn queued(order: &Order) -> Value {
    let mut event: Value = event!("order-forwarder.json");
    event["Records"][0]["body"] = json!({"order_id": order.id}).to_string().into();
    event
}

/// A minute has passed.
pub(crate) fn minute() -> Value {
    event!("reconciler.json")
}
