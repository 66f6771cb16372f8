//! Access tokens for orders of the release before, which stored none and derived them from a key.
//!
//! Used once on the way to this release, see `docs/decisions/019-access-tokens.md`; it may go with the next.

use std::fmt;

use anyhow::{Context, ensure};
use domain::{AccessToken, OrderId};
use futures_util::{StreamExt, TryStreamExt, stream};
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::{Outcome, Report, Shop};

/// The fewest bytes of a key: those of the MAC (RFC 2104, section 3).
const LEAST_KEY: usize = 32;
/// Orders written at once.
const WRITES: usize = 16;

/// The key that the tokens of the release before follow from.
pub struct AccessTokenKey(Hmac<Sha256>);

/// What became of the orders that kept no token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StoredTokens {
    /// How many there were.
    pub without_token: usize,
    /// With how many a token was stored.
    pub stored: usize,
    /// How many kept a token, or were gone, when their turn came.
    pub passed_over: usize,
    /// Whether they were only counted.
    pub dry_run: bool,
}

/// Of the shop's secret, as the release before reads it.
#[derive(Deserialize)]
struct SecretBefore {
    access_token_keys: String,
}

impl AccessTokenKey {
    /// The key of the shop's secret, a JSON object with `access_token_keys`. There must be one: while two are live, nobody knows whose token a
    /// shopper has.
    ///
    /// # Errors
    /// Where there is none, a short one, or another beside it; the text names no part of the secret.
    pub fn of_secret(secret: &str) -> anyhow::Result<Self> {
        // Never the parser's words: they may quote the secret.
        let secret: SecretBefore = serde_json::from_str(secret)
            .ok()
            .context("the secret is no JSON object with access_token_keys")?;
        let key = secret.access_token_keys.trim();
        ensure!(
            !key.contains(','),
            "two keys are live: end the change of keys first, and remove the old one from the secret"
        );
        ensure!(key.len() >= LEAST_KEY, "the key has fewer than {LEAST_KEY} bytes");
        Ok(Self(Hmac::new_from_slice(key.as_bytes())?))
    }

    /// The token that the release before gives out for this order.
    ///
    /// # Panics
    /// Never: a MAC has as many bytes as such a token.
    pub fn token(&self, id: OrderId) -> AccessToken {
        let mac = self.0.clone().chain_update(b"access\0").chain_update(id.as_str());
        AccessToken::from_bytes(&mac.finalize().into_bytes()).expect("32 bytes")
    }
}

impl Shop {
    /// Stores with each order that keeps no token the one that its shopper has. Stopped halfway, the next run goes on from there.
    ///
    /// # Errors
    /// Where the store does not answer.
    pub async fn store_access_tokens(
        &self,
        key: &AccessTokenKey,
        dry_run: bool,
    ) -> anyhow::Result<StoredTokens> {
        let found = self.orders.without_access_token().await;
        let found = found.context("the table of orders")?;
        let without_token = found.len();
        let mut stored = 0;
        let mut written = stream::iter(found.into_iter().filter(|_| !dry_run))
            .map(async |id| self.orders.add_access_token(id, &key.token(id)).await)
            .buffer_unordered(WRITES);
        while let Some(was_stored) = written.try_next().await.context("the table of orders")? {
            stored += usize::from(was_stored);
        }
        Ok(StoredTokens {
            without_token,
            stored,
            passed_over: if dry_run { 0 } else { without_token - stored },
            dry_run,
        })
    }
}

impl Report for StoredTokens {
    fn outcome(&self) -> Outcome {
        Outcome::Well
    }
}

impl fmt::Display for StoredTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            without_token,
            stored,
            passed_over,
            dry_run,
        } = self;
        writeln!(f, "{without_token} orders kept no access token.")?;
        match dry_run {
            true => writeln!(f, "Nothing was stored."),
            false => writeln!(f, "Stored: {stored}. Kept one by then, or gone: {passed_over}."),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(keys: &str) -> anyhow::Result<AccessTokenKey> {
        AccessTokenKey::of_secret(&serde_json::json!({ "access_token_keys": keys }).to_string())
    }

    /// As version 0.2.0 answered it.
    #[test]
    fn a_token_is_the_one_that_the_release_before_gave_out() {
        let id = OrderId::parse("V26G6046TF72YR35E8216Q5C8M").expect("an id");
        let token = key("only-for-the-shop-on-this-machine-0001")
            .expect("a key")
            .token(id);
        assert_eq!(token.to_text(), "7igE5XpqqmLnaCa67FeFH5E3CSzl3tmwfXl409kuv7w");
    }

    #[test]
    fn a_secret_without_exactly_one_good_key_is_refused() {
        let good = "0123456789abcdef0123456789abcdef";
        assert!(key(&format!(" {good}\n")).is_ok());
        for bad in ["", "short", &format!("{good},"), &format!("{good},{good}")] {
            assert!(key(bad).is_err(), "{bad}");
        }
        for secret in ["", "{}", good, "[]"] {
            let refused = AccessTokenKey::of_secret(secret).err().expect("no key");
            assert!(!format!("{refused:?}").contains(good));
        }
    }
}
