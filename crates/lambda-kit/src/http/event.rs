//! The guard before `lambda_http`, whose conversion of an event (1.3) unwraps what a client may have made up.

use std::collections::HashMap;

use data_encoding::BASE64;
use lambda_http::aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use lambda_http::http::header::HOST;
use lambda_http::request::LambdaRequest;
use lambda_http::{Body, Request};
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

use crate::Problem;

/// What no URI holds (RFC 3986). `%` and `+` stay: they mean something. A function's URL hands `+` over as a space.
const UNSAFE: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');
/// The most bytes of path and query: `http` has a limit of 65,534, which a client could reach at a function's own URL.
const LONGEST_URI: usize = 60_000;

/// The request that an event holds. Query and path are encoded where a URI needs it, host and body kept from the conversion.
/// 414 for a longer URI than any server takes.
pub(super) fn into_request(mut event: ApiGatewayV2httpRequest) -> Result<Request, Problem> {
    let encoded = |text: Option<String>| utf8_percent_encode(&text.unwrap_or_default(), UNSAFE).to_string();
    let mut path = encoded(event.raw_path.take());
    if !path.starts_with('/') {
        path.insert(0, '/');
    }
    let query = encoded(event.raw_query_string.take());
    if path.len() + query.len() > LONGEST_URI {
        return Err(Problem::new(414, "uri_too_long", "The address is too long"));
    }
    (event.raw_path, event.raw_query_string) = (Some(path), Some(query));
    (event.request_context.domain_name, event.request_context.stage) = (None, None);
    let host = event.headers.remove(HOST);
    let body = event.body.take().unwrap_or_default();
    let bytes = event
        .is_base64_encoded
        .then(|| BASE64.decode(body.as_bytes()).ok());
    let body = bytes.flatten().map_or(Body::Text(body), Body::Binary);
    let mut request = Request::from(LambdaRequest::ApiGatewayV2(event));
    *request.body_mut() = body;
    request.headers_mut().extend(host.map(|host| (HOST, host)));
    Ok(request)
}

/// Gives the event the one of `routes` that it fits, where nobody chose one: a function's own URL knows only `$default`. HEAD has the
/// route of GET (RFC 9110, section 9.3.2).
pub(super) fn route(event: &mut ApiGatewayV2httpRequest, routes: &[&str]) {
    if event.request_context.route_key.is_none() {
        event.request_context.route_key = event.route_key.take();
    }
    if event.request_context.route_key.as_deref() == Some("$default") {
        let mut fitting = routes
            .iter()
            .filter_map(|route| Some((*route, variables(event, route)?)));
        if let Some((route, variables)) = fitting.next() {
            event.request_context.route_key = Some(route.to_owned());
            event.path_parameters = variables;
        }
    }
    if let Some(key) = &mut event.request_context.route_key
        && let Some(path) = key.strip_prefix("HEAD ")
    {
        *key = format!("GET {path}");
    }
}

/// The variables of a route, decoded, where method and path fit it.
fn variables(event: &ApiGatewayV2httpRequest, route: &str) -> Option<HashMap<String, String>> {
    let method = match event.request_context.http.method.as_str() {
        "HEAD" => "GET",
        method => method,
    };
    let pattern = route.strip_prefix(method)?;
    let (pattern, path) = (
        pattern.strip_prefix(' ')?.split('/'),
        event.raw_path.as_deref()?.split('/'),
    );
    if pattern.clone().count() != path.clone().count() {
        return None;
    }
    let mut variables = HashMap::new();
    for (pattern, actual) in pattern.zip(path) {
        match pattern.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
            Some(name) if !actual.is_empty() => {
                let value = percent_decode_str(actual).decode_utf8_lossy();
                variables.insert(name.to_owned(), value.into_owned());
            }
            None if pattern == actual => {}
            _ => return None,
        }
    }
    Some(variables)
}
