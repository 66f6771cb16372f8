//! Errors in Stripe's form: `{"error": {"type", "code", "message", "param"}}`.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// Why a call failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StripeError {
    status: StatusCode,
    kind: &'static str,
    code: Option<&'static str>,
    message: String,
    param: Option<String>,
}

impl StripeError {
    /// A request that cannot be done as it is.
    pub(super) fn invalid(message: impl Into<String>) -> StripeError {
        let (kind, message) = ("invalid_request_error", message.into());
        StripeError {
            status: StatusCode::BAD_REQUEST,
            kind,
            code: None,
            message,
            param: None,
        }
    }

    /// A parameter that should be there.
    pub(super) fn missing(param: &str) -> StripeError {
        StripeError::invalid(format!("Missing required param: {param}."))
            .code("parameter_missing")
            .about(param)
    }

    /// A thing that does not exist.
    pub(super) fn no_such(what: &str, id: &str, param: &str) -> StripeError {
        let error = StripeError::invalid(format!("No such {what}: '{id}'"))
            .code("resource_missing")
            .about(param);
        error.status(StatusCode::NOT_FOUND)
    }

    /// The secret key is missing or wrong.
    pub(super) fn unauthorized(message: &str) -> StripeError {
        StripeError::invalid(message).status(StatusCode::UNAUTHORIZED)
    }

    /// An idempotency key that was used for something else.
    pub(super) fn idempotency(message: String) -> StripeError {
        StripeError {
            kind: "idempotency_error",
            ..StripeError::invalid(message)
        }
    }

    /// Another call under the same key has not ended yet.
    pub(super) fn key_in_use(key: &str) -> StripeError {
        let message = format!(
            "There is currently another in-progress request using this Idempotent Key: {key}. Try again later."
        );
        let error = StripeError::idempotency(message).code("idempotency_key_in_use");
        error.status(StatusCode::CONFLICT)
    }

    /// Too many calls.
    pub(super) fn rate_limited() -> StripeError {
        let error = StripeError::invalid("Request rate limit exceeded.").code("rate_limit");
        error.status(StatusCode::TOO_MANY_REQUESTS)
    }

    /// A parameter that the API does not have.
    pub(super) fn unknown(param: &str) -> StripeError {
        let error = StripeError::invalid(format!("Received unknown parameter: {param}"));
        error.code("parameter_unknown").about(param)
    }

    /// Stripe's own fault.
    pub(super) fn api(status: StatusCode, message: &str) -> StripeError {
        StripeError {
            kind: "api_error",
            ..StripeError::invalid(message)
        }
        .status(status)
    }

    /// With a code for programs.
    pub(super) fn code(mut self, code: &'static str) -> StripeError {
        self.code = Some(code);
        self
    }

    /// With the parameter it is about.
    pub(super) fn about(mut self, param: &str) -> StripeError {
        self.param = Some(param.to_owned());
        self
    }

    /// With another status than 400.
    pub(super) fn status(mut self, status: StatusCode) -> StripeError {
        self.status = status;
        self
    }

    /// Status and body, to be kept and sent again.
    pub(super) fn text(self) -> (StatusCode, String) {
        let mut error = json!({ "type": self.kind, "message": self.message });
        if let Some(code) = self.code {
            error["code"] = code.into();
            error["doc_url"] =
                format!("https://stripe.com/docs/error-codes/{}", code.replace('_', "-")).into();
        }
        if let Some(param) = self.param {
            error["param"] = param.into();
        }
        (self.status, json!({ "error": error }).to_string())
    }
}

impl IntoResponse for StripeError {
    fn into_response(self) -> Response {
        let (status, body) = self.text();
        (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
    }
}
