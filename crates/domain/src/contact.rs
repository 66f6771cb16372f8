//! Who orders, and where it goes. Personal data: `Debug` shows none of it.

use std::fmt;

use crate::text::parse_text;
use crate::{Country, CountryError, TextError};

/// A field of a [`Customer`] or an [`Address`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContactField {
    /// The person's name.
    Name,
    /// The mail address.
    Email,
    /// Street and house number.
    Street,
    /// Postal code.
    PostalCode,
    /// Town.
    City,
    /// Country.
    Country,
}

/// Which field is wrong, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ContactError {
    /// A text field.
    #[error("{source}")]
    Text {
        /// Which field.
        field: ContactField,
        /// What is wrong with it.
        source: TextError,
    },
    /// The country.
    #[error(transparent)]
    Country(#[from] CountryError),
}

impl ContactError {
    /// The field that is wrong.
    pub fn field(&self) -> ContactField {
        match self {
            Self::Text { field, .. } => *field,
            Self::Country(_) => ContactField::Country,
        }
    }
}

/// Who orders.
#[derive(Clone, PartialEq, Eq)]
pub struct Customer {
    /// 1 to 100 characters.
    pub name: String,
    /// At most 254 characters (RFC 5321, 4.5.3.1.3).
    pub email: String,
}

impl Customer {
    /// Reads what a shopper typed.
    ///
    /// # Errors
    /// A [`ContactError`] for each field that is wrong.
    pub fn parse(name: &str, email: &str) -> Result<Self, Vec<ContactError>> {
        let mut errors = Vec::new();
        let name = take(text(ContactField::Name, name, 100), &mut errors);
        let email = take(parse_email(email), &mut errors);
        match (name, email) {
            (Some(name), Some(email)) => Ok(Self { name, email }),
            _ => Err(errors),
        }
    }
}

impl fmt::Debug for Customer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Customer(..)")
    }
}

/// Where an order is shipped to.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    /// The recipient, 1 to 100 characters.
    pub name: String,
    /// Street and house number, 1 to 120 characters.
    pub street: String,
    /// 1 to 12 characters.
    pub postal_code: String,
    /// 1 to 80 characters.
    pub city: String,
    /// The destination.
    pub country: Country,
}

impl Address {
    /// Reads what a shopper typed.
    ///
    /// # Errors
    /// A [`ContactError`] for each field that is wrong.
    pub fn parse(
        name: &str,
        street: &str,
        postal_code: &str,
        city: &str,
        country: &str,
    ) -> Result<Self, Vec<ContactError>> {
        let mut errors = Vec::new();
        let name = take(text(ContactField::Name, name, 100), &mut errors);
        let street = take(text(ContactField::Street, street, 120), &mut errors);
        let postal_code = take(text(ContactField::PostalCode, postal_code, 12), &mut errors);
        let city = take(text(ContactField::City, city, 80), &mut errors);
        let country = take(Country::parse(country).map_err(ContactError::from), &mut errors);
        match (name, street, postal_code, city, country) {
            (Some(name), Some(street), Some(postal_code), Some(city), Some(country)) => Ok(Self {
                name,
                street,
                postal_code,
                city,
                country,
            }),
            _ => Err(errors),
        }
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Address(..)")
    }
}

fn text(field: ContactField, raw: &str, max: usize) -> Result<String, ContactError> {
    parse_text(raw, max).map_err(|source| ContactError::Text { field, source })
}

fn take<T>(result: Result<T, ContactError>, errors: &mut Vec<ContactError>) -> Option<T> {
    result.map_err(|error| errors.push(error)).ok()
}

/// One `@` between a local part and a domain with a dot, and no white space; both are atoms with single dots between them (RFC 5322, 3.2.3,
/// `dot-atom`; RFC 5321, 4.1.2). Quoted local parts are refused. Whether mail arrives there is for the mail to tell.
fn parse_email(raw: &str) -> Result<String, ContactError> {
    let email = text(ContactField::Email, raw, 254)?;
    let is_label = |label: &str| !label.is_empty() && !label.starts_with('-') && !label.ends_with('-');
    let fits = email.split_once('@').is_some_and(|(local, domain)| {
        local.len() <= 64
            && local.split('.').all(|atom| !atom.is_empty())
            && domain.contains('.')
            && domain.split('.').all(is_label)
            && !local.contains(is_special)
            && !domain.contains(is_special)
    });
    let malformed = ContactError::Text {
        field: ContactField::Email,
        source: TextError::Malformed,
    };
    fits.then_some(email).ok_or(malformed)
}

/// What an atom does not contain (RFC 5322, 3.2.3, `specials`), white space, and the dot that separates atoms aside.
fn is_special(c: char) -> bool {
    c.is_whitespace()
        || matches!(
            c,
            '(' | ')' | '<' | '>' | '[' | ']' | ':' | ';' | '@' | '\\' | ',' | '"'
        )
}

#[cfg(test)]
mod tests {
    use super::*;
    use ContactField::{City, Name, PostalCode, Street};

    #[test]
    fn a_customer_has_a_name_and_a_mail_address() {
        let ada = Customer::parse(" Ada Lovelace ", "ada@example.org").expect("a customer");
        assert_eq!(
            (ada.name.as_str(), ada.email.as_str()),
            ("Ada Lovelace", "ada@example.org")
        );
    }

    #[test]
    fn every_wrong_field_is_named() {
        let errors = Address::parse("", "S\u{7}", "12345678901234", "", "Germany").expect_err("errors");
        let fields: Vec<_> = errors.iter().map(ContactError::field).collect();
        assert_eq!(fields, [Name, Street, PostalCode, City, ContactField::Country]);
    }

    #[test]
    fn what_is_no_mail_address_is_refused() {
        for bad in [
            "ada",
            "@example.org",
            "ada@",
            "ada@example",
            "a da@example.org",
            "a@b@example.org",
            "a@-b.org",
            "a@b..org",
            "<a@b.org>",
            "erika..m@example.org",
            ".erika@example.org",
            "erika.@example.org",
            "erika(m)@example.org",
            "a@b.org.",
        ] {
            assert!(Customer::parse("Ada", bad).is_err(), "{bad}");
        }
        for good in [
            "a@b.de",
            "ada+shop@sub.example.org",
            "e.r.i-k_a'm@example.org",
            "ädä@exämple.org",
        ] {
            assert!(Customer::parse("Ada", good).is_ok(), "{good}");
        }
    }

    #[test]
    fn debug_shows_no_personal_data() {
        let ada = Customer::parse("Ada", "ada@example.org").expect("a customer");
        let home = Address::parse("Ada", "Weg 1", "10115", "Berlin", "DE").expect("an address");
        assert_eq!(format!("{ada:?} {home:?}"), "Customer(..) Address(..)");
    }
}
