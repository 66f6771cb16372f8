//! The capability to see and pay an order: a MAC of its id, so that nothing needs storing and a retry gets the same one.

use std::fmt;

use data_encoding::BASE64URL_NOPAD;
use domain::OrderId;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

/// The fewest bytes of a key: those of the MAC (RFC 2104, section 3).
const LEAST_KEY: usize = 32;

/// The secrets behind the access tokens: the first one signs, all of them are accepted, so that a key can be changed
/// while tokens of the old one live.
pub struct AccessKeys(Vec<Hmac<Sha256>>);

/// Why there are no usable keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("at least one access token key of {LEAST_KEY} bytes or more is needed")]
pub struct AccessKeysError;

impl AccessKeys {
    /// Keys separated by commas, the signing one first.
    ///
    /// # Errors
    /// [`AccessKeysError`] where there is none, or a short one.
    pub fn parse(keys: &str) -> Result<Self, AccessKeysError> {
        let mac = |key: &str| match key.trim() {
            key if key.len() < LEAST_KEY => Err(AccessKeysError),
            key => Hmac::new_from_slice(key.as_bytes()).map_err(|_| AccessKeysError),
        };
        keys.split(',').map(mac).collect::<Result<_, _>>().map(Self)
    }

    /// The token for an order.
    pub fn token(&self, id: OrderId) -> String {
        let signing = self.0.first().expect("parse refuses an empty list");
        BASE64URL_NOPAD.encode(&mac(signing, id))
    }

    /// As [`AccessKeys::admit`], where it is not certain that `id` is an order's.
    pub fn open(&self, id: &str, token: &str) -> bool {
        OrderId::parse(id).is_ok_and(|id| self.admit(id, token))
    }

    /// Whether `token` is one for this order, in a time that does not tell how nearly.
    pub fn admit(&self, id: OrderId, token: &str) -> bool {
        let given = BASE64URL_NOPAD.decode(token.as_bytes()).unwrap_or_default();
        self.0
            .iter()
            .fold(subtle::Choice::from(0), |any, key| {
                any | mac(key, id).ct_eq(&given)
            })
            .into()
    }
}

impl fmt::Debug for AccessKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessKeys(..)")
    }
}

fn mac(key: &Hmac<Sha256>, id: OrderId) -> [u8; 32] {
    key.clone()
        .chain_update(b"access\0")
        .chain_update(id.as_str())
        .finalize()
        .into_bytes()
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "0123456789abcdef0123456789abcdef";
    const NEW: &str = "fedcba9876543210fedcba9876543210";

    #[test]
    fn a_token_admits_to_its_own_order_only() {
        let keys = AccessKeys::parse(NEW).expect("keys");
        let (mine, other) = (OrderId::for_key("mine"), OrderId::for_key("other"));
        assert!(keys.admit(mine, &keys.token(mine)));
        assert!(!keys.admit(other, &keys.token(mine)));
        for forged in ["", "x", &"A".repeat(43), &keys.token(mine)[..42]] {
            assert!(!keys.admit(mine, forged), "{forged}");
        }
    }

    #[test]
    fn tokens_outlive_a_change_of_keys_until_the_old_key_goes() {
        let id = OrderId::for_key("mine");
        let old = AccessKeys::parse(OLD).expect("keys").token(id);
        assert!(
            AccessKeys::parse(&format!("{NEW},{OLD}"))
                .expect("keys")
                .admit(id, &old)
        );
        assert!(!AccessKeys::parse(NEW).expect("keys").admit(id, &old));
    }

    #[test]
    fn short_keys_are_refused() {
        assert!(AccessKeys::parse("").is_err());
        assert!(AccessKeys::parse("short").is_err());
        assert!(AccessKeys::parse(&format!("{NEW},")).is_err());
    }
}
