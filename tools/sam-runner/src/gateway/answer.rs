//! What a function returns, as the answer to the request: HTTP API, payload format 2.0.

use crate::runtime::InvokeError;
use axum::Json;
use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Response, StatusCode, header};
use axum::response::IntoResponse;
use bytes::Bytes;
use data_encoding::BASE64;
use serde::Deserialize;
use serde_json::{Value, json};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// A response in payload format 2.0.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Returned<'r> {
    status_code: u16,
    #[serde(default)]
    headers: Option<BTreeMap<String, Value>>,
    #[serde(default)]
    cookies: Option<Vec<String>>,
    #[serde(default, borrow)]
    body: Option<Cow<'r, str>>,
    #[serde(default)]
    is_base64_encoded: bool,
}

/// The answer for what a function returned. JSON without a `statusCode` is the body of a 200; what cannot be understood
/// is a 500, as at API Gateway.
pub(super) fn returned(payload: &Bytes) -> Response<Body> {
    match serde_json::from_slice::<Returned<'_>>(payload) {
        Ok(returned) => full(returned).unwrap_or_else(|| message(StatusCode::INTERNAL_SERVER_ERROR)),
        Err(_) => bare(payload),
    }
}

fn full(returned: Returned<'_>) -> Option<Response<Body>> {
    let body = match (returned.body, returned.is_base64_encoded) {
        (None, _) => Vec::new(),
        (Some(text), true) => BASE64.decode(text.as_bytes()).ok()?,
        (Some(text), false) => text.into_owned().into_bytes(),
    };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(returned.status_code).ok()?;
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    for (name, value) in returned.headers.unwrap_or_default() {
        let value = match value {
            Value::String(text) => text,
            Value::Number(number) => number.to_string(),
            Value::Bool(flag) => flag.to_string(),
            _ => return None,
        };
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        // The gateway frames the message itself.
        if name != header::CONTENT_LENGTH && name != header::TRANSFER_ENCODING && name != header::CONNECTION {
            headers.insert(name, HeaderValue::try_from(value).ok()?);
        }
    }
    for cookie in returned.cookies.unwrap_or_default() {
        headers.append(header::SET_COOKIE, HeaderValue::try_from(cookie).ok()?);
    }
    Some(response)
}

fn bare(payload: &Bytes) -> Response<Body> {
    let body = match serde_json::from_slice::<Value>(payload) {
        // It meant the format and got it wrong.
        Ok(Value::Object(object)) if object.contains_key("statusCode") => {
            return message(StatusCode::INTERNAL_SERVER_ERROR);
        }
        Ok(Value::String(text)) => Body::from(text),
        Ok(_) => Body::from(payload.clone()),
        Err(_) => return message(StatusCode::INTERNAL_SERVER_ERROR),
    };
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}

/// The answer when the function has none. Throttled is a 503 and so are we when we stop; everything else says no more
/// than that something went wrong.
pub(super) fn failed(error: &InvokeError) -> Response<Body> {
    message(match error {
        InvokeError::Throttled | InvokeError::Stopping => StatusCode::SERVICE_UNAVAILABLE,
        InvokeError::RequestTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    })
}

/// `{"message": ".."}` with the words of API Gateway for this status.
pub(super) fn message(status: StatusCode) -> Response<Body> {
    let words = match status {
        StatusCode::PAYLOAD_TOO_LARGE => "Request Entity Too Large",
        other => other.canonical_reason().unwrap_or_default(),
    };
    (status, Json(json!({ "message": words }))).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn answer(payload: &'static str) -> (u16, Option<String>, String) {
        let response = returned(&Bytes::from_static(payload.as_bytes()));
        let content_type = response
            .headers()
            .get("content-type")
            .map(|value| value.to_str().expect("text").to_owned());
        let status = response.status().as_u16();
        let body = axum::body::to_bytes(response.into_body(), 1000)
            .await
            .expect("a body");
        (status, content_type, String::from_utf8_lossy(&body).into_owned())
    }

    #[tokio::test]
    async fn a_returned_answer_is_passed_on() {
        let (status, content_type, body) = answer(
            r#"{"statusCode":201,"headers":{"Content-Type":"application/json","Content-Length":99,"x-n":1},"body":"{\"a\":\"ä\"}","isBase64Encoded":false,"multiValueHeaders":{}}"#,
        )
        .await;
        assert_eq!(
            (status, content_type.as_deref(), body.as_str()),
            (201, Some("application/json"), r#"{"a":"ä"}"#)
        );
        let (status, content_type, body) = answer(r#"{"statusCode":204}"#).await;
        assert_eq!(
            (status, content_type.as_deref(), body.as_str()),
            (204, Some("text/plain; charset=utf-8"), "")
        );
    }

    #[tokio::test]
    async fn base64_bodies_are_decoded() {
        let (status, _, body) = answer(r#"{"statusCode":200,"body":"YWJj","isBase64Encoded":true}"#).await;
        assert_eq!((status, body.as_str()), (200, "abc"));
        assert_eq!(
            answer(r#"{"statusCode":200,"body":"%","isBase64Encoded":true}"#)
                .await
                .0,
            500
        );
    }

    #[test]
    fn cookies_each_get_a_header() {
        let response = returned(&Bytes::from_static(
            br#"{"statusCode":200,"cookies":["a=1","b=2"]}"#,
        ));
        assert_eq!(
            response
                .headers()
                .get_all("set-cookie")
                .iter()
                .collect::<Vec<_>>(),
            ["a=1", "b=2"]
        );
    }

    #[tokio::test]
    async fn bare_json_is_a_200() {
        let json = Some("application/json".to_owned());
        assert_eq!(
            answer(r#"{"a": 1}"#).await,
            (200, json.clone(), r#"{"a": 1}"#.into())
        );
        assert_eq!(answer(r#""hello""#).await, (200, json, "hello".into()));
    }

    #[tokio::test]
    async fn what_makes_no_answer_is_a_500() {
        let error = (
            500,
            Some("application/json".to_owned()),
            r#"{"message":"Internal Server Error"}"#.to_owned(),
        );
        for payload in [
            "",
            "{",
            r#"{"statusCode":"ok"}"#,
            r#"{"statusCode":9999}"#,
            r#"{"statusCode":200,"headers":{"a":[]}}"#,
            r#"{"statusCode":200,"headers":{"a b":"c"}}"#,
        ] {
            assert_eq!(answer(payload).await, error, "{payload}");
        }
    }
}
