//! Shipping: a flat rate per destination, free above a threshold. The rates are data: `countries.csv`.

use crate::country::CountryRow;
use crate::{Country, Money};

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
    /// The shop's own table: the rows of `countries.csv` that have a rate, in gross cents.
    pub fn of_the_shop() -> Self {
        let rate = |row: CountryRow| {
            let (flat, free_from) = row.shipping?;
            Some(ShippingRate {
                country: row.country,
                flat,
                free_from,
            })
        };
        Self {
            rates: CountryRow::all().filter_map(rate).collect(),
        }
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
    use crate::Currency;
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
    fn the_shop_ships_where_its_customers_live() {
        // The countries of the data set that the catalogue comes from, Channel Islands and all.
        let past = "GB FR AU NL DE NO IE CH ES PL PT IT BE LT JP IS JE GG DK CY SE AT IL FI BH GR HK SG LB AE SA CZ CA BR US ZA MT";
        let table = ShippingTable::of_the_shop();
        for code in past.split(' ').chain(["IM", "GI", "IC", "XI"]) {
            assert!(
                table.rate(Country::parse(code).expect("a code")).is_some(),
                "{code}"
            );
        }
    }
}
