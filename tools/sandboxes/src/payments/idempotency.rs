//! Stripe's idempotency (docs.stripe.com/api/idempotent_requests): for 24 hours the same key gets the same answer, a 500 too; other parameters
//! get an error; a second call while the first one is at work gets a 409. What fails before the work begins is not kept.

use std::collections::{HashMap, HashSet, VecDeque};

use axum::http::StatusCode;
use sha2::{Digest, Sha256};

use super::error::StripeError;

const KEPT_FOR_S: u64 = 24 * 3600;
const LONGEST_KEY: usize = 255;

/// An answer that was given under a key.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Kept {
    /// The request's hash: there are many, and all that matters is whether it is the same.
    request: [u8; 32],
    pub(super) status: StatusCode,
    pub(super) body: String,
}

/// All keys of the last 24 hours.
#[derive(Debug, Default)]
pub(super) struct Idempotency {
    kept: HashMap<String, Kept>,
    by_age: VecDeque<(u64, String)>,
    in_use: HashSet<String>,
}

impl Idempotency {
    /// The answer that was given to this `request` (path and parameters) under this key, if one was; otherwise the key is in use until
    /// [`Idempotency::release`].
    pub(super) fn begin(&mut self, key: &str, request: &str, now: u64) -> Result<Option<Kept>, StripeError> {
        if key.len() > LONGEST_KEY {
            let message = format!("Idempotency keys are up to {LONGEST_KEY} characters long.");
            return Err(StripeError::idempotency(message));
        }
        while let Some((at, key)) = self.by_age.front()
            && at + KEPT_FOR_S <= now
        {
            self.kept.remove(key);
            self.by_age.pop_front();
        }
        match self.kept.get(key) {
            Some(kept) if kept.request == hashed(request) => return Ok(Some(kept.clone())),
            Some(_) => {
                return Err(StripeError::idempotency(format!(
                    "Keys for idempotent requests can only be used with the same parameters they were first used with. \
                     Try using a key other than '{key}' if you meant to execute a different request."
                )));
            }
            None => {}
        }
        if self.in_use.insert(key.to_owned()) {
            Ok(None)
        } else {
            Err(StripeError::key_in_use(key))
        }
    }

    /// Keeps an answer.
    pub(super) fn keep(&mut self, key: &str, request: &str, status: StatusCode, body: String, now: u64) {
        self.by_age.push_back((now, key.to_owned()));
        let request = hashed(request);
        let kept = Kept {
            request,
            status,
            body,
        };
        self.kept.insert(key.to_owned(), kept);
    }

    /// The work under this key has ended, with or without an answer to keep.
    pub(super) fn release(&mut self, key: &str) {
        self.in_use.remove(key);
    }
}

fn hashed(request: &str) -> [u8; 32] {
    Sha256::digest(request).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_good_for_one_request_and_a_day() {
        let mut keys = Idempotency::default();
        assert_eq!(keys.begin("k", "r", 0).unwrap(), None);
        keys.keep("k", "r", StatusCode::OK, "body".into(), 0);
        keys.release("k");
        assert_eq!(
            keys.begin("k", "r", KEPT_FOR_S - 1).unwrap().unwrap().body,
            "body"
        );
        assert!(keys.begin("k", "other", KEPT_FOR_S - 1).is_err());
        assert_eq!(keys.begin("k", "other", KEPT_FOR_S).unwrap(), None);
        assert!(keys.begin(&"k".repeat(256), "r", 0).is_err());
    }

    #[test]
    fn a_key_is_in_use_until_its_work_has_ended() {
        let mut keys = Idempotency::default();
        assert_eq!(keys.begin("k", "r", 0).unwrap(), None);
        let (status, body) = keys.begin("k", "r", 0).unwrap_err().text();
        assert_eq!(status, StatusCode::CONFLICT);
        assert!(body.contains("idempotency_key_in_use"), "{body}");
        keys.release("k");
        assert_eq!(keys.begin("k", "r", 0).unwrap(), None);
    }
}
