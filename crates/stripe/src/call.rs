//! One call to Stripe's API.

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{Method, Request, Response, StatusCode};
use https::HttpsError;
use secrecy::ExposeSecret;
use serde::de::DeserializeOwned;

use crate::Stripe;
use crate::objects::ErrorBody;

/// The API's version that the shapes in [`crate::objects`] are of.
const API_VERSION: &str = "2025-09-30.clover";

/// Why a call did not bring what it should.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CallError {
    /// Stripe refused it, and will again.
    #[error("Stripe refused with {status}: {code} (request {request_id})")]
    Refused {
        status: StatusCode,
        code: String,
        request_id: String,
    },
    /// Stripe did not decide: too many calls, a call under the same key under way, or a fault of its own.
    #[error("Stripe answered {status}: {code} (request {request_id})")]
    Undecided {
        status: StatusCode,
        code: String,
        request_id: String,
    },
    /// There is no answer.
    #[error("Stripe did not answer")]
    Https(#[from] HttpsError),
    /// The answer is not what it should be.
    #[error("Stripe's answer cannot be read")]
    Unreadable(#[source] serde_json::Error),
    /// The call cannot be made: the configured address or key is none.
    #[error("the request cannot be built")]
    Request(#[from] http::Error),
}

impl CallError {
    /// Whether it is certain that the call had no effect and will have none.
    pub(crate) fn is_refusal(&self) -> bool {
        matches!(self, Self::Refused { .. })
    }
}

impl Stripe {
    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, CallError> {
        self.call(Method::GET, path, None, String::new()).await
    }

    pub(crate) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        idempotency_key: &str,
        form: String,
    ) -> Result<T, CallError> {
        self.call(Method::POST, path, Some(idempotency_key), form).await
    }

    async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        idempotency_key: Option<&str>,
        form: String,
    ) -> Result<T, CallError> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.config.api_base))
            .header(
                AUTHORIZATION,
                format!("Bearer {}", self.config.secret_key.expose_secret()),
            )
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header("stripe-version", API_VERSION);
        if let Some(key) = idempotency_key {
            request = request.header("idempotency-key", key);
        }
        let answer = self.client.send(request.body(Bytes::from(form))?).await?;
        if answer.status().is_success() {
            serde_json::from_slice(answer.body()).map_err(CallError::Unreadable)
        } else {
            Err(failure(&answer))
        }
    }
}

/// What an answer other than success means (docs.stripe.com/error-low-level). A conflict is a call under the same key that is still
/// under way.
fn failure(answer: &Response<Bytes>) -> CallError {
    let status = answer.status();
    let code = serde_json::from_slice::<ErrorBody>(answer.body())
        .map(|body| body.error.code())
        .unwrap_or_default();
    let header = answer.headers().get("request-id").and_then(|id| id.to_str().ok());
    let request_id = header.unwrap_or("unknown").chars().take(64).collect();
    let undecided = matches!(status, StatusCode::CONFLICT | StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT)
        || !status.is_client_error()
        // Our own key is wrong, not what was asked for.
        || matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
    if undecided {
        CallError::Undecided {
            status,
            code,
            request_id,
        }
    } else {
        CallError::Refused {
            status,
            code,
            request_id,
        }
    }
}
