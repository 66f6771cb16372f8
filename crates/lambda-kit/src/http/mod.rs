//! Requests of an API Gateway HTTP API or a function's own URL (both payload format 2.0) and their answers: `lambda_http`'s.

mod event;
mod serve;
#[cfg(test)]
pub(crate) mod tests;

use std::borrow::{Borrow, BorrowMut};
use std::collections::HashMap;

use lambda_http::RequestExt;
use lambda_http::aws_lambda_events::apigw::ApiGatewayV2httpRequestContext;
use lambda_http::aws_lambda_events::query_map::QueryMap;
use lambda_http::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use lambda_http::request::RequestContext;
pub use lambda_http::{Body, Request};
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use self::serve::{Handle, answer, read_event, serve};
use crate::Problem;
use crate::json::{self, Faults};

/// The most bytes of a body.
pub const MAX_BODY: usize = 256 * 1024;

/// What handlers ask of a request.
pub trait ReadRequest: RequestExt + Borrow<Request> {
    /// What the gateway says of the request.
    fn gateway(&self) -> Option<&ApiGatewayV2httpRequestContext> {
        match self.request_context_ref()? {
            RequestContext::ApiGatewayV2(context) => Some(context),
            _ => None,
        }
    }

    /// The route that was chosen: method and pattern.
    fn route(&self) -> &str {
        let route = self.gateway().and_then(|it| it.route_key.as_deref());
        route.unwrap_or_default()
    }

    /// The gateway's id of the request, as in its own log, or Lambda's; empty where there is none.
    fn id(&self) -> &str {
        let own = self.gateway().and_then(|it| it.request_id.as_deref());
        let lambda = || Some(self.lambda_context_ref()?.request_id.as_str());
        let own = own.filter(|id| !id.is_empty());
        own.or_else(lambda).unwrap_or_default()
    }

    /// A header. The gateway joins several of one name with commas.
    fn header(&self, name: &str) -> Option<&str> {
        std::str::from_utf8(self.borrow().headers().get(name)?.as_bytes()).ok()
    }

    /// A variable of the route, empty where the route has none of that name.
    fn path_parameter(&self, name: &str) -> &str {
        let value = self.path_parameters_ref().and_then(|all| all.first(name));
        value.unwrap_or_default()
    }

    /// The first value of a query parameter, decoded (WHATWG URL, "urlencoded parsing").
    fn query(&self, name: &str) -> Option<&str> {
        self.query_string_parameters_ref()?.first(name)
    }

    /// The token of `Authorization: Bearer <token>` (RFC 6750, section 2.1; the scheme in any case: RFC 9110, section 11.1).
    fn bearer_token(&self) -> Option<&str> {
        let (scheme, token) = self.header("authorization")?.trim().split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    }

    /// The body's bytes, as the client sent them; 413 for more than [`MAX_BODY`].
    fn bytes(&self) -> Result<&[u8], Problem> {
        let body = self.borrow().body();
        if body.len() > MAX_BODY {
            let problem = Problem::new(413, "body_too_large", "The body is too large");
            return Err(problem.detail(format!("A body has at most {MAX_BODY} bytes.")));
        }
        Ok(body)
    }

    /// The body as [`json::read`] reads it; 415 for another content type (none is fine).
    fn json<T: DeserializeOwned>(&self) -> Result<(T, Faults), Problem> {
        let kind = self.header("content-type").unwrap_or("application/json");
        let kind = kind.split(';').next().unwrap_or_default().trim();
        if kind.eq_ignore_ascii_case("application/json") {
            return json::read(self.bytes()?);
        }
        let title = "The body is of an unsupported type";
        Err(Problem::new(415, "unsupported_media_type", title).detail("Send the body as application/json."))
    }
}

/// A request of the id `r1` to a route, such as `GET /api/things/{id}`, with nothing in it: for calling a handler by hand.
pub fn request(route: &str) -> Request {
    let mut context = ApiGatewayV2httpRequestContext::default();
    (context.route_key, context.request_id) = (Some(route.to_owned()), Some("r1".to_owned()));
    Request::default().with_request_context(RequestContext::ApiGatewayV2(context))
}

/// Fills a [`request`].
pub trait BuildRequest: RequestExt + BorrowMut<Request> + Sized {
    /// With a header; one that no server hands over is left out.
    #[must_use]
    fn with_header(mut self, name: &str, value: &str) -> Self {
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(value)) {
            self.borrow_mut().headers_mut().insert(name, value);
        }
        self
    }

    /// With a value for the variable of the route.
    #[must_use]
    fn with_path_parameter(self, name: &str, value: &str) -> Self {
        self.with_path_parameters(HashMap::from([(name.to_owned(), value.to_owned())]))
    }

    /// With a query, as it stands after the `?`.
    #[must_use]
    fn with_query(self, query: &str) -> Self {
        self.with_query_string_parameters(query.parse::<QueryMap>().unwrap_or_default())
    }

    /// With a body.
    #[must_use]
    fn with_body(mut self, body: impl AsRef<[u8]>) -> Self {
        *self.borrow_mut().body_mut() = Body::Binary(body.as_ref().to_vec());
        self
    }
}

/// An answer, as `lambda_http` has it.
pub type Response = lambda_http::Response<Body>;

/// An answer without a body.
pub fn empty(status: u16) -> Response {
    let mut response = Response::default();
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response
}

/// An answer with `body` as JSON. Panics where it has a map whose keys are no strings: no type of an interface has.
pub fn json(status: u16, body: &impl Serialize) -> Response {
    text(
        status,
        "application/json",
        serde_json::to_string(body).expect("keys are strings"),
    )
}

/// An answer with `body` as it is.
pub fn text(status: u16, content_type: &'static str, body: impl Into<String>) -> Response {
    let mut response = empty(status).with_header("content-type", content_type);
    *response.body_mut() = Body::Text(body.into());
    response
}

/// Sets headers of an answer.
pub trait WithHeader: BorrowMut<Response> + Sized {
    /// With a header, in place of one of the same name. `value` is one that a header can have.
    #[must_use]
    fn with_header(mut self, name: &'static str, value: impl AsRef<str>) -> Self {
        let value = HeaderValue::from_str(value.as_ref()).expect("our own text has no control characters");
        self.borrow_mut()
            .headers_mut()
            .insert(HeaderName::from_static(name), value);
        self
    }
}

/// Looks into an answer.
pub trait ReadResponse: Borrow<Response> {
    /// The status as a number.
    fn code(&self) -> u16 {
        self.borrow().status().as_u16()
    }

    /// A header's value.
    fn header_of(&self, name: &str) -> Option<&str> {
        self.borrow().headers().get(name)?.to_str().ok()
    }

    /// The body; empty where it is no text.
    fn text(&self) -> &str {
        let Body::Text(text) = self.borrow().body() else {
            return "";
        };
        text
    }

    /// The body read as JSON; null where it is none.
    fn body_json(&self) -> serde_json::Value {
        serde_json::from_str(self.text()).unwrap_or_default()
    }

    /// Status, headers and body: what makes two answers the same.
    fn whole(&self) -> (u16, &HeaderMap, &str) {
        (self.code(), self.borrow().headers(), self.text())
    }
}

impl ReadRequest for Request {}
impl BuildRequest for Request {}
impl WithHeader for Response {}
impl ReadResponse for Response {}
