use serde::Serialize;
use serde_json::{Map, Value};

use crate::Error;
use crate::http::{self, Response, WithHeader};

/// What went wrong with a request, as the client is told (RFC 9457): `type` is `urn:kontor:problem:<code>`. What lies
/// beneath is kept apart, for the log.
#[derive(Debug)]
pub struct Problem {
    body: Box<Body>,
    status: u16,
    retry_after: Option<u32>,
    cause: Option<Error>,
    unexpected: bool,
}

/// One thing wrong with what was sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// Where: a JSON pointer (RFC 6901) into the body.
    pub pointer: String,
    /// What, for a machine.
    pub code: &'static str,
    /// What, for a person.
    pub detail: String,
    /// Whatever else helps.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

impl Fault {
    /// A fault at `pointer`.
    pub fn new(pointer: impl Into<String>, code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            pointer: pointer.into(),
            code,
            detail: detail.into(),
            more: Map::new(),
        }
    }

    /// With one more member.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.more.insert(name.to_owned(), value.into());
        self
    }
}

#[derive(Debug, Serialize)]
struct Body {
    #[serde(rename = "type")]
    kind: String,
    title: &'static str,
    status: u16,
    #[serde(skip_serializing_if = "String::is_empty")]
    detail: String,
    code: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Fault>,
    #[serde(skip_serializing_if = "String::is_empty")]
    request_id: String,
    #[serde(flatten)]
    more: Map<String, Value>,
}

impl Problem {
    /// A problem of the kind `code`, which `title` names to a person, the same each time.
    pub fn new(status: u16, code: &'static str, title: &'static str) -> Self {
        Self {
            body: Box::new(Body {
                kind: format!("urn:kontor:problem:{code}"),
                title,
                status,
                detail: String::new(),
                code,
                errors: Vec::new(),
                request_id: String::new(),
                more: Map::new(),
            }),
            status,
            retry_after: None,
            cause: None,
            unexpected: status == 500,
        }
    }

    /// What is wrong this time, to a person. No inner text.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.body.detail = detail.into();
        self
    }

    /// What is wrong with what was sent, one by one.
    #[must_use]
    pub fn faults(mut self, faults: Vec<Fault>) -> Self {
        self.body.errors = faults;
        self
    }

    /// With one more member (RFC 9457, section 3.2).
    #[must_use]
    pub fn with(mut self, name: &str, value: Value) -> Self {
        self.body.more.insert(name.to_owned(), value);
        self
    }

    /// The same request may succeed after so many seconds.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// What lies beneath: for the log, never for the client.
    #[must_use]
    pub fn because(mut self, cause: impl Into<Error>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    /// Somebody should look: logged as an error.
    #[must_use]
    pub fn unexpected(mut self) -> Self {
        self.unexpected = true;
        self
    }

    /// 400: the body is no JSON.
    pub fn malformed_json(detail: impl Into<String>) -> Self {
        Self::new(400, "malformed_json", "The body is not JSON").detail(detail)
    }

    /// 413: the body has more than `limit` bytes.
    pub fn body_too_large(limit: usize) -> Self {
        Self::new(413, "body_too_large", "The body is too large")
            .detail(format!("A body has at most {limit} bytes."))
    }

    /// 415: the body is said to be something else than JSON.
    pub fn unsupported_media_type() -> Self {
        Self::new(
            415,
            "unsupported_media_type",
            "The body is of an unsupported type",
        )
        .detail("Send the body as application/json.")
    }

    /// 422: what was sent is JSON, but not what is needed.
    pub fn validation_failed(faults: Vec<Fault>) -> Self {
        Self::new(422, "validation_failed", "Some fields are not valid")
            .detail("See errors for each of them.")
            .faults(faults)
    }

    /// 404: nothing is served there.
    pub fn route_not_found() -> Self {
        Self::new(404, "route_not_found", "There is nothing at this address")
    }

    /// 500: something that should not happen.
    pub fn internal_error(cause: impl Into<Error>) -> Self {
        Self::new(500, "internal_error", "Something went wrong here")
            .detail("The error was noted. The same request may succeed later.")
            .because(cause)
    }

    /// 503: not now; the same request may succeed in a second.
    pub fn busy(cause: impl Into<Error>) -> Self {
        Self::new(503, "busy", "The service is busy")
            .detail("Nothing is wrong with the request. Send the same one again.")
            .retry_after(1)
            .because(cause)
    }

    /// The HTTP status.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Of what kind it is, for a machine.
    pub fn code(&self) -> &'static str {
        self.body.code
    }

    /// What lies beneath.
    pub fn cause(&self) -> Option<&(dyn std::error::Error + Send + Sync + 'static)> {
        self.cause.as_deref()
    }

    /// Whether somebody should look.
    pub(crate) fn is_unexpected(&self) -> bool {
        self.unexpected
    }

    /// The answer to the request of that id. No cache keeps it.
    pub fn into_response(mut self, request_id: &str) -> Response {
        request_id.clone_into(&mut self.body.request_id);
        let response = http::json(self.status, &self.body)
            .with_header("content-type", "application/problem+json")
            .with_header("cache-control", "no-store");
        match self.retry_after {
            Some(seconds) => response.with_header("retry-after", seconds.to_string()),
            None => response,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::http::ReadResponse;

    #[test]
    fn a_problem_has_the_members_of_rfc_9457_and_its_own() {
        let fault = Fault::new("/items/3/sku", "unknown_sku", "No such SKU.").with("sku", "A");
        let problem = Problem::validation_failed(vec![fault]).with("quote", json!({"total": 1}));
        let response = problem.into_response("r1");
        let told = (
            response.code(),
            response.header_of("content-type"),
            response.header_of("cache-control"),
        );
        assert_eq!(told, (422, Some("application/problem+json"), Some("no-store")));
        let expected = json!({
            "type": "urn:kontor:problem:validation_failed", "title": "Some fields are not valid", "status": 422,
            "detail": "See errors for each of them.", "code": "validation_failed", "request_id": "r1",
            "errors": [{"pointer": "/items/3/sku", "code": "unknown_sku", "detail": "No such SKU.", "sku": "A"}],
            "quote": {"total": 1},
        });
        assert_eq!(response.body_json(), expected);
    }

    #[test]
    fn a_busy_service_says_when_to_come_again_and_not_why() {
        let problem = Problem::busy("table orders is gone");
        assert_eq!(
            problem.cause().map(ToString::to_string).as_deref(),
            Some("table orders is gone")
        );
        let response = problem.into_response("r1");
        assert_eq!(
            (response.code(), response.header_of("retry-after")),
            (503, Some("1"))
        );
        assert!(!response.text().contains("orders"));
    }
}
