//! No stranger reads or pays another's order.

use data_encoding::BASE64URL_NOPAD;
use hmac::{Hmac, KeyInit, Mac};
use kontor_tests::{Answer, Placed, Shopper, a_checkout, items, running};
use reqwest::Method;
use sam_runner::template::RouteMethod;
use serde_json::{Value, json};
use sha2::Sha256;

/// What each route answers to a caller who has no right to any order, whatever he shows: status, and code where it is a problem.
const ROUTES: [(&str, u16, &str); 14] = [
    ("GET /api/health", 200, ""),
    ("GET /api/openapi.yaml", 200, ""),
    ("GET /api/orders/{id}", 404, "order_not_found"),
    ("GET /api/products", 200, ""),
    ("GET /api/products/{sku}", 200, ""),
    ("HEAD /api/health", 200, ""),
    ("HEAD /api/openapi.yaml", 200, ""),
    ("HEAD /api/orders/{id}", 404, ""),
    ("HEAD /api/products", 200, ""),
    ("HEAD /api/products/{sku}", 200, ""),
    ("POST /api/checkout", 201, ""),
    ("POST /api/orders/{id}/payment", 404, "order_not_found"),
    ("POST /api/quote", 200, ""),
    ("POST /api/webhooks/stripe", 400, "invalid_signature"),
];

/// A token as the release before derived it from the order's id, under a key that may have leaked since.
fn derived(id: &str) -> String {
    let key = b"only-for-the-shop-on-this-machine-0001";
    let mac = Hmac::<Sha256>::new_from_slice(key).expect("any key");
    let mac = mac.chain_update(b"access\0").chain_update(id).finalize();
    BASE64URL_NOPAD.encode(&mac.into_bytes())
}

/// Calls a route as it wants to be called, for the order and under the idempotency key, with that `Authorization`.
async fn call(route: &str, id: &str, key: &str, authorization: Option<&str>) -> Answer {
    let cart = items(&[("22423", 1)]);
    let body = match route {
        "POST /api/quote" => json!({"items": cart, "ship_to": "DE"}).to_string(),
        "POST /api/checkout" => a_checkout(&cart, &json!({"amount": 1_765, "currency": "EUR"})).to_string(),
        "POST /api/webhooks/stripe" => {
            json!({"id": "evt_1", "type": "checkout.session.completed"}).to_string()
        }
        _ => String::new(),
    };
    let (method, path) = route.split_once(' ').expect("method and path");
    let path = path.replace("{id}", id).replace("{sku}", "22423");
    let mut headers = vec![("content-type", "application/json"), ("idempotency-key", key)];
    headers.extend(authorization.map(|value| ("authorization", value)));
    let method = Method::from_bytes(method.as_bytes()).expect("a method");
    Shopper::default().send(method, &path, &headers, body).await
}

#[test]
fn what_a_stranger_gets_is_said_of_every_route() {
    let routes = running()
        .world()
        .stack()
        .functions
        .iter()
        .flat_map(|function| &function.routes);
    let mut routes: Vec<_> = routes
        .map(|route| match &route.method {
            RouteMethod::Only(method) => format!("{method} {}", route.path),
            RouteMethod::Any => format!("ANY {}", route.path),
        })
        .collect();
    routes.sort();
    assert_eq!(routes, ROUTES.map(|(route, ..)| route));
}

#[tokio::test]
async fn a_stranger_learns_nothing_of_an_order_whatever_he_shows() {
    let shopper = Shopper::default();
    let mut placed = Vec::new();
    for key in ["capabilities-mine", "capabilities-other"] {
        placed.push(shopper.place(key, "22423", 1).await);
    }
    let (Placed { id: mine, token, .. }, others) = (&placed[0], &placed[1].token);
    let unknown = "0".repeat(26);
    let bearer = |token: &str| format!("Bearer {token}");
    let (derived, empty) = (bearer(&derived(mine)), bearer(&BASE64URL_NOPAD.encode(&[0; 16])));
    let (others, cut, padded) = (
        bearer(others),
        bearer(&token[..21]),
        bearer(&format!("{token}==")),
    );
    let strangers: [(&str, Option<&str>); 12] = [
        (mine, None),
        (mine, Some("Bearer ")),
        (mine, Some("Bearer nonsense")),
        (mine, Some("Basic YTpi")),
        (mine, Some(token)),
        (mine, Some(&cut)),
        (mine, Some(&others)),
        (mine, Some(&padded)),
        (mine, Some(&derived)),
        (mine, Some(&empty)),
        (&unknown, Some(&others)),
        ("no-id", Some(&others)),
    ];
    for (route, status, code) in ROUTES {
        let mut answers = Vec::new();
        for (n, (id, authorization)) in strangers.into_iter().enumerate() {
            let answer = call(route, id, &format!("capabilities-{n:016}"), authorization).await;
            if code.is_empty() {
                assert_eq!(answer.status, status, "{route} {authorization:?}: {answer:?}");
                continue;
            }
            answer.assert_problem(status, code);
            let mut body = answer.body;
            body["request_id"] = Value::Null;
            answers.push(body);
        }
        answers.dedup();
        assert!(answers.len() <= 1, "all refusals read the same: {answers:?}");
    }
    let unchanged = shopper.show(mine, token).await;
    assert_eq!(unchanged.list("history").len(), 1, "{unchanged:?}");
}

#[tokio::test]
async fn an_order_is_kept_by_no_cache() {
    let shopper = Shopper::default();
    let answer = shopper.order("capabilities-cache", &items(&[("22423", 1)])).await;
    assert_eq!(answer.header("cache-control"), "no-store");
    let Placed { id, token, .. } = answer.placed();
    assert_eq!(answer.header("location"), format!("/api/orders/{id}"));
    let shown = shopper.show(&id, &token).await;
    assert_eq!(shown.header("cache-control"), "no-store");
}
