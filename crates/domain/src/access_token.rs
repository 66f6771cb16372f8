//! The capability to see and pay one order.

use std::fmt;

use data_encoding::BASE64URL_NOPAD;
use subtle::ConstantTimeEq;

/// Bytes of a token that is drawn.
const DRAWN: usize = 16;
/// Bytes of a token of an order that was placed before tokens were stored: a MAC by HMAC-SHA-256 of its id.
const DERIVED: usize = 32;

/// What a shopper shows to see and pay an order: 128 random bits that the order keeps. Whoever has it is let in, so that it prints as
/// `AccessToken(..)`. Two are compared in constant time.
#[derive(Clone, Eq)]
pub struct AccessToken(Vec<u8>);

/// Why this is no [`AccessToken`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an access token has {DRAWN} or {DERIVED} bytes, as text in base64url without padding")]
pub struct AccessTokenError;

impl AccessToken {
    /// A new token, of bytes that nobody can foretell.
    pub fn of_random(bytes: [u8; DRAWN]) -> Self {
        Self(bytes.to_vec())
    }

    /// The token of stored bytes.
    ///
    /// # Errors
    /// [`AccessTokenError`] where there are more or fewer than any token has.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, AccessTokenError> {
        match bytes.len() {
            DRAWN | DERIVED => Ok(Self(bytes.to_vec())),
            _ => Err(AccessTokenError),
        }
    }

    /// The bytes to store.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Reads a token that is shown.
    ///
    /// # Errors
    /// [`AccessTokenError`] for anything else.
    pub fn parse(raw: &str) -> Result<Self, AccessTokenError> {
        let bytes = BASE64URL_NOPAD.decode(raw.as_bytes());
        bytes
            .map_err(|_| AccessTokenError)
            .and_then(|bytes| Self::from_bytes(&bytes))
    }

    /// The token as its order's shopper gets it: base64url without padding (RFC 4648, section 5). No `Display`, so that nothing prints it by
    /// chance.
    pub fn to_text(&self) -> String {
        BASE64URL_NOPAD.encode(&self.0)
    }
}

impl PartialEq for AccessToken {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessToken(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_reads_back_from_text_and_from_bytes() {
        for bytes in [vec![0; 16], (100..116).collect(), vec![255; 32]] {
            let token = AccessToken::from_bytes(&bytes).expect("a token");
            assert_eq!(AccessToken::parse(&token.to_text()), Ok(token.clone()));
            assert_eq!(AccessToken::from_bytes(token.as_bytes()), Ok(token));
        }
        assert_eq!(
            AccessToken::of_random([0xfb; 16]).to_text(),
            "-_v7-_v7-_v7-_v7-_v7-w"
        );
    }

    #[test]
    fn what_is_no_token_is_refused() {
        let token = AccessToken::of_random([7; 16]).to_text();
        let (padded, cut) = (format!("{token}=="), &token[..21]);
        // Of another alphabet, with a bit too many at its end, of a length between.
        let (plain, loose, odd) = ("+".repeat(22), "A".repeat(21) + "B", "A".repeat(32));
        for bad in ["", "x", " ", &padded, cut, &plain, &loose, &odd, "Ä"] {
            assert_eq!(AccessToken::parse(bad), Err(AccessTokenError), "{bad}");
        }
        for bytes in [0, 15, 17, 31, 33] {
            assert!(AccessToken::from_bytes(&vec![0; bytes]).is_err(), "{bytes}");
        }
    }

    #[test]
    fn any_other_bit_makes_another_token() {
        let token = AccessToken::of_random([0; 16]);
        for bit in 0..128 {
            let mut other = [0_u8; 16];
            other[bit / 8] = 1 << (bit % 8);
            assert_ne!(token, AccessToken::of_random(other), "{bit}");
        }
        assert_ne!(token, AccessToken::from_bytes(&[0; 32]).expect("a token"));
    }

    #[test]
    fn a_token_does_not_print() {
        assert_eq!(
            format!("{:?}", AccessToken::of_random([7; 16])),
            "AccessToken(..)"
        );
    }
}
