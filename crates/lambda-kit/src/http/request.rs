use std::borrow::Cow;
use std::collections::HashMap;

use data_encoding::BASE64;
use percent_encoding::percent_decode_str;
use serde::{Deserialize, Deserializer};

use crate::Problem;
use crate::json::Document;

/// The most bytes of a body.
pub const MAX_BODY: usize = 256 * 1024;

/// A request as API Gateway or a function's own URL hands it over. Whatever a client sent, reading it does not fail.
#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Request {
    route_key: String,
    raw_path: String,
    raw_query_string: String,
    #[serde(deserialize_with = "names_in_lower_case")]
    headers: HashMap<String, String>,
    #[serde(deserialize_with = "or_default")]
    path_parameters: HashMap<String, String>,
    body: Option<String>,
    is_base64_encoded: bool,
    #[serde(rename = "requestContext")]
    context: Context,
}

#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Context {
    request_id: String,
    http: Http,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default)]
struct Http {
    method: String,
}

impl Request {
    /// A request as it comes to a route, such as `GET /api/things/{id}`, with nothing in it: for calling a handler by hand.
    pub fn to(route: &str) -> Self {
        Self {
            route_key: route.to_owned(),
            ..Self::default()
        }
    }

    /// With the gateway's id.
    #[must_use]
    pub fn with_id(mut self, id: &str) -> Self {
        id.clone_into(&mut self.context.request_id);
        self
    }

    /// With a header.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.insert(name.to_ascii_lowercase(), value.to_owned());
        self
    }

    /// With a value for a variable of the route.
    #[must_use]
    pub fn with_path_parameter(mut self, name: &str, value: &str) -> Self {
        self.path_parameters.insert(name.to_owned(), value.to_owned());
        self
    }

    /// With a query, as it stands after the `?`.
    #[must_use]
    pub fn with_query(mut self, query: &str) -> Self {
        query.clone_into(&mut self.raw_query_string);
        self
    }

    /// With a body; one that is no text goes over in base64, as the gateway does it.
    #[must_use]
    pub fn with_body(mut self, body: impl AsRef<[u8]>) -> Self {
        let text = std::str::from_utf8(body.as_ref());
        self.is_base64_encoded = text.is_err();
        self.body = Some(text.map_or_else(|_| BASE64.encode(body.as_ref()), ToOwned::to_owned));
        self
    }

    /// With the one of `routes` that it fits, where nobody chose one: a function's own URL knows only `$default`.
    #[must_use]
    pub fn routed(mut self, routes: &[&str]) -> Self {
        if self.route_key == "$default" {
            let fitting = routes
                .iter()
                .find_map(|route| Some((*route, self.variables(route)?)));
            if let Some((route, variables)) = fitting {
                route.clone_into(&mut self.route_key);
                self.path_parameters = variables;
            }
        }
        self
    }

    /// The variables of a route, decoded, where method and path fit it.
    fn variables(&self, route: &str) -> Option<HashMap<String, String>> {
        let path = route.strip_prefix(&self.context.http.method)?.strip_prefix(' ')?;
        let (pattern, actual) = (path.split('/'), self.raw_path.split('/'));
        if pattern.clone().count() != actual.clone().count() {
            return None;
        }
        let mut variables = HashMap::new();
        for (pattern, actual) in pattern.zip(actual) {
            let name = pattern.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
            match name {
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

    /// The route that the gateway chose: method and pattern.
    pub fn route(&self) -> &str {
        &self.route_key
    }

    /// The gateway's id of the request, as in its own log; empty where there is none.
    pub fn id(&self) -> &str {
        &self.context.request_id
    }

    /// A header, by its name in lower case. The gateway joins several of one name with commas.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// A variable of the route, empty where the route has none of that name.
    pub fn path_parameter(&self, name: &str) -> &str {
        self.path_parameters.get(name).map_or("", String::as_str)
    }

    /// The first value of a query parameter, decoded (WHATWG URL, "urlencoded parsing").
    pub fn query(&self, name: &str) -> Option<Cow<'_, str>> {
        form_urlencoded::parse(self.raw_query_string.as_bytes())
            .find(|(own, _)| own == name)
            .map(|(_, value)| value)
    }

    /// The token of `Authorization: Bearer <token>` (RFC 6750, section 2.1; the scheme in any case: RFC 9110, section 11.1).
    pub fn bearer_token(&self) -> Option<&str> {
        let (scheme, token) = self.header("authorization")?.trim().split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    }

    /// The body's bytes, as the client sent them.
    ///
    /// # Errors
    /// 413 for more than [`MAX_BODY`], 400 where the gateway's base64 cannot be read.
    pub fn bytes(&self) -> Result<Cow<'_, [u8]>, Problem> {
        let body = self.body.as_deref().unwrap_or_default();
        let most = if self.is_base64_encoded {
            BASE64.encode_len(MAX_BODY)
        } else {
            MAX_BODY
        };
        if body.len() > most {
            return Err(Problem::body_too_large(MAX_BODY));
        }
        if !self.is_base64_encoded {
            return Ok(Cow::Borrowed(body.as_bytes()));
        }
        let bytes = BASE64
            .decode(body.as_bytes())
            .map_err(|_| Problem::malformed_json("The body cannot be decoded."))?;
        if bytes.len() > MAX_BODY {
            return Err(Problem::body_too_large(MAX_BODY));
        }
        Ok(Cow::Owned(bytes))
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// As [`Request::bytes`]; 415 for another content type (none is fine), 400 for what is no JSON.
    pub fn json(&self) -> Result<Document, Problem> {
        let kind = self.header("content-type").unwrap_or("application/json");
        let kind = kind.split(';').next().unwrap_or_default().trim();
        if !kind.eq_ignore_ascii_case("application/json") {
            return Err(Problem::unsupported_media_type());
        }
        Document::parse(&self.bytes()?)
    }
}

fn or_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(from: D) -> Result<T, D::Error> {
    Option::deserialize(from).map(Option::unwrap_or_default)
}

fn names_in_lower_case<'de, D: Deserializer<'de>>(from: D) -> Result<HashMap<String, String>, D::Error> {
    let headers: HashMap<String, String> = or_default(from)?;
    let lower = |(mut name, value): (String, String)| {
        name.make_ascii_lowercase();
        (name, value)
    };
    Ok(headers.into_iter().map(lower).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn an_event_of_the_gateway_is_read() {
        let event = json!({
            "version": "2.0", "routeKey": "GET /api/things/{id}", "rawPath": "/api/things/A",
            "rawQueryString": "q=a+b%2Fc&limit=3&q=x",
            "headers": {"Authorization": "bearer  t0ken", "host": "h"}, "pathParameters": {"id": "A"},
            "requestContext": {"requestId": "r1", "http": {"method": "GET", "path": "/api/things/A"}},
            "isBase64Encoded": false,
        });
        let request: Request = serde_json::from_value(event).expect("a request");
        assert_eq!((request.route(), request.id()), ("GET /api/things/{id}", "r1"));
        assert_eq!(request.query("q").as_deref(), Some("a b/c"));
        assert_eq!(request.query("cursor"), None);
        assert_eq!(request.path_parameter("id"), "A");
        assert_eq!(request.bearer_token(), Some("t0ken"));
        assert_eq!(request.bytes().expect("no body").len(), 0);
    }

    #[test]
    fn what_the_gateway_leaves_out_or_sets_to_null_is_empty() {
        for event in [
            json!({}),
            json!({"headers": null, "pathParameters": null, "body": null}),
        ] {
            let request: Request = serde_json::from_value(event).expect("a request");
            assert_eq!(
                (request.route(), request.id(), request.path_parameter("id")),
                ("", "", "")
            );
            assert_eq!((request.header("host"), request.bearer_token()), (None, None));
        }
    }

    fn to_a_url(method: &str, path: &str) -> Request {
        let event = json!({
            "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": "q=a b",
            "requestContext": {"requestId": "r1", "http": {"method": method, "path": path}},
        });
        let request: Request = serde_json::from_value(event).expect("a request");
        request.routed(&["GET /api/things", "GET /api/things/{id}"])
    }

    #[test]
    fn an_event_of_a_functions_own_url_finds_its_route() {
        let request = to_a_url("GET", "/api/things/A%2Db%20c");
        assert_eq!(request.route(), "GET /api/things/{id}");
        assert_eq!(request.path_parameter("id"), "A-b c", "decoded as by the gateway");
        assert_eq!(
            request.query("q").as_deref(),
            Some("a b"),
            "a plus comes as a space"
        );
        assert_eq!(to_a_url("GET", "/api/things").route(), "GET /api/things");
    }

    #[test]
    fn what_fits_no_route_keeps_that_of_the_url() {
        let misses = [
            ("POST", "/api/things"),
            ("", "/api/things"),
            ("GET", ""),
            ("GET", "/"),
            ("GET", "/api/thingsx"),
            ("GET", "/api/things/"),
            ("GET", "/api/things/A/B"),
            ("GET", "/other/things/A"),
        ];
        for (method, path) in misses {
            assert_eq!(to_a_url(method, path).route(), "$default", "{method} {path}");
        }
    }

    #[test]
    fn a_route_that_the_gateway_chose_stays() {
        let request = Request::to("GET /api/things/{id}").with_path_parameter("id", "A");
        let request = request.routed(&["GET /api/things"]);
        assert_eq!(
            (request.route(), request.path_parameter("id")),
            ("GET /api/things/{id}", "A")
        );
    }

    #[test]
    fn a_body_in_base64_is_decoded() {
        let request = Request::to("POST /").with_body([0xff, 0x00]);
        assert!(request.is_base64_encoded);
        assert_eq!(request.bytes().expect("bytes").as_ref(), [0xff, 0x00]);
    }

    #[test]
    fn a_body_past_the_limit_is_refused_encoded_or_not() {
        let status = |request: Request| request.bytes().map(|bytes| bytes.len()).map_err(|p| p.status());
        assert_eq!(
            status(Request::to("").with_body("x".repeat(MAX_BODY))),
            Ok(MAX_BODY)
        );
        assert_eq!(
            status(Request::to("").with_body("x".repeat(MAX_BODY + 1))),
            Err(413)
        );
        assert_eq!(
            status(Request::to("").with_body(vec![0xff; MAX_BODY])),
            Ok(MAX_BODY)
        );
        assert_eq!(
            status(Request::to("").with_body(vec![0xff; MAX_BODY + 1])),
            Err(413)
        );
        assert_eq!(
            status(Request::to("").with_body(vec![0xff; MAX_BODY + 99])),
            Err(413)
        );
    }

    #[test]
    fn a_content_type_other_than_json_is_refused() {
        let code = |kind: &str| {
            let request = Request::to("").with_header("Content-Type", kind).with_body("{}");
            request.json().map(drop).map_err(|problem| problem.code())
        };
        assert_eq!(code("application/json"), Ok(()));
        assert_eq!(code("Application/JSON; charset=utf-8"), Ok(()));
        assert_eq!(code("text/plain"), Err("unsupported_media_type"));
        assert_eq!(code("application/jsonx"), Err("unsupported_media_type"));
        assert!(Request::to("").with_body("{}").json().is_ok());
    }

    proptest! {
        #[test]
        fn whatever_a_client_sends_is_read_without_a_fault_of_ours(
            method in ".*", path in ".*", query in ".*", header in ".*", body in ".*", base64: bool, bytes: Vec<u8>,
        ) {
            let event = json!({
                "routeKey": "$default", "rawPath": path, "requestContext": {"http": {"method": method}},
                "rawQueryString": query, "headers": {"Authorization": header, "Host": header},
                "body": body, "isBase64Encoded": base64,
            });
            let request: Request = serde_json::from_value(event).expect("a request");
            let request = request.routed(&["GET /{id}"]);
            let _ = (request.query("q"), request.bearer_token());
            prop_assert!(request.json().map_or_else(|problem| problem.status() < 500, |_| true));
            let request = Request::to("").with_body(&bytes);
            let read = request.bytes().expect("small").into_owned();
            prop_assert_eq!(read, bytes);
        }
    }
}
