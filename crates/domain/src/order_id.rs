//! An order's name and the fingerprint of the request that placed it: both derived, so that a retry finds the first run.

use std::fmt;

use data_encoding::{Encoding, Specification};
use sha2::{Digest, Sha256};
use std::sync::LazyLock;

use crate::{Address, Cart, Customer, Money};

/// Crockford's base 32: no letter that can be taken for a digit.
static BASE32: LazyLock<Encoding> = LazyLock::new(|| {
    let mut spec = Specification::new();
    spec.symbols.push_str("0123456789ABCDEFGHJKMNPQRSTVWXYZ");
    spec.encoding().expect("32 distinct symbols")
});

/// An order's name: 26 characters of Crockford's base 32, 128 bits. Not a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OrderId([u8; 26]);

/// Why a text is no [`OrderId`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an order's id has 26 characters of 0-9 and A-Z without I, L, O and U")]
pub struct OrderIdError;

impl OrderId {
    /// The id of the order that is placed under this idempotency key.
    pub fn for_key(idempotency_key: &str) -> Self {
        let digest = Sha256::new()
            .chain_update(b"order\0")
            .chain_update(idempotency_key)
            .finalize();
        let mut id = [0; 26];
        BASE32.encode_mut(&digest[..16], &mut id);
        Self(id)
    }

    /// Reads an id.
    ///
    /// # Errors
    /// [`OrderIdError`] for anything else.
    pub fn parse(raw: &str) -> Result<Self, OrderIdError> {
        let id: [u8; 26] = raw.as_bytes().try_into().map_err(|_| OrderIdError)?;
        let known = |b: &u8| b"0123456789ABCDEFGHJKMNPQRSTVWXYZ".contains(b);
        if id.iter().all(known) {
            Ok(Self(id))
        } else {
            Err(OrderIdError)
        }
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("ASCII symbols")
    }
}

impl fmt::Display for OrderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A digest of everything a shopper sent to place an order: tells a retry from another order under the same key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// The fingerprint of what was asked for, after parsing: two ways of writing the same wish have the same fingerprint.
    pub fn of(cart: &Cart, customer: &Customer, address: &Address, expected_total: Money) -> Self {
        let mut digest = Sha256::new();
        // Each field after its length, so that no two wishes read the same.
        let mut field = |bytes: &[u8]| {
            digest.update((bytes.len() as u64).to_be_bytes());
            digest.update(bytes);
        };
        for line in cart.lines() {
            field(line.sku.as_str().as_bytes());
            field(&line.quantity.get().to_be_bytes());
        }
        field(b"");
        for text in [
            &customer.name,
            &customer.email,
            &address.name,
            &address.street,
            &address.postal_code,
            &address.city,
        ] {
            field(text.as_bytes());
        }
        field(address.country.as_str().as_bytes());
        field(&expected_total.minor().to_be_bytes());
        field(expected_total.currency().code().as_bytes());
        Self(digest.finalize().into())
    }

    /// The fingerprint as stored.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes to store.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Currency;

    #[test]
    fn one_key_names_one_order() {
        assert_eq!(OrderId::for_key("a"), OrderId::for_key("a"));
        assert_ne!(OrderId::for_key("a"), OrderId::for_key("b"));
    }

    #[test]
    fn an_id_reads_back() {
        let id = OrderId::for_key("a");
        assert_eq!(OrderId::parse(id.as_str()), Ok(id));
        assert_eq!(id.to_string(), id.as_str());
        for bad in [
            "",
            "short",
            "0123456789ABCDEFGHJKMNPQRI",
            "0123456789abcdefghjkmnpqrs",
            "0123456789ABCDEFGHJKMNPQRSTV",
        ] {
            assert_eq!(OrderId::parse(bad), Err(OrderIdError), "{bad}");
        }
    }

    #[test]
    fn any_change_of_the_wish_changes_the_fingerprint() {
        let print = |items: &[(&str, i64)], name: &str, street: &str, total: i64| {
            let cart = Cart::parse(items.iter().copied()).expect("a cart");
            let customer = Customer::parse(name, "ada@example.org").expect("a customer");
            let address = Address::parse("Ada", street, "10115", "Berlin", "DE").expect("an address");
            Fingerprint::of(&cart, &customer, &address, Money::new(total, Currency::Eur))
        };
        let first = print(&[("A", 1), ("B", 2)], "Ada", "Weg 1", 500);
        assert_eq!(
            first,
            print(&[("A", 1), ("B", 1), ("b", 1)], " Ada ", "Weg 1", 500)
        );
        assert_ne!(first, print(&[("A", 1), ("B", 3)], "Ada", "Weg 1", 500));
        assert_ne!(first, print(&[("A", 1)], "Ada", "Weg 1", 500));
        assert_ne!(first, print(&[("A", 1), ("B", 2)], "Eve", "Weg 1", 500));
        assert_ne!(first, print(&[("A", 1), ("B", 2)], "Ada", "Weg 2", 500));
        assert_ne!(first, print(&[("A", 1), ("B", 2)], "Ada", "Weg 1", 501));
    }
}
