use lambda_http::Body;
use lambda_http::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde::Serialize;

/// An answer, as `lambda_http` has it.
pub type Response = lambda_http::Response<Body>;

/// An answer without a body.
pub fn empty(status: u16) -> Response {
    let mut response = Response::default();
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response
}

/// An answer with `body` as JSON.
///
/// # Panics
/// Where `body` has a map whose keys are no strings: no type of an interface has.
pub fn json(status: u16, body: &impl Serialize) -> Response {
    let body = serde_json::to_string(body).expect("keys are strings");
    text(status, "application/json", body)
}

/// An answer with `body` as it is.
pub fn text(status: u16, content_type: &'static str, body: impl Into<String>) -> Response {
    let mut response = empty(status);
    *response.body_mut() = Body::Text(body.into());
    response.with_header("content-type", content_type)
}

/// Sets headers of an answer.
pub trait WithHeader {
    /// With a header, in place of one of the same name. `value` is one that a header can have.
    #[must_use]
    fn with_header(self, name: &'static str, value: impl AsRef<str>) -> Self;
}

impl WithHeader for Response {
    fn with_header(mut self, name: &'static str, value: impl AsRef<str>) -> Self {
        let value = HeaderValue::from_str(value.as_ref()).expect("our own text has no control characters");
        self.headers_mut().insert(HeaderName::from_static(name), value);
        self
    }
}

/// Looks into an answer.
pub trait ReadResponse {
    /// The status as a number.
    fn code(&self) -> u16;
    /// A header's value.
    fn header_of(&self, name: &str) -> Option<&str>;
    /// The body; empty where it is no text.
    fn text(&self) -> &str;
    /// Status, headers and body: what makes two answers the same.
    fn whole(&self) -> (u16, &HeaderMap, &str);
    /// The body read as JSON; null where it is none.
    fn body_json(&self) -> serde_json::Value {
        serde_json::from_str(self.text()).unwrap_or_default()
    }
}

impl ReadResponse for Response {
    fn code(&self) -> u16 {
        self.status().as_u16()
    }

    fn whole(&self) -> (u16, &HeaderMap, &str) {
        (self.code(), self.headers(), self.text())
    }

    fn header_of(&self, name: &str) -> Option<&str> {
        self.headers().get(name)?.to_str().ok()
    }

    fn text(&self) -> &str {
        match self.body() {
            Body::Text(text) => text,
            _ => "",
        }
    }
}
