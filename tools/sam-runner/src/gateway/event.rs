//! A request as the event that API Gateway sends a function: HTTP API, payload format 2.0.
//!
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html>

use super::routes::{Match, decoded};
use crate::runtime::ACCOUNT;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use bytes::Bytes;
use data_encoding::BASE64;
use jiff::{Timestamp, tz::TimeZone};
use serde::Serialize;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::net::IpAddr;

/// The API's id in events.
const API_ID: &str = "local";

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Event<'e> {
    version: &'static str,
    route_key: &'e str,
    raw_path: String,
    raw_query_string: &'e str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cookies: Vec<&'e str>,
    headers: BTreeMap<&'e str, Cow<'e, str>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    query_string_parameters: BTreeMap<Cow<'e, str>, Cow<'e, str>>,
    request_context: Context<'e>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    path_parameters: &'e BTreeMap<&'e str, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<Cow<'e, str>>,
    is_base64_encoded: bool,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Context<'e> {
    account_id: &'static str,
    api_id: &'static str,
    domain_name: &'e str,
    domain_prefix: &'e str,
    http: HttpContext<'e>,
    request_id: &'e str,
    route_key: &'e str,
    stage: &'static str,
    time: String,
    time_epoch: i64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct HttpContext<'e> {
    method: &'e str,
    path: String,
    protocol: &'static str,
    source_ip: String,
    user_agent: &'e str,
}

/// When and from where a request came.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arrival<'a> {
    pub(super) request_id: &'a str,
    pub(super) source: IpAddr,
    pub(super) at: Timestamp,
}

/// The JSON of the event.
pub(super) fn event(request: &Parts, body: &Bytes, route: &Match<'_>, arrival: Arrival<'_>) -> Bytes {
    let path = decoded(request.uri.path());
    let query = request.uri.query().unwrap_or_default();
    let host = text(&request.headers, header::HOST.as_str());
    let source_ip = arrival.source.to_string();
    let (body, is_base64_encoded) = body_of(&request.headers, body);
    let event = Event {
        version: "2.0",
        route_key: route.key,
        raw_path: path.clone(),
        raw_query_string: query,
        cookies: cookies_of(&request.headers),
        headers: headers_of(&request.headers, &source_ip),
        query_string_parameters: query_of(query),
        request_context: Context {
            account_id: ACCOUNT,
            api_id: API_ID,
            domain_name: host,
            domain_prefix: host.split(['.', ':']).next().unwrap_or_default(),
            http: HttpContext {
                method: request.method.as_str(),
                path,
                protocol: "HTTP/1.1",
                source_ip: source_ip.clone(),
                user_agent: text(&request.headers, header::USER_AGENT.as_str()),
            },
            request_id: arrival.request_id,
            route_key: route.key,
            stage: "$default",
            time: arrival
                .at
                .to_zoned(TimeZone::UTC)
                .strftime("%d/%b/%Y:%H:%M:%S %z")
                .to_string(),
            time_epoch: arrival.at.as_millisecond(),
        },
        path_parameters: &route.parameters,
        body,
        is_base64_encoded,
    };
    serde_json::to_vec(&event)
        .expect("texts and numbers are always JSON")
        .into()
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> &'h str {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}

/// Repeated headers are joined by commas; cookies have a place of their own; the proxy adds who asked.
fn headers_of<'h>(headers: &'h HeaderMap, source_ip: &str) -> BTreeMap<&'h str, Cow<'h, str>> {
    let mut all: BTreeMap<&str, Cow<'h, str>> = BTreeMap::new();
    for (name, value) in headers {
        if name == header::COOKIE {
            continue;
        }
        join(&mut all, name.as_str(), String::from_utf8_lossy(value.as_bytes()));
    }
    let forwarded = match all.get("x-forwarded-for") {
        Some(before) => format!("{before}, {source_ip}"),
        None => source_ip.to_owned(),
    };
    all.insert("x-forwarded-for", forwarded.into());
    all.insert("x-forwarded-proto", "http".into());
    all
}

fn cookies_of(headers: &HeaderMap) -> Vec<&str> {
    let lines = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|line| line.to_str().ok());
    lines
        .flat_map(|line| line.split(';'))
        .map(str::trim)
        .filter(|cookie| !cookie.is_empty())
        .collect()
}

/// Decoded; the values of a repeated name are joined by commas.
fn query_of(query: &str) -> BTreeMap<Cow<'_, str>, Cow<'_, str>> {
    let mut all = BTreeMap::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        join(&mut all, name, value);
    }
    all
}

fn join<'t, N: Ord>(all: &mut BTreeMap<N, Cow<'t, str>>, name: N, value: Cow<'t, str>) {
    match all.entry(name) {
        Entry::Vacant(first) => drop(first.insert(value)),
        Entry::Occupied(mut joined) => joined.get_mut().to_mut().extend([",", &value]),
    }
}

/// Text stays text; everything else, by its content type, is sent in base64.
fn body_of<'b>(headers: &HeaderMap, body: &'b Bytes) -> (Option<Cow<'b, str>>, bool) {
    if body.is_empty() {
        return (None, false);
    }
    let media_type = text(headers, header::CONTENT_TYPE.as_str())
        .split(';')
        .next()
        .unwrap_or_default()
        .trim();
    let media_type = media_type.to_ascii_lowercase();
    let is_text = media_type.starts_with("text/")
        || matches!(
            media_type.as_str(),
            "application/json" | "application/xml" | "application/javascript"
        );
    match std::str::from_utf8(body) {
        Ok(text) if is_text => (Some(Cow::Borrowed(text)), false),
        _ => (Some(Cow::Owned(BASE64.encode(body))), true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::Request;
    use serde_json::{Value, json};

    fn sent(request: Request<&'static [u8]>, parameters: &[(&'static str, &str)]) -> Value {
        let (parts, body) = request.into_parts();
        let parameters = parameters
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()))
            .collect();
        let route = Match {
            key: "GET /api/{a}",
            function: "f",
            parameters,
        };
        let at = "2026-11-21T10:00:00.5Z".parse().expect("a time");
        let arrival = Arrival {
            request_id: "id-1",
            source: [127, 0, 0, 1].into(),
            at,
        };
        serde_json::from_slice(&event(&parts, &Bytes::from_static(body), &route, arrival)).expect("JSON")
    }

    #[test]
    fn a_request_becomes_the_documented_event() {
        let request = Request::get("/api/x%20y?b=1&a=%C3%A4&b=2&c")
            .header("Host", "localhost:3000")
            .header("User-Agent", "test")
            .header("X-Twice", "1")
            .header("X-Twice", "2")
            .header("Cookie", "one=1; two=2")
            .body(&b""[..])
            .expect("a request");
        assert_eq!(
            sent(request, &[("a", "x y")]),
            json!({
                "version": "2.0",
                "routeKey": "GET /api/{a}",
                "rawPath": "/api/x y",
                "rawQueryString": "b=1&a=%C3%A4&b=2&c",
                "cookies": ["one=1", "two=2"],
                "headers": {"host": "localhost:3000", "user-agent": "test", "x-twice": "1,2",
                    "x-forwarded-for": "127.0.0.1", "x-forwarded-proto": "http"},
                "queryStringParameters": {"a": "ä", "b": "1,2", "c": ""},
                "requestContext": {
                    "accountId": "000000000000", "apiId": "local", "domainName": "localhost:3000",
                    "domainPrefix": "localhost",
                    "http": {"method": "GET", "path": "/api/x y", "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1",
                        "userAgent": "test"},
                    "requestId": "id-1", "routeKey": "GET /api/{a}", "stage": "$default",
                    "time": "21/Nov/2026:10:00:00 +0000", "timeEpoch": 1_795_255_200_500_i64
                },
                "pathParameters": {"a": "x y"},
                "isBase64Encoded": false
            })
        );
    }

    #[test]
    fn bodies_are_text_or_base64_by_their_content_type() {
        let with = |content_type: &str, body: &'static [u8]| {
            let request = Request::post("/api/x")
                .header("Content-Type", content_type)
                .body(body)
                .expect("a request");
            let event = sent(request, &[]);
            (
                event["body"].as_str().expect("a body").to_owned(),
                event["isBase64Encoded"].as_bool() == Some(true),
            )
        };
        assert_eq!(
            with("application/json; charset=utf-8", b"{}"),
            ("{}".into(), false)
        );
        assert_eq!(with("text/plain", "ä".as_bytes()), ("ä".into(), false));
        assert_eq!(with("application/octet-stream", b"abc"), ("YWJj".into(), true));
        assert_eq!(
            with("application/x-www-form-urlencoded", b"a=b"),
            ("YT1i".into(), true)
        );
        assert_eq!(with("application/json", b"\xff"), ("/w==".into(), true));
    }
}
