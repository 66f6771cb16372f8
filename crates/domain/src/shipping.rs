//! Shipping: a flat rate per destination country, free above a threshold. The rates are data: `shipping_rates.csv`.

use std::fmt;

use crate::{Currency, Money};

/// An ISO 3166-1 alpha-2 country code, such as `DE`: of the right form, shipped to or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Country([u8; 2]);

/// Why a text is no [`Country`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a country is two letters, such as DE (ISO 3166-1 alpha-2)")]
pub struct CountryError;

impl Country {
    /// Reads a country code in upper case.
    ///
    /// # Errors
    /// [`CountryError`] for anything but two letters A-Z.
    pub fn parse(raw: &str) -> Result<Self, CountryError> {
        match raw.as_bytes() {
            &[a, b] if a.is_ascii_uppercase() && b.is_ascii_uppercase() => Ok(Self([a, b])),
            _ => Err(CountryError),
        }
    }

    /// The code as text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("two ASCII letters")
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What shipping to one country costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShippingRate {
    /// The destination.
    pub country: Country,
    /// Gross, per order.
    pub flat: Money,
    /// Goods of at least this gross amount are shipped free.
    pub free_from: Money,
}

impl ShippingRate {
    /// What shipping goods of this gross amount costs, gross.
    pub fn cost_for(&self, goods: Money) -> Money {
        if goods.minor() >= self.free_from.minor() {
            Money::zero(self.flat.currency())
        } else {
            self.flat
        }
    }
}

/// The destinations and their rates.
#[derive(Clone, Debug)]
pub struct ShippingTable {
    rates: Vec<ShippingRate>,
}

impl ShippingTable {
    /// The shop's own table, as `shipping_rates.csv` has it: gross cents.
    ///
    /// # Panics
    /// Never: a test reads the same bytes.
    pub fn of_the_shop() -> Self {
        Self::parse(include_str!("shipping_rates.csv")).expect("the shop's table is tested")
    }

    /// Reads `country,flat,free_from` rows below a header, amounts in euro cents; `None` where a row is broken.
    fn parse(csv: &str) -> Option<Self> {
        let row = |line: &str| {
            let mut cells = line.split(',');
            let country = Country::parse(cells.next()?).ok()?;
            let flat = Money::new(cells.next()?.parse().ok()?, Currency::Eur);
            let free_from = Money::new(cells.next()?.parse().ok()?, Currency::Eur);
            cells.next().is_none().then_some(ShippingRate {
                country,
                flat,
                free_from,
            })
        };
        let rates = csv.lines().skip(1).map(row).collect::<Option<_>>()?;
        Some(Self { rates })
    }

    /// The rate for a destination, `None` where the shop does not ship.
    pub fn rate(&self, to: Country) -> Option<&ShippingRate> {
        self.rates.iter().find(|rate| rate.country == to)
    }

    /// All destinations.
    pub fn rates(&self) -> &[ShippingRate] {
        &self.rates
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn the_shipping_table_names_each_country_once() {
        let table = ShippingTable::of_the_shop();
        let countries: HashSet<_> = table.rates().iter().map(|r| r.country).collect();
        assert_eq!(countries.len(), table.rates().len());
        assert!(countries.contains(&Country::parse("DE").expect("a country")));
        assert!(
            table
                .rates()
                .iter()
                .all(|r| r.flat.minor() >= 50 && r.flat.minor() < r.free_from.minor())
        );
    }

    #[test]
    fn shipping_is_flat_below_the_threshold_and_free_from_it() {
        let table = ShippingTable::of_the_shop();
        let germany = table
            .rate(Country::parse("DE").expect("a country"))
            .expect("shipped to");
        assert_eq!(germany.cost_for(Money::new(4_999, Currency::Eur)).minor(), 490);
        assert_eq!(germany.cost_for(Money::new(5_000, Currency::Eur)).minor(), 0);
    }

    #[test]
    fn a_country_without_a_rate_is_not_shipped_to() {
        let table = ShippingTable::of_the_shop();
        assert!(table.rate(Country::parse("XX").expect("of the form")).is_none());
    }

    #[test]
    fn a_broken_row_is_noticed() {
        for csv in ["h\nDE,490", "h\nDE,a,1", "h\nde,1,2", "h\nDE,1,2,3"] {
            assert!(ShippingTable::parse(csv).is_none(), "{csv}");
        }
    }

    #[test]
    fn a_country_is_two_capital_letters() {
        assert_eq!(Country::parse("DE").map(|c| c.to_string()), Ok("DE".to_owned()));
        for bad in ["", "D", "de", "DEU", "D1", "ÄÖ"] {
            assert_eq!(Country::parse(bad), Err(CountryError), "{bad}");
        }
    }
}
