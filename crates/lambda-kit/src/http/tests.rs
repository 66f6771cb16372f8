use lambda_http::Context;
use serde_json::{Value, json};
use tracing::level_filters::LevelFilter;

use super::serve::{Locked, answer_event, into_event};
use super::*;
use crate::Problem;
use crate::block_on;
use crate::config::Variables;
use crate::json::tests::Wish;

/// Returns all that it was asked.
pub(crate) struct Echo;

impl Handle for Echo {
    const ROUTES: &'static [&'static str] = &["GET /api/things", "GET /api/things/{id}", "POST /{id}"];

    async fn handle(&self, request: &Request) -> Result<Response, Problem> {
        let refused = request.json::<Wish>().err().map(|problem| problem.status());
        assert!(
            matches!(refused, None | Some(400 | 413 | 415 | 422)),
            "the sender's fault"
        );
        let (route, id, thing) = (request.route(), request.id(), request.path_parameter("id"));
        let (q, token, host) = (request.query("q"), request.bearer_token(), request.header("host"));
        Ok(json(200, &(route, id, thing, q, token, host, request.bytes()?)))
    }
}

struct Panics;

impl Handle for Panics {
    async fn handle(&self, _: &Request) -> Result<Response, Problem> {
        panic!("at the worst moment")
    }
}

pub(crate) fn answered(handler: &impl Handle, event: &str) -> Response {
    let mut context = Context::default();
    context.request_id = "lambda".to_owned();
    block_on(answer_event(handler, event, context))
}

fn echo(event: &Value) -> Value {
    let response = answered(&Echo, &event.to_string());
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
    let by_own_url = answered(&Echo, &event.to_string());
    event["routeKey"] = json!("HEAD /api/things/{id}");
    event["requestContext"]["routeKey"] = json!("HEAD /api/things/{id}");
    for response in [by_own_url, answered(&Echo, &event.to_string())] {
        assert_eq!((response.code(), response.text()), (200, ""));
        assert_eq!(response.header_of("content-type"), Some("application/json"));
    }
}

#[test]
fn an_event_of_the_gateway_is_read() {
    let event = json!({
        "version": "2.0", "routeKey": "GET /api/things/{id}", "rawPath": "/api/things/A", "pathParameters": {"id": "A"},
        "rawQueryString": "q=a+b%2Fc&limit=3&q=x", "headers": {"Authorization": "bearer  t0ken", "host": "h"},
        "isBase64Encoded": false, "requestContext": {"requestId": "r1", "http": {"method": "GET", "path": "/api/things/A"}},
    });
    let expected = json!(["GET /api/things/{id}", "r1", "A", "a b/c", "t0ken", "h", []]);
    assert_eq!(echo(&event), expected);
    let nulls = json!({
        "headers": null, "pathParameters": null, "body": null, "requestContext": {"http": {"method": "GET"}},
    });
    assert_eq!(echo(&nulls), json!(["", "lambda", "", null, null, null, []]));
}

#[test]
fn an_event_of_a_functions_own_url_finds_its_route() {
    let expected = json!(["GET /api/things/{id}", "r1", "A-b c", "a b", null, "h", []]);
    assert_eq!(echo(&by_url("GET", "/api/things/A%2Db%20c", "q=a b")), expected);
    assert_eq!(echo(&by_url("POST", "/api/things", ""))[0], "$default");
    for other in " / /api/thingsx /api/things/ /api/things/A/B /x/things/A".split(' ') {
        assert_eq!(echo(&by_url("GET", other, ""))[0], "$default", "{other}");
    }
}

#[test]
fn what_no_uri_holds_is_answered_all_the_same() {
    let odd = "a<b> % %zz # \" \\ ä{|}^` \u{7f}\t // ? [::1 :x@y:99999";
    for odd in odd.split(' ').chain(["a b"]) {
        let mut event = by_url("GET", odd, &format!("q={odd}"));
        let host = odd.replace(['\u{7f}', '\t'], "");
        event["headers"] = json!({"host": host, "x-forwarded-proto": "%%"});
        event["requestContext"]["domainName"] = json!(odd);
        event["requestContext"]["stage"] = json!(odd);
        let echo = echo(&event);
        assert_eq!(echo[5], host);
        assert!(odd.contains(['%', '#']) || echo[3] == odd, "{odd}");
    }
    let (path, query) = ("/x".repeat(70_000), "ä".repeat(70_000));
    for long in [by_url("GET", "/", &query), by_url("GET", &path, "")] {
        assert_eq!(answered(&Echo, &long.to_string()).code(), 414);
    }
}

#[test]
fn a_body_is_decoded_where_it_is_base64_and_not_too_large() {
    let mut event = by_url("POST", "/x", "");
    let mut bytes = |body: &str, is_base64: bool| {
        (event["body"], event["isBase64Encoded"]) = (json!(body), json!(is_base64));
        echo(&event)[6].take()
    };
    assert_eq!(bytes("/wA=", true), json!([255, 0]));
    assert_eq!(bytes("/wA=", false), json!(b"/wA="));
    for broken in ["/wA", "/wB=", "!", "/wA=="] {
        assert_eq!(bytes(broken, true), json!(broken.as_bytes()), "as it is");
    }
    for (length, status) in [(MAX_BODY, None), (MAX_BODY + 1, Some(413))] {
        let request = request("").with_body(vec![0xff; length]);
        assert_eq!(request.bytes().err().map(|problem| problem.status()), status);
    }
}

#[test]
fn what_is_no_request_is_a_400_and_not_repeated() {
    let method = by_url("GET s3cret", "/", "").to_string();
    let header = r#"{"headers": {"x": "s3cret\n"}, "requestContext": {"http": {"method": "GET"}}}"#;
    for event in ["{}", "[]", "7", "\"s3cret\"", &method, header] {
        let response = answered(&Echo, event);
        let problem = response.body_json();
        let told = ["status", "code", "request_id"].map(|name| &problem[name]);
        assert_eq!(json!(told), json!([400, "malformed_request", "lambda"]));
        assert!(response.code() == 400 && !response.text().contains("s3cret"));
    }
}

#[test]
fn a_panic_fails_one_request_and_is_logged_with_its_stack() {
    let lines = crate::telemetry::tests::logged(LevelFilter::INFO, || {
        std::panic::set_hook(Box::new(crate::telemetry::log_panic));
        let response = answered(&Panics, &by_url("GET", "/", "").to_string());
        drop(std::panic::take_hook());
        let code = response.body_json()["code"].take();
        assert_eq!((response.code(), code), (500, json!("internal_error")));
    });
    let text = |n: usize, name: &str| lines[n][name].as_str().unwrap_or_default();
    let (at, stack) = (text(0, "panic.location"), text(0, "panic.stack"));
    assert!(at.contains("http/tests.rs:"), "{at}");
    assert!(
        ["Panics", "answer_event"].iter().all(|it| stack.contains(it)),
        "{stack}"
    );
    assert_eq!([text(1, "message"), text(1, "request_id")], ["failed", "r1"]);
    assert_eq!(echo(&by_url("GET", "/api/things", ""))[0], "GET /api/things");
}

#[test]
fn a_content_type_other_than_json_is_refused() {
    let code = |request: Request| {
        let read = request.with_body("{}").json::<Wish>();
        read.err().map(|problem| problem.code())
    };
    let sent = |kind| code(request("").with_header("Content-Type", kind));
    assert_eq!(code(request("")), None);
    assert_eq!(sent("application/json"), None);
    assert_eq!(sent("Application/JSON; charset=utf-8"), None);
    let refused = Some("unsupported_media_type");
    assert_eq!([sent("text/plain"), sent("application/jsonx")], [refused; 2]);
}

#[test]
fn an_answer_is_what_the_gateway_takes() {
    let answer = json(201, &json!({"a": "ä"})).with_header("location", "/x");
    let answer = answer.with_header("location", "/y");
    let event = serde_json::to_value(into_event(answer)).expect("JSON");
    let told = ["statusCode", "headers", "body", "isBase64Encoded"].map(|name| &event[name]);
    let headers = json!({"content-type": "application/json", "location": "/y"});
    assert_eq!(json!(told), json!([201, headers, "{\"a\":\"ä\"}", false]));
}

#[test]
fn only_who_shows_an_origin_key_is_answered() {
    const OLD: &str = "0123456789abcdef0123456789abcdef";
    const NEW: &str = "fedcba9876543210fedcba9876543210";
    let status = |keys: Option<&str>, shown: Option<&str>| {
        let keys = keys.map(str::to_owned);
        let keys = Variables::of(move |name| keys.clone().filter(|_| name == "ORIGIN_KEYS"));
        let shown = shown.iter();
        let request = shown.fold(request("GET /"), |it, key| it.with_header("X-Origin-Key", key));
        Locked::new(Echo, &keys).map(|locked| block_on(answer(&locked, &request)).code())
    };
    let both = &format!("{NEW}, {OLD}");
    for wrong in [None, Some(""), Some(&NEW[1..]), Some(&format!("{NEW},"))] {
        assert_eq!(status(Some(both), wrong), Ok(403), "{wrong:?}");
        assert_eq!(status(None, wrong), Ok(200), "without keys everybody is answered");
    }
    // Both are live while one is rolled.
    assert_eq!([OLD, NEW].map(|key| status(Some(both), Some(key))), [Ok(200); 2]);
    for weak in ["", " ", "short", &format!("{OLD},"), &format!("{OLD},short")] {
        let refused = Err("ORIGIN_KEYS: each key needs 32 characters or more");
        assert_eq!(status(Some(weak), None), refused, "{weak}");
    }
}
