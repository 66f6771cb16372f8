//! Who orders, and where it goes. Personal data: `Debug` shows none of it.

use std::fmt;

use crate::country::PostalCodeError;
use crate::text::parse_typed;
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
    /// Not a postal code of the country.
    #[error("a postal code of {} looks like {}", named(*.0), .0.example_postal_code().unwrap_or_default())]
    PostalCode(Country),
    /// The postal code lies in a territory, to which shipping costs something else.
    #[error("this postal code lies in {}: its country code is {}", named(*.0), .0)]
    Territory(Country),
}

fn named(country: Country) -> &'static str {
    country.name().unwrap_or("this country")
}

impl ContactError {
    /// The field that is wrong.
    pub fn field(&self) -> ContactField {
        match self {
            Self::Text { field, .. } => *field,
            Self::PostalCode(_) => ContactField::PostalCode,
            Self::Country(_) | Self::Territory(_) => ContactField::Country,
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
        let name = take(spoken(ContactField::Name, name, 100), &mut errors);
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
    /// As the country's post writes it, at most 12 characters; empty where it has none.
    pub postal_code: String,
    /// 1 to 80 characters.
    pub city: String,
    /// The destination: the territory where the postal code lies in one.
    pub country: Country,
}

impl Address {
    /// Reads what a shopper typed. The postal code may be empty where the country's addresses do without.
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
        let country = Country::parse(country);
        let name = take(spoken(ContactField::Name, name, 100), &mut errors);
        let street = take(written(ContactField::Street, street, 120), &mut errors);
        let postal_code = take(parse_postal_code(postal_code, country.ok()), &mut errors);
        let city = take(spoken(ContactField::City, city, 80), &mut errors);
        let country = country.map_err(ContactError::from);
        let country = country.and_then(|country| in_territory(country, postal_code.as_deref()));
        let country = take(country, &mut errors);
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
    parse_typed(raw, max).map_err(|source| ContactError::Text { field, source })
}

/// A text with a letter in it.
fn spoken(field: ContactField, raw: &str, max: usize) -> Result<String, ContactError> {
    having(field, raw, max, char::is_alphabetic)
}

/// A text with a letter or a digit in it.
fn written(field: ContactField, raw: &str, max: usize) -> Result<String, ContactError> {
    having(field, raw, max, char::is_alphanumeric)
}

fn having(
    field: ContactField,
    raw: &str,
    max: usize,
    kind: fn(char) -> bool,
) -> Result<String, ContactError> {
    let source = TextError::Malformed;
    text(field, raw, max).and_then(|text| {
        text.contains(kind)
            .then_some(text)
            .ok_or(ContactError::Text { field, source })
    })
}

fn parse_postal_code(raw: &str, country: Option<Country>) -> Result<String, ContactError> {
    let field = ContactField::PostalCode;
    let code = match text(field, raw, 12) {
        Err(ContactError::Text {
            source: TextError::Missing,
            ..
        }) => String::new(),
        read => read?,
    };
    let Some(country) = country else {
        return Ok(code);
    };
    country.parse_postal_code(&code).map_err(|error| match error {
        PostalCodeError::Missing => ContactError::Text {
            field,
            source: TextError::Missing,
        },
        PostalCodeError::Malformed => ContactError::PostalCode(country),
    })
}

/// The territory of `country` that the postal code lies in, where it costs the same or is not shipped to at all.
fn in_territory(country: Country, postal_code: Option<&str>) -> Result<Country, ContactError> {
    match postal_code.and_then(|code| country.territory(code)) {
        None => Ok(country),
        Some(territory) if territory.costs_as(country) || !territory.is_shipped_to() => Ok(territory),
        Some(territory) => Err(ContactError::Territory(territory)),
    }
}

fn take<T>(result: Result<T, ContactError>, errors: &mut Vec<ContactError>) -> Option<T> {
    result.map_err(|error| errors.push(error)).ok()
}

/// The local part's atoms and the domain's labels, with dots between them (RFC 5322, 3.4.1; RFC 6531). Whether mail arrives there is
/// for the mail to tell.
fn parse_email(raw: &str) -> Result<String, ContactError> {
    let email = text(ContactField::Email, raw, 254)?;
    let fits = email.split_once('@').is_some_and(|(local, domain)| {
        local.len() <= 64
            && local.split('.').all(is_atom)
            && domain.contains('.')
            && domain.split('.').all(is_label)
    });
    let malformed = ContactError::Text {
        field: ContactField::Email,
        source: TextError::Malformed,
    };
    fits.then_some(email).ok_or(malformed)
}

fn is_atom(atom: &str) -> bool {
    let beyond_ascii = |c: char| !c.is_ascii() && !c.is_whitespace();
    let takes = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c) || beyond_ascii(c);
    !atom.is_empty() && atom.chars().all(takes)
}

fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label
            .chars()
            .all(|c| c == '-' || c.is_alphanumeric() || (!c.is_ascii() && !c.is_whitespace()))
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
            "erika@exam_ple.org",
            "erika@example.org:25",
            "er(i)ka@example.org",
        ] {
            assert!(Customer::parse("Ada", bad).is_err(), "{bad}");
        }
        for good in [
            "a@b.de",
            "ada+shop@sub.example.org",
            "ädä@exämple.org",
            "o'neil_1@b-c.de",
        ] {
            assert!(Customer::parse("Ada", good).is_ok(), "{good}");
        }
    }

    fn at(postal_code: &str, country: &str) -> Result<Address, Vec<ContactError>> {
        Address::parse("Ada", "Weg 1", postal_code, "Ort", country)
    }

    #[test]
    fn a_postal_code_follows_the_rule_of_its_country() {
        for (postal_code, country, kept) in [
            ("A-1010", "AT", "1010"),
            ("", "HK", ""),
            ("-", "BH", ""),
            ("", "LB", ""),
            (" ", "SA", ""),
            ("", "IE", ""),
            ("a65f4e2", "IE", "A65 F4E2"),
        ] {
            assert_eq!(
                at(postal_code, country).map(|to| to.postal_code),
                Ok(kept.to_owned()),
                "{country}"
            );
        }
        let austria = Country::parse("AT").expect("a code");
        assert_eq!(at("ABC", "AT"), Err(vec![ContactError::PostalCode(austria)]));
        let missing = ContactError::Text {
            field: PostalCode,
            source: TextError::Missing,
        };
        assert_eq!(at(" ", "DE"), Err(vec![missing]));
        let said = at("1", "AT").expect_err("a fault")[0].to_string();
        assert_eq!(said, "a postal code of Austria looks like 1234");
    }

    #[test]
    fn an_address_in_a_territory_goes_there() {
        let code = |postal_code, country| at(postal_code, country).map(|to| to.country.to_string());
        assert_eq!(code("BT1 5GS", "XI").as_deref(), Ok("XI"));
        assert_eq!(code("BT1 5GS", "GB").as_deref(), Ok("XI"), "costs the same");
        assert_eq!(code("SW1A 1AA", "GB").as_deref(), Ok("GB"));
        assert_eq!(code("38001", "IC").as_deref(), Ok("IC"));
        assert_eq!(
            code("98800", "FR").as_deref(),
            Ok("NC"),
            "not shipped to, and named so"
        );
        let canaries = Country::parse("IC").expect("a code");
        let refused = at("38001", "ES").expect_err("another price");
        assert_eq!(refused, [ContactError::Territory(canaries)]);
        assert_eq!(
            refused[0].to_string(),
            "this postal code lies in the Canary Islands: its country code is IC"
        );
    }

    #[test]
    fn names_and_towns_have_letters() {
        for (name, street, city, wrong) in [
            ("123", "Weg 1", "Ort", Name),
            ("---", "Weg 1", "Ort", Name),
            ("\u{2800}", "Weg 1", "Ort", Name),
            ("Ada", "-", "Ort", Street),
            ("Ada", "Weg 1", "10115", City),
        ] {
            let errors = Address::parse(name, street, "10115", city, "DE").expect_err("a fault");
            assert_eq!(
                errors.iter().map(ContactError::field).collect::<Vec<_>>(),
                [wrong],
                "{name} {street} {city}"
            );
        }
        for (name, street, city) in [("愛", "1-2-3", "東京"), ("علی\u{200C}رضا", "C 4, 5", "تهران")]
        {
            assert!(
                Address::parse(name, street, "10115", city, "DE").is_ok(),
                "{name}"
            );
        }
        assert!(Customer::parse("42", "a@b.de").is_err());
    }

    #[test]
    fn debug_shows_no_personal_data() {
        let ada = Customer::parse("Ada", "ada@example.org").expect("a customer");
        let home = Address::parse("Ada", "Weg 1", "10115", "Berlin", "DE").expect("an address");
        assert_eq!(format!("{ada:?} {home:?}"), "Customer(..) Address(..)");
    }
}
