use std::collections::HashMap;

use lambda_http::aws_lambda_events::apigw::ApiGatewayV2httpRequestContext;
use lambda_http::aws_lambda_events::query_map::QueryMap;
use lambda_http::http::{HeaderName, HeaderValue};
use lambda_http::request::RequestContext;
use lambda_http::{Body, Request, RequestExt};

use crate::Problem;
use crate::json::Document;

/// The most bytes of a body.
pub const MAX_BODY: usize = 256 * 1024;

/// What handlers ask of a request.
pub trait ReadRequest {
    /// The route that was chosen: method and pattern.
    fn route(&self) -> &str;
    /// The gateway's id of the request, as in its own log, or Lambda's; empty where there is none.
    fn id(&self) -> &str;
    /// A header. The gateway joins several of one name with commas.
    fn header(&self, name: &str) -> Option<&str>;
    /// A variable of the route, empty where the route has none of that name.
    fn path_parameter(&self, name: &str) -> &str;
    /// The first value of a query parameter, decoded (WHATWG URL, "urlencoded parsing").
    fn query(&self, name: &str) -> Option<&str>;
    /// The token of `Authorization: Bearer <token>` (RFC 6750, section 2.1; the scheme in any case: RFC 9110, section 11.1).
    fn bearer_token(&self) -> Option<&str>;
    /// The body's bytes, as the client sent them.
    ///
    /// # Errors
    /// 413 for more than [`MAX_BODY`].
    fn bytes(&self) -> Result<&[u8], Problem>;
    /// The body as JSON.
    ///
    /// # Errors
    /// As [`ReadRequest::bytes`]; 415 for another content type (none is fine), 400 for what is no JSON.
    fn json(&self) -> Result<Document, Problem>;
}

impl ReadRequest for Request {
    fn route(&self) -> &str {
        context_of(self)
            .and_then(|context| context.route_key.as_deref())
            .unwrap_or_default()
    }

    fn id(&self) -> &str {
        let gateway = context_of(self).and_then(|context| context.request_id.as_deref());
        let lambda = || Some(self.lambda_context_ref()?.request_id.as_str());
        gateway
            .filter(|id| !id.is_empty())
            .or_else(lambda)
            .unwrap_or_default()
    }

    fn header(&self, name: &str) -> Option<&str> {
        std::str::from_utf8(self.headers().get(name)?.as_bytes()).ok()
    }

    fn path_parameter(&self, name: &str) -> &str {
        let value = self.path_parameters_ref().and_then(|all| all.first(name));
        value.unwrap_or_default()
    }

    fn query(&self, name: &str) -> Option<&str> {
        self.query_string_parameters_ref()?.first(name)
    }

    fn bearer_token(&self) -> Option<&str> {
        let (scheme, token) = self.header("authorization")?.trim().split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    }

    fn bytes(&self) -> Result<&[u8], Problem> {
        if self.body().len() > MAX_BODY {
            return Err(Problem::body_too_large(MAX_BODY));
        }
        Ok(self.body())
    }

    fn json(&self) -> Result<Document, Problem> {
        let kind = self.header("content-type").unwrap_or("application/json");
        let kind = kind.split(';').next().unwrap_or_default().trim();
        if !kind.eq_ignore_ascii_case("application/json") {
            return Err(Problem::unsupported_media_type());
        }
        Document::parse(self.bytes()?)
    }
}

fn context_of(request: &Request) -> Option<&ApiGatewayV2httpRequestContext> {
    match request.request_context_ref()? {
        RequestContext::ApiGatewayV2(context) => Some(context),
        _ => None,
    }
}

/// A request as it comes to a route, such as `GET /api/things/{id}`, with nothing in it: for calling a handler by hand.
pub fn request(route: &str) -> Request {
    let mut context = ApiGatewayV2httpRequestContext::default();
    context.route_key = Some(route.to_owned());
    Request::default().with_request_context(RequestContext::ApiGatewayV2(context))
}

/// Fills a [`request`].
pub trait BuildRequest: Sized {
    /// With the gateway's id.
    #[must_use]
    fn with_id(self, id: &str) -> Self;
    /// With a header; one that no server hands over is left out.
    #[must_use]
    fn with_header(self, name: &str, value: &str) -> Self;
    /// With a value for the variable of the route.
    #[must_use]
    fn with_path_parameter(self, name: &str, value: &str) -> Self;
    /// With a query, as it stands after the `?`.
    #[must_use]
    fn with_query(self, query: &str) -> Self;
    /// With a body.
    #[must_use]
    fn with_body(self, body: impl AsRef<[u8]>) -> Self;
}

impl BuildRequest for Request {
    fn with_id(mut self, id: &str) -> Self {
        if let Some(RequestContext::ApiGatewayV2(context)) = self.extensions_mut().get_mut() {
            context.request_id = Some(id.to_owned());
        }
        self
    }

    fn with_header(mut self, name: &str, value: &str) -> Self {
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(value)) {
            self.headers_mut().insert(name, value);
        }
        self
    }

    fn with_path_parameter(self, name: &str, value: &str) -> Self {
        self.with_path_parameters(HashMap::from([(name.to_owned(), value.to_owned())]))
    }

    fn with_query(self, query: &str) -> Self {
        let query: QueryMap = query.parse().unwrap_or_default();
        self.with_query_string_parameters(query)
    }

    fn with_body(mut self, body: impl AsRef<[u8]>) -> Self {
        *self.body_mut() = Body::Binary(body.as_ref().to_vec());
        self
    }
}
