//! The lock that leaves the CDN the only way in: its firewall and its caches count for nothing if the API answers whoever asks it.

use subtle::{Choice, ConstantTimeEq};

use super::{Handle, ReadRequest, Request, Response};
use crate::Problem;
use crate::config::{ConfigError, Variables};

/// The header in which the CDN shows its key.
const HEADER: &str = "x-origin-key";
/// A key has at least so many characters: it must not be guessed.
const SHORTEST: usize = 32;

/// A handler that requests reach through the CDN alone, where `ORIGIN_KEYS` says so.
pub(super) struct Locked<H> {
    handler: H,
    /// Of which the CDN shows one; none at all where the API answers everybody.
    keys: Option<Vec<String>>,
}

impl<H> Locked<H> {
    /// Locks `handler` with the keys in `ORIGIN_KEYS`: comma separated, so that two are live while one is rolled. Where the variable is not
    /// set, nothing is locked.
    ///
    /// # Errors
    /// Where a key is too short. A variable that is set and empty has one of those, so that a secret gone missing opens nothing.
    pub(super) fn new(handler: H, mut variables: Variables) -> Result<Self, ConfigError> {
        let keys = variables.parse_if_set("ORIGIN_KEYS", |text| {
            let keys: Vec<_> = text.split(',').map(|key| key.trim().to_owned()).collect();
            let all_are_long = keys.iter().all(|key| key.len() >= SHORTEST);
            all_are_long
                .then_some(keys)
                .ok_or("each key needs 32 characters or more")
        });
        variables.finish(|| Some(Self { handler, keys: keys? }))
    }

    /// Every key is compared, each in constant time.
    fn is_open_to(&self, request: &Request) -> bool {
        let Some(keys) = &self.keys else { return true };
        let shown = request.header(HEADER).unwrap_or_default().as_bytes();
        let any = |open: Choice, key: &String| open | key.as_bytes().ct_eq(shown);
        keys.iter().fold(Choice::from(0), any).into()
    }
}

impl<H: Handle> Handle for Locked<H> {
    const ROUTES: &'static [&'static str] = H::ROUTES;

    async fn handle(&self, request: &Request) -> Result<Response, Problem> {
        if self.is_open_to(request) {
            self.handler.handle(request).await
        } else {
            Err(Problem::new(403, "origin_locked", "This is not the way in")
                .detail("Ask at the shop's own address."))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{BuildRequest, answer, empty, request};
    use super::*;

    struct Answers;

    impl Handle for Answers {
        async fn handle(&self, _: &Request) -> Result<Response, Problem> {
            Ok(empty(204))
        }
    }

    fn locked(keys: Option<String>) -> Result<Locked<Answers>, ConfigError> {
        Locked::new(
            Answers,
            Variables::of(move |name| keys.clone().filter(|_| name == "ORIGIN_KEYS")),
        )
    }

    async fn status(locked: &Locked<Answers>, shown: &str) -> u16 {
        let request = request("GET /").with_header("X-Origin-Key", shown);
        answer(locked, &request).await.status().as_u16()
    }

    const OLD: &str = "0123456789abcdef0123456789abcdef";
    const NEW: &str = "fedcba9876543210fedcba9876543210";

    #[tokio::test]
    async fn who_shows_no_key_or_another_one_is_refused() {
        let both = locked(Some(format!("{NEW}, {OLD}"))).expect("keys");
        assert_eq!(answer(&both, &request("GET /")).await.status(), 403);
        for wrong in ["", &NEW[1..], &format!("{NEW},")] {
            assert_eq!(status(&both, wrong).await, 403, "{wrong}");
        }
        for right in [OLD, NEW] {
            assert_eq!(
                status(&both, right).await,
                204,
                "both are live while one is rolled"
            );
        }
        let open = locked(None).expect("no keys");
        assert_eq!(
            status(&open, "anything").await,
            204,
            "without keys everybody is answered"
        );
    }

    #[test]
    fn keys_that_could_be_guessed_let_no_function_start() {
        for weak in ["", " ", "short", &format!("{OLD},"), &format!("{OLD},short")] {
            let error = locked(Some(weak.to_owned())).err().expect("refused").to_string();
            assert!(
                error.ends_with("ORIGIN_KEYS: each key needs 32 characters or more"),
                "{error}"
            );
        }
    }
}
