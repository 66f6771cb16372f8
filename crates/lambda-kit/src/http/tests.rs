use std::future::ready;

use lambda_http::Context;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::Problem;

/// Tells what it was asked; `/panic` is more than it can bear.
struct Echo;

impl Handle for Echo {
    const ROUTES: &'static [&'static str] = &[
        "GET /api/things",
        "GET /api/things/{id}",
        "POST /{id}",
        "GET /panic",
    ];

    async fn handle(&self, request: &Request) -> Result<Response, Problem> {
        ready(()).await;
        assert_ne!(request.route(), "GET /panic");
        let told = json!({
            "route": request.route(), "id": request.id(), "thing": request.path_parameter("id"), "q": request.query("q"),
            "token": request.bearer_token(), "host": request.header("host"), "bytes": request.bytes()?,
        });
        Ok(json(200, &told))
    }
}

fn asked(event: &str) -> Response {
    let mut context = Context::default();
    context.request_id = "lambda".to_owned();
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime
        .expect("a runtime")
        .block_on(answer_event(&Echo, event, context))
}

fn told(event: &Value) -> Value {
    let response = asked(&event.to_string());
    assert_eq!(response.code(), 200, "{event} {}", response.text());
    response.body_json()
}

/// As a function's own URL hands it over.
fn by_url(method: &str, path: &str, query: &str) -> Value {
    json!({
        "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": query, "headers": {"host": "h"},
        "requestContext": {"requestId": "r1", "routeKey": "$default", "http": {"method": method, "path": path}},
    })
}

#[test]
fn head_has_the_route_of_get_and_no_body() {
    let mut event = by_url("HEAD", "/api/things/A", "");
    let by_own_url = asked(&event.to_string());
    event["routeKey"] = json!("HEAD /api/things/{id}");
    event["requestContext"]["routeKey"] = json!("HEAD /api/things/{id}");
    for response in [by_own_url, asked(&event.to_string())] {
        assert_eq!((response.code(), response.text()), (200, ""));
        assert_eq!(response.header_of("content-type"), Some("application/json"));
    }
}

#[test]
fn an_event_of_the_gateway_is_read() {
    let event = json!({
        "version": "2.0", "routeKey": "GET /api/things/{id}", "rawPath": "/api/things/A",
        "rawQueryString": "q=a+b%2Fc&limit=3&q=x", "pathParameters": {"id": "A"}, "isBase64Encoded": false,
        "headers": {"Authorization": "bearer  t0ken", "host": "h"},
        "requestContext": {"requestId": "r1", "http": {"method": "GET", "path": "/api/things/A"}},
    });
    let expected = json!({
        "route": "GET /api/things/{id}", "id": "r1", "thing": "A", "q": "a b/c", "token": "t0ken", "host": "h", "bytes": [],
    });
    assert_eq!(told(&event), expected);
    let nulls = json!({
        "headers": null, "pathParameters": null, "body": null, "requestContext": {"http": {"method": "GET"}},
    });
    let empty = json!({
        "route": "", "id": "lambda", "thing": "", "q": null, "token": null, "host": null, "bytes": [],
    });
    assert_eq!(told(&nulls), empty);
}

#[test]
fn an_event_of_a_functions_own_url_finds_its_route() {
    let thing = told(&by_url("GET", "/api/things/A%2Db%20c", "q=a b"));
    let read = ["route", "thing", "q"].map(|name| thing[name].as_str());
    assert_eq!(read, ["GET /api/things/{id}", "A-b c", "a b"].map(Some));
    for (method, path) in [
        ("POST", "/api/things"),
        ("GET", ""),
        ("GET", "/"),
        ("GET", "/api/thingsx"),
        ("GET", "/api/things/"),
        ("GET", "/api/things/A/B"),
        ("GET", "/other/things/A"),
    ] {
        assert_eq!(
            told(&by_url(method, path, ""))["route"],
            "$default",
            "{method} {path}"
        );
    }
}

#[test]
fn what_no_uri_holds_is_answered_all_the_same() {
    let odd = [
        "a<b>",
        "a b",
        "%",
        "%zz",
        "#",
        "\"",
        "\\",
        "ä{|}^`",
        "\u{7f}\t",
        "//",
        "?",
        "[::1",
        ":x@y:99999",
    ];
    for odd in odd {
        let mut event = by_url("GET", odd, &format!("q={odd}"));
        event["headers"] = json!({"host": odd.replace(['\u{7f}', '\t'], ""), "x-forwarded-proto": "%%"});
        event["requestContext"]["domainName"] = json!(odd);
        event["requestContext"]["stage"] = json!(odd);
        let told = told(&event);
        assert_eq!(told["host"], event["headers"]["host"]);
        if !odd.contains(['%', '#']) {
            assert_eq!(told["q"], odd);
        }
    }
    for long in [
        by_url("GET", "/", &"ä".repeat(70_000)),
        by_url("GET", &"/x".repeat(70_000), ""),
    ] {
        assert_eq!(asked(&long.to_string()).code(), 414);
    }
}

#[test]
fn a_body_is_decoded_where_it_is_base64() {
    let bytes = |body: &str| {
        let mut event = by_url("POST", "/x", "");
        (event["body"], event["isBase64Encoded"]) = (json!(body), json!(true));
        told(&event)["bytes"].clone()
    };
    assert_eq!(bytes("/wA="), json!([255, 0]));
    for broken in ["/wA", "/wB=", "!", "/wA=="] {
        assert_eq!(bytes(broken), json!(broken.as_bytes()), "taken as it is");
    }
}

#[test]
fn what_is_no_request_is_a_400_and_not_repeated() {
    let method = by_url("GET s3cret", "/", "").to_string();
    let header = r#"{"headers": {"x": "s3cret\n"}, "requestContext": {"http": {"method": "GET"}}}"#;
    for event in ["{}", "[]", "7", "\"s3cret\"", &method, header] {
        let response = asked(event);
        assert_eq!(
            (response.code(), &response.body_json()["code"]),
            (400, &json!("malformed_request"))
        );
        assert_eq!(response.body_json()["request_id"], "lambda");
        assert!(!response.text().contains("s3cret"));
    }
}

#[test]
fn a_panic_fails_one_request_and_is_logged_with_its_stack() {
    let lines = crate::telemetry::tests::logged(tracing::level_filters::LevelFilter::INFO, || {
        std::panic::set_hook(Box::new(crate::start::log_panic));
        let response = asked(&by_url("GET", "/panic", "").to_string());
        drop(std::panic::take_hook());
        assert_eq!(
            (response.code(), &response.body_json()["code"]),
            (500, &json!("internal_error"))
        );
    });
    let [panic, failed] = &lines[..] else {
        panic!("{lines:?}")
    };
    let at = panic["panic.location"].as_str().expect("a place");
    let stack = panic["panic.stack"].as_str().expect("a stack");
    assert!(
        at.contains("http/tests.rs:") && stack.contains("Echo") && stack.contains("answer_event"),
        "{panic}"
    );
    assert_eq!(
        (&failed["message"], &failed["request_id"]),
        (&json!("failed"), &json!("r1"))
    );
    assert_eq!(asked(&by_url("GET", "/api/things", "").to_string()).code(), 200);
}

#[test]
fn a_body_past_the_limit_is_refused() {
    let status = |body: Vec<u8>| {
        request("")
            .with_body(body)
            .bytes()
            .map(<[u8]>::len)
            .map_err(|p| p.status())
    };
    assert_eq!(status(vec![0xff; MAX_BODY]), Ok(MAX_BODY));
    assert_eq!(status(vec![b'x'; MAX_BODY + 1]), Err(413));
}

#[test]
fn a_content_type_other_than_json_is_refused() {
    let code = |kind: &str| {
        let request = request("").with_header("Content-Type", kind).with_body("{}");
        request.json().map(drop).map_err(|problem| problem.code())
    };
    assert_eq!(code("application/json"), Ok(()));
    assert_eq!(code("Application/JSON; charset=utf-8"), Ok(()));
    assert_eq!(code("text/plain"), Err("unsupported_media_type"));
    assert_eq!(code("application/jsonx"), Err("unsupported_media_type"));
    assert!(request("").with_body("{}").json().is_ok());
}

#[test]
fn an_answer_is_what_the_gateway_takes() {
    let answer = json(201, &json!({"a": "ä"}))
        .with_header("location", "/x")
        .with_header("location", "/y");
    let event = serde_json::to_value(serve::into_event(answer)).expect("JSON");
    assert_eq!(event["statusCode"], 201);
    assert_eq!(
        event["headers"],
        json!({"content-type": "application/json", "location": "/y"})
    );
    assert_eq!(
        (&event["body"], &event["isBase64Encoded"]),
        (&json!("{\"a\":\"ä\"}"), &json!(false))
    );
}

proptest! {
    #[test]
    fn whatever_a_client_sends_is_answered_without_a_fault_of_ours(
        method in ".*", path in ".*", query in ".*", header in ".*", body in ".*", base64: bool,
    ) {
        let event = json!({
            "routeKey": "$default", "rawPath": path, "rawQueryString": query, "body": body, "isBase64Encoded": base64,
            "requestContext": {"http": {"method": method}, "domainName": header, "stage": path},
            "headers": {"Authorization": header, "Host": header, "X-Forwarded-Proto": query},
        });
        prop_assert!(asked(&event.to_string()).code() < 500);
    }
}
