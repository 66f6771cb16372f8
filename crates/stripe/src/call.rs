//! One call to Stripe's API.

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{Method, Request, Response, StatusCode};
use https::{HttpsError, NoCredential};
use secrecy::ExposeSecret;
use serde::de::DeserializeOwned;

use crate::Stripe;
use crate::objects::ErrorBody;

/// The API's version that the shapes in [`crate::objects`] are of.
pub(crate) const API_VERSION: &str = "2026-10-28.endive";

/// The error's type where a key was used with other parameters.
const KEY_OF_ANOTHER_CALL: &str = "idempotency_error";

/// Why a call did not bring what it should.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CallError {
    /// Stripe refused it, and will again.
    #[error("Stripe refused with {status}: {code} (request {request_id})")]
    Refused {
        status: StatusCode,
        code: String,
        /// The parameter that it is about.
        param: String,
        request_id: String,
    },
    /// Stripe did not decide: too many calls, a call under the same key under way, or a fault of its own.
    #[error("Stripe answered {status}: {code} (request {request_id})")]
    Undecided {
        status: StatusCode,
        code: String,
        request_id: String,
        /// Whether it is the answer to an earlier call under the same key.
        replayed: bool,
    },
    /// There is no answer.
    #[error("Stripe did not answer")]
    Https(#[from] HttpsError),
    /// The answer is not what it should be. Where it fails, not what stands there: that may be a shopper's.
    #[error("Stripe's answer cannot be read (line {line}, column {column})")]
    Unreadable { line: usize, column: usize },
    /// More sessions came into being at that time than are looked through.
    #[error("too many sessions to look through")]
    TooMany,
    /// The call was not made.
    #[error("the call cannot be authorised")]
    Credential(#[from] NoCredential),
    /// The call cannot be made: the configured address or key is none.
    #[error("the request cannot be built")]
    Request(#[from] http::Error),
}

impl CallError {
    /// Whether the refusal has this code, of Stripe's list of error codes.
    pub(crate) fn has_code(&self, own: &str) -> bool {
        matches!(self, Self::Refused { code, .. } if code == own)
    }

    /// Whether it is a refusal by Stripe of what was asked for, whenever it is asked: not by a proxy, and not of a page that would end too soon.
    pub(crate) fn is_of_the_order(&self) -> bool {
        matches!(self, Self::Refused { code, param, .. } if !code.is_empty() && param != "expires_at")
    }

    /// Whether the refusal is about this parameter.
    pub(crate) fn is_about(&self, own: &str) -> bool {
        matches!(self, Self::Refused { param, .. } if param == own)
    }

    /// Whether Stripe will give this answer again to any call under the same key, for a day (docs.stripe.com/api/idempotent_requests): a failure
    /// of its own, or that the key was used with other parameters.
    pub(crate) fn is_kept(&self) -> bool {
        match self {
            Self::Undecided { status, code, .. } => status.is_server_error() || code == KEY_OF_ANOTHER_CALL,
            _ => false,
        }
    }

    /// Whether the key is used up by a call that ended before this one began.
    pub(crate) fn is_key_spent(&self) -> bool {
        match self {
            Self::Undecided { replayed, code, .. } => *replayed || code == KEY_OF_ANOTHER_CALL,
            _ => false,
        }
    }

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
        idempotency_key: Option<&str>,
        form: String,
    ) -> Result<T, CallError> {
        self.call(Method::POST, path, idempotency_key, form).await
    }

    async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        idempotency_key: Option<&str>,
        form: String,
    ) -> Result<T, CallError> {
        let secret_key = self.config.secret_key.current().await?;
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.config.api_base))
            .header(AUTHORIZATION, format!("Bearer {}", secret_key.expose_secret()))
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header("stripe-version", API_VERSION);
        if let Some(key) = idempotency_key {
            request = request.header("idempotency-key", key);
        }
        let answer = self.client.send(request.body(Bytes::from(form))?).await?;
        if answer.status().is_success() {
            read(answer.body())
        } else {
            Err(failure(&answer))
        }
    }
}

pub(crate) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, CallError> {
    serde_json::from_slice(body).map_err(|error| CallError::Unreadable {
        line: error.line(),
        column: error.column(),
    })
}

/// What an answer other than success means (docs.stripe.com/error-low-level).
pub(crate) fn failure(answer: &Response<Bytes>) -> CallError {
    let status = answer.status();
    let detail = serde_json::from_slice::<ErrorBody>(answer.body())
        .map(|body| body.error)
        .unwrap_or_default();
    let undecided = is_undecided(status) || detail.kind() == KEY_OF_ANOTHER_CALL;
    let param = detail.param();
    let code = detail.code();
    let header = answer.headers().get("request-id").and_then(|id| id.to_str().ok());
    let request_id = header.unwrap_or("unknown").chars().take(64).collect();
    if undecided {
        CallError::Undecided {
            status,
            code,
            request_id,
            replayed: answer.headers().contains_key("idempotent-replayed"),
        }
    } else {
        CallError::Refused {
            status,
            code,
            param,
            request_id,
        }
    }
}

/// Whether the status leaves open what becomes of the call. A conflict is a call under the same key that is still under way; where
/// our own key to the account is wrong, that says nothing of what was asked for.
fn is_undecided(status: StatusCode) -> bool {
    !status.is_client_error()
        || matches!(
            status,
            StatusCode::UNAUTHORIZED
                | StatusCode::FORBIDDEN
                | StatusCode::REQUEST_TIMEOUT
                | StatusCode::CONFLICT
                | StatusCode::TOO_MANY_REQUESTS
        )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::objects::{List, Refund, Session};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_answer_is_too_odd_to_be_read(status in 100_u16..1_000, body in prop::collection::vec(any::<u8>(), 0..300)) {
            let answer = Response::builder().status(status).body(Bytes::from(body.clone())).expect("a response");
            prop_assert_eq!(failure(&answer).is_refusal(), !is_undecided(answer.status()));
            prop_assert!(read::<Session>(&body).is_err());
            prop_assert!(read::<List<Session>>(&body).is_err());
            prop_assert!(read::<Refund>(&body).is_err());
        }
    }

    #[test]
    fn an_answer_that_cannot_be_read_is_not_repeated_in_the_log() {
        let error =
            read::<Session>(br#"{"id": "cs_1", "amount_total": "ada@example.org"}"#).expect_err("odd");
        assert!(!format!("{error} {error:?}").contains("example"), "{error:?}");
        assert!(std::error::Error::source(&error).is_none());
    }
}
