//! Stripe's idempotency: for 24 hours the same key gets the same answer, and other parameters get an error.

use std::collections::{HashMap, VecDeque};

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
}

impl Idempotency {
    /// The answer that was given to this `request` (path and parameters) under this key, if one was.
    pub(super) fn find(&mut self, key: &str, request: &str, now: u64) -> Result<Option<Kept>, StripeError> {
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
            Some(kept) if kept.request == hashed(request) => Ok(Some(kept.clone())),
            Some(_) => Err(StripeError::idempotency(format!(
                "Keys for idempotent requests can only be used with the same parameters they were first used with. \
                 Try using a key other than '{key}' if you meant to execute a different request."
            ))),
            None => Ok(None),
        }
    }

    /// Keeps an answer.
    pub(super) fn keep(&mut self, key: String, request: &str, status: StatusCode, body: String, now: u64) {
        self.by_age.push_back((now, key.clone()));
        self.kept.insert(
            key,
            Kept {
                request: hashed(request),
                status,
                body,
            },
        );
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
        assert_eq!(keys.find("k", "r", 0).unwrap(), None);
        keys.keep("k".into(), "r", StatusCode::OK, "body".into(), 0);
        assert_eq!(keys.find("k", "r", KEPT_FOR_S - 1).unwrap().unwrap().body, "body");
        assert!(keys.find("k", "other", KEPT_FOR_S - 1).is_err());
        assert_eq!(keys.find("k", "other", KEPT_FOR_S).unwrap(), None);
        assert!(keys.find(&"k".repeat(256), "r", 0).is_err());
    }
}
