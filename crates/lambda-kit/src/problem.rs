use serde_json::{Value, json};

use crate::Error;
use crate::http::{self, Response, WithHeader};

/// Why a request was not done, as the client is told (RFC 9457): `type` is `urn:kontor:problem:<code>`. The cause is for the log.
#[must_use]
#[derive(Debug)]
pub struct Problem {
    status: u16,
    code: &'static str,
    body: Value,
    retry_after: Option<u32>,
    cause: Option<Error>,
    unexpected: bool,
}

/// One thing wrong with what was sent.
#[must_use]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault(Value);

impl Fault {
    /// Where, as a JSON pointer (RFC 6901) into the body, and what, for a machine and for a person.
    pub fn new(pointer: impl Into<String>, code: &'static str, detail: impl Into<String>) -> Self {
        Self(json!({"pointer": pointer.into(), "code": code, "detail": detail.into()}))
    }

    /// With one more member.
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0[name] = value.into();
        self
    }

    pub(crate) fn pointer(&self) -> &str {
        self.0["pointer"].as_str().unwrap_or_default()
    }

    pub(crate) fn is_missing(&self) -> bool {
        self.0["code"] == "missing"
    }
}

impl Problem {
    /// A problem of the kind `code`, which `title` names to a person, the same each time.
    pub fn new(status: u16, code: &'static str, title: &'static str) -> Self {
        let kind = format!("urn:kontor:problem:{code}");
        Self {
            status,
            code,
            body: json!({"type": kind, "title": title, "status": status, "code": code}),
            retry_after: None,
            cause: None,
            unexpected: status == 500,
        }
    }

    /// 422: what was sent is JSON, but not what is needed.
    pub fn validation_failed(faults: Vec<Fault>) -> Self {
        let problem = Self::new(422, "validation_failed", "Some fields are not valid");
        problem.detail("See errors for each of them.").faults(faults)
    }

    /// 404: nothing is served there.
    pub fn route_not_found() -> Self {
        Self::new(404, "route_not_found", "There is nothing at this address")
    }

    /// 500: something that should not happen.
    pub fn internal_error(cause: impl Into<Error>) -> Self {
        let problem = Self::new(500, "internal_error", "Something went wrong here").because(cause);
        problem.detail("The error was noted. The same request may succeed later.")
    }

    /// 503: not now; the same request may succeed in a second.
    pub fn busy(cause: impl Into<Error>) -> Self {
        let problem = Self::new(503, "busy", "The service is busy").because(cause);
        problem
            .retry_after(1)
            .detail("Nothing is wrong with the request. Send the same one again.")
    }

    /// What is wrong this time, to a person. No inner text.
    pub fn detail(self, detail: impl Into<String>) -> Self {
        self.with("detail", detail.into().into())
    }

    /// What is wrong with what was sent, one by one.
    pub fn faults(self, faults: Vec<Fault>) -> Self {
        self.with("errors", faults.into_iter().map(|fault| fault.0).collect())
    }

    /// With one more member (RFC 9457, section 3.2).
    pub fn with(mut self, name: &str, value: Value) -> Self {
        self.body[name] = value;
        self
    }

    /// The same request may succeed after so many seconds.
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// The cause: for the log, never for the client.
    pub fn because(mut self, cause: impl Into<Error>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    /// Needs a person: logged as an error.
    pub fn unexpected(mut self) -> Self {
        self.unexpected = true;
        self
    }

    /// The HTTP status.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Of what kind it is, for a machine.
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// The cause.
    pub fn cause(&self) -> Option<&(dyn std::error::Error + Send + Sync + 'static)> {
        self.cause.as_deref()
    }

    pub(crate) fn is_unexpected(&self) -> bool {
        self.unexpected
    }

    /// The response to the request of that id. No cache keeps it.
    pub fn into_response(mut self, request_id: &str) -> Response {
        if !request_id.is_empty() {
            self.body["request_id"] = request_id.into();
        }
        let mut response = http::json(self.status, &self.body).with_header("cache-control", "no-store");
        if let Some(seconds) = self.retry_after {
            response = response.with_header("retry-after", seconds.to_string());
        }
        response.with_header("content-type", "application/problem+json")
    }
}

#[test]
fn a_problem_has_the_members_of_rfc_9457_and_its_own() {
    use crate::http::ReadResponse;
    let fault = Fault::new("/items/3/sku", "unknown_sku", "No such SKU.").with("sku", "A");
    let problem = Problem::validation_failed(vec![fault]).with("quote", json!({"total": 1}));
    let response = problem.into_response("r1");
    let headers = ["content-type", "cache-control", "retry-after"].map(|name| response.header_of(name));
    assert_eq!(
        headers,
        [Some("application/problem+json"), Some("no-store"), None]
    );
    let expected = json!({
        "type": "urn:kontor:problem:validation_failed", "title": "Some fields are not valid", "status": 422,
        "detail": "See errors for each of them.", "code": "validation_failed", "request_id": "r1",
        "errors": [{"pointer": "/items/3/sku", "code": "unknown_sku", "detail": "No such SKU.", "sku": "A"}],
        "quote": {"total": 1},
    });
    assert_eq!((response.code(), response.body_json()), (422, expected));
    let busy = Problem::busy("table orders is gone");
    assert!(
        busy.cause()
            .is_some_and(|cause| cause.to_string().contains("orders"))
    );
    let busy = busy.into_response("r1");
    assert_eq!((busy.code(), busy.header_of("retry-after")), (503, Some("1")));
    assert!(!busy.text().contains("orders"), "why is for the log");
}
