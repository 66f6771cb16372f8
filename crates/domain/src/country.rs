//! Countries and territories that an address can name: their names, and what their postal codes look like. The facts are data:
//! `countries.csv`, with what shipping costs where the shop ships.

use std::fmt;

use unicode_normalization::UnicodeNormalization;

use crate::{Currency, Money};

/// The code of a country or territory, such as `DE`: of the right form, shipped to or not.
///
/// ISO 3166-1 alpha-2, and territories that customs treat apart: `IC` (the Canary Islands), `EA` (Ceuta and Melilla), both reserved by
/// ISO, and `XI` (Northern Ireland), as the EU's VAT numbers have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Country([u8; 2]);

/// Why a text is no [`Country`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a country is two letters, such as DE (ISO 3166-1 alpha-2)")]
pub struct CountryError;

/// Why a text is no postal code of a country.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PostalCodeError {
    /// There is none, and the country's addresses need one.
    Missing,
    /// The country's look otherwise.
    Malformed,
}

impl Country {
    /// Reads a country code in upper case. `UK` and `EL`, which the EU writes, are `GB` and `GR`.
    ///
    /// # Errors
    /// [`CountryError`] for anything but two letters A-Z.
    pub fn parse(raw: &str) -> Result<Self, CountryError> {
        match raw.as_bytes() {
            b"UK" => Ok(Self(*b"GB")),
            b"EL" => Ok(Self(*b"GR")),
            &[a, b] if a.is_ascii_uppercase() && b.is_ascii_uppercase() => Ok(Self([a, b])),
            _ => Err(CountryError),
        }
    }

    /// The code as text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("two ASCII letters")
    }

    /// The English name, as it stands in a sentence; `None` where no country has the code.
    pub fn name(self) -> Option<&'static str> {
        CountryRow::of(self).map(|row| row.name)
    }

    /// The country's code in ISO 3166-1: that of the United Kingdom for Northern Ireland, of Spain for the Canary Islands.
    #[must_use]
    pub fn iso(self) -> Self {
        match &self.0 {
            b"IC" | b"EA" => Self(*b"ES"),
            b"XI" => Self(*b"GB"),
            _ => self,
        }
    }

    /// Whether the shop ships there.
    pub fn is_shipped_to(self) -> bool {
        CountryRow::of(self).is_some_and(|row| row.shipping.is_some())
    }

    /// Whether an address needs a postal code.
    pub fn needs_postal_code(self) -> bool {
        CountryRow::of(self)
            .is_none_or(|row| !row.postal_codes.is_empty() && !row.postal_codes.starts_with('?'))
    }

    /// A postal code that looks right, `None` where there are none.
    ///
    /// ```
    /// # use domain::Country;
    /// assert_eq!(Country::parse("NL").expect("a code").example_postal_code().as_deref(), Some("1234 AB"));
    /// assert_eq!(Country::parse("HK").expect("a code").example_postal_code(), None);
    /// ```
    pub fn example_postal_code(self) -> Option<String> {
        let row = CountryRow::of(self)?;
        let template = row.templates().next()?;
        let (mut digits, mut letters) = (('1'..='9').cycle(), ('A'..='Z').cycle());
        let example = |c| match c {
            '#' | '*' => digits.next().unwrap_or(c),
            '@' => letters.next().unwrap_or(c),
            _ => c,
        };
        Some(template.chars().map(example).collect())
    }

    /// `raw` as the country's post writes it; empty where there is none and none is needed.
    pub(crate) fn parse_postal_code(self, raw: &str) -> Result<String, PostalCodeError> {
        let Some(row) = CountryRow::of(self).filter(|row| !row.postal_codes.is_empty()) else {
            return Ok(String::new());
        };
        let written = compact(raw);
        if written.is_empty() && !self.needs_postal_code() {
            return Ok(String::new());
        }
        if raw.trim().is_empty() {
            return Err(PostalCodeError::Missing);
        }
        let bare = |sign: &str| written.strip_prefix(sign).filter(|_| !sign.is_empty());
        [Some(written.as_str()), bare(self.as_str()), bare(row.sign)]
            .into_iter()
            .flatten()
            .find_map(|code| row.templates().find_map(|template| fitted(code, template)))
            .ok_or(PostalCodeError::Malformed)
    }

    /// The territory that `postal_code`, one of this country, lies in: `XI` for `BT1 5GS` in `GB`.
    pub(crate) fn territory(self, postal_code: &str) -> Option<Self> {
        let code = compact(postal_code);
        let holds = |row: &CountryRow| {
            row.within == Some(self) && row.templates().any(|template| fitted(&code, template).is_some())
        };
        // 97150 is Saint Martin's own among Guadeloupe's 971##.
        let vagueness = |row: &CountryRow| row.postal_codes.matches('#').count();
        let territory = CountryRow::all().filter(holds).min_by_key(vagueness);
        territory.map(|row| row.country)
    }

    /// Whether an order costs the same shipped to either.
    pub(crate) fn costs_as(self, other: Self) -> bool {
        CountryRow::of(self).and_then(|row| row.shipping)
            == CountryRow::of(other).and_then(|row| row.shipping)
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A row of `countries.csv`.
pub(crate) struct CountryRow {
    pub(crate) country: Country,
    name: &'static str,
    /// The country that its post counts it to.
    within: Option<Country>,
    /// What people write before a postal code, besides the country's code: `A` in `A-1010`.
    sign: &'static str,
    /// The forms, `|` between them: `#` is a digit, `@` a letter, `*` either. `?` in front: an address may do without. Empty: there are
    /// none, or the shop does not ship there.
    postal_codes: &'static str,
    /// What shipping costs, and from which amount of goods it is free; `None` where the shop does not ship.
    pub(crate) shipping: Option<(Money, Money)>,
}

impl CountryRow {
    const TABLE: &str = include_str!("countries.csv");

    /// All rows, by their codes.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        // A test reads the same bytes, and finds no row that is left out.
        Self::TABLE.lines().skip(1).filter_map(Self::parse)
    }

    fn of(country: Country) -> Option<Self> {
        let line = Self::TABLE
            .lines()
            .find(|line| line.starts_with(country.as_str()))?;
        Self::parse(line)
    }

    fn parse(line: &'static str) -> Option<Self> {
        let cells: [&str; 7] = line.split(',').collect::<Vec<_>>().try_into().ok()?;
        let [code, name, within, sign, postal_codes, flat, free_from] = cells;
        let euro = |cents: &str| Some(Money::new(cents.parse().ok()?, Currency::Eur));
        Some(Self {
            country: Country::parse(code).ok()?,
            name,
            within: Country::parse(within).ok(),
            sign,
            postal_codes,
            shipping: if flat.is_empty() {
                None
            } else {
                Some((euro(flat)?, euro(free_from)?))
            },
        })
    }

    fn templates(&self) -> impl Iterator<Item = &'static str> + use<> {
        self.postal_codes
            .trim_start_matches('?')
            .split('|')
            .filter(|template| !template.is_empty())
    }
}

/// The letters and digits alone, in upper case: full-width and Arabic digits as those of ASCII.
fn compact(postal_code: &str) -> String {
    let digit = |c| match c {
        '\u{660}'..='\u{669}' | '\u{6F0}'..='\u{6F9}' => {
            char::from_digit(u32::from(c) & 0xF, 10).unwrap_or(c)
        }
        _ => c,
    };
    postal_code
        .nfkc()
        .map(digit)
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_uppercase)
        .collect()
}

/// `code` with the template's blanks and dashes, where it fits.
fn fitted(code: &str, template: &str) -> Option<String> {
    let mut rest = code.chars();
    let mut written = String::with_capacity(template.len());
    for place in template.chars() {
        if !place.is_alphanumeric() && !matches!(place, '#' | '@' | '*') {
            written.push(place);
            continue;
        }
        let c = rest.next()?;
        let fits = match place {
            '#' => c.is_ascii_digit(),
            '@' => c.is_ascii_uppercase(),
            '*' => c.is_ascii_digit() || c.is_ascii_uppercase(),
            _ => c == place,
        };
        fits.then(|| written.push(c))?;
    }
    rest.next().is_none().then_some(written)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn country(code: &str) -> Country {
        Country::parse(code).expect("a code")
    }

    fn normal(code: &str, raw: &str) -> Option<String> {
        country(code).parse_postal_code(raw).ok()
    }

    #[test]
    fn every_row_is_read_and_each_code_is_there_once() {
        let rows: Vec<_> = CountryRow::all().collect();
        assert_eq!(rows.len(), CountryRow::TABLE.lines().count() - 1);
        // ISO 3166-1 has 249; XI, IC, EA and Kosovo's XK come on top.
        assert_eq!(rows.len(), 253);
        let codes: Vec<_> = rows.iter().map(|row| row.country.as_str().to_owned()).collect();
        let mut sorted = codes.clone();
        sorted.sort();
        sorted.dedup();
        assert_eq!(codes, sorted);
        for row in rows {
            assert!(
                !row.name.is_empty() && row.name.trim() == row.name,
                "{}",
                row.country
            );
            assert!(
                row.within.is_none_or(|within| within.name().is_some()),
                "{}",
                row.country
            );
        }
    }

    #[test]
    fn a_country_is_two_capital_letters() {
        assert_eq!(Country::parse("DE").map(|c| c.to_string()), Ok("DE".to_owned()));
        for bad in ["", "D", "de", "DEU", "D1", "ÄÖ"] {
            assert_eq!(Country::parse(bad), Err(CountryError), "{bad}");
        }
    }

    #[test]
    fn the_eus_codes_are_read_as_isos() {
        assert_eq!((country("UK"), country("EL")), (country("GB"), country("GR")));
        assert_eq!(
            ["XI", "IC", "JE", "DE"].map(|c| country(c).iso()),
            ["GB", "ES", "JE", "DE"].map(country)
        );
    }

    #[test]
    fn a_postal_code_is_written_as_its_post_writes_it() {
        for (code, raw, written) in [
            ("DE", " 10 115", "10115"),
            ("DE", "D-10115", "10115"),
            ("AT", "A-1010", "1010"),
            ("AT", "AT-1010", "1010"),
            ("CH", "ch 8001", "8001"),
            ("LU", "L-1234", "1234"),
            ("LV", "LV-1010", "1010"),
            ("FI", "FIN-00100", "00100"),
            ("SE", "se-11122", "111 22"),
            ("NL", "1234ab", "1234 AB"),
            ("GB", "sw1a1aa", "SW1A 1AA"),
            ("GB", "M1-1AE", "M1 1AE"),
            ("IE", "d6wxy00", "D6W XY00"),
            ("PL", "00950", "00-950"),
            ("PT", "1000 001", "1000-001"),
            ("JP", "１００－０００１", "100-0001"),
            ("SA", "١١٥٦٤", "11564"),
            ("CA", "k1a0b1", "K1A 0B1"),
            ("US", "95014", "95014"),
            ("US", "22162 1010", "22162-1010"),
            ("JE", "je23ab", "JE2 3AB"),
            ("XI", "BT1 5GS", "BT1 5GS"),
            ("IC", "35001", "35001"),
            ("MT", "VLT 1117", "VLT 1117"),
        ] {
            assert_eq!(normal(code, raw).as_deref(), Some(written), "{code} {raw}");
        }
    }

    #[test]
    fn a_postal_code_of_another_form_is_refused() {
        for (code, bad) in [
            ("DE", "ABC"),
            ("DE", "1"),
            ("DE", "-"),
            ("DE", "1011"),
            ("DE", "101156"),
            ("DE", "A-10115"),
            ("AT", "10115"),
            ("GB", "10115"),
            ("NL", "1234"),
            ("IE", "12345"),
            ("LB", "x"),
            ("IC", "28001"),
            ("XI", "SW1A 1AA"),
            ("JE", "GY1 1AA"),
        ] {
            assert_eq!(
                country(code).parse_postal_code(bad),
                Err(PostalCodeError::Malformed),
                "{code} {bad}"
            );
        }
        assert_eq!(
            country("DE").parse_postal_code("  "),
            Err(PostalCodeError::Missing)
        );
    }

    #[test]
    fn where_there_are_none_a_postal_code_is_not_needed() {
        for (code, raw) in [
            ("HK", ""),
            ("HK", "-"),
            ("HK", "999077"),
            ("AE", "00000"),
            ("BH", ""),
            ("LB", " "),
            ("SA", "-"),
            ("IE", ""),
            ("GI", ""),
        ] {
            assert_eq!(normal(code, raw).as_deref(), Some(""), "{code} {raw}");
            assert!(!country(code).needs_postal_code());
        }
        assert!(country("DE").needs_postal_code() && country("XX").needs_postal_code());
    }

    #[test]
    fn a_territory_is_known_by_its_postal_code() {
        for (code, postal_code, territory) in [
            ("GB", "BT1 5GS", Some("XI")),
            ("GB", "JE2 3AB", Some("JE")),
            ("GB", "GY10 1SF", Some("GG")),
            ("GB", "B1 1BT", None),
            ("ES", "35001", Some("IC")),
            ("ES", "52001", Some("EA")),
            ("ES", "28001", None),
            ("FR", "97150", Some("MF")),
            ("FR", "97100", Some("GP")),
            ("FI", "22100", Some("AX")),
            ("DE", "22100", None),
        ] {
            assert_eq!(
                country(code).territory(postal_code),
                territory.map(country),
                "{code} {postal_code}"
            );
        }
    }

    #[test]
    fn each_example_is_right_itself() {
        for row in CountryRow::all().filter(|row| row.shipping.is_some()) {
            let Some(example) = row.country.example_postal_code() else {
                continue;
            };
            assert_eq!(
                row.country.parse_postal_code(&example),
                Ok(example.clone()),
                "{}",
                row.country
            );
            assert!(example.len() <= 12, "{example}");
        }
    }
}
