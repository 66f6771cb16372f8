//! German VAT, contained in gross prices.

use crate::{Money, MoneyError};

/// A VAT rate of § 12 UStG.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TaxRate {
    /// 7%: § 12 Abs. 2 UStG, such as books and plants.
    Reduced,
    /// 19%: § 12 Abs. 1 UStG.
    Standard,
}

impl TaxRate {
    /// All rates, in the order in which they are listed.
    pub const ALL: [Self; 2] = [Self::Standard, Self::Reduced];

    /// The rate in whole percent of the net amount.
    pub const fn percent(self) -> u8 {
        match self {
            Self::Standard => 19,
            Self::Reduced => 7,
        }
    }

    /// The rate of so many percent, `None` where there is no such rate.
    pub fn from_percent(percent: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|rate| rate.percent() == percent)
    }

    /// The tax contained in `gross`, rounded half up to the minor unit.
    pub fn contained_in(self, gross: Money) -> Money {
        let percent = i128::from(self.percent());
        let whole = 100 + percent;
        let tax = (2 * i128::from(gross.minor()) * percent + whole).div_euclid(2 * whole);
        let tax = i64::try_from(tax).expect("the tax is smaller than the gross amount");
        Money::new(tax, gross.currency())
    }
}

/// What one rate's share of a total consists of; net and tax add up to the gross share exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaxPart {
    /// The rate.
    pub rate: TaxRate,
    /// The share without tax.
    pub net: Money,
    /// The tax.
    pub tax: Money,
}

/// Splits goods and shipping by tax rate; the tax is rounded once per rate.
///
/// Shipping is ancillary to the goods and shares their rates (Abschnitt 3.10 Abs. 5 UStAE): it is apportioned by the goods'
/// gross amounts, the rest of the division going to the first rate, so that all parts add up to the total.
///
/// # Errors
/// [`MoneyError`] where a sum does not fit or the currencies differ.
pub fn split_by_rate(goods: &[(TaxRate, Money)], shipping: Money) -> Result<Vec<TaxPart>, MoneyError> {
    let currency = shipping.currency();
    let all_goods = Money::sum(currency, goods.iter().map(|(_, gross)| *gross))?;
    let mut groups = Vec::with_capacity(TaxRate::ALL.len());
    for rate in TaxRate::ALL {
        if goods.iter().any(|(own, _)| *own == rate) {
            let group = goods
                .iter()
                .filter(|(own, _)| *own == rate)
                .map(|(_, gross)| *gross);
            groups.push((rate, Money::sum(currency, group)?));
        }
    }
    let shares: Vec<Money> = groups
        .iter()
        .map(|(_, gross)| share(shipping, *gross, all_goods))
        .collect();
    let mut rest = shipping.minus(Money::sum(currency, shares.iter().copied())?)?;
    let mut parts = Vec::with_capacity(groups.len());
    for ((rate, goods), share) in groups.into_iter().zip(shares) {
        let gross = goods.plus(share)?.plus(rest)?;
        rest = Money::zero(currency);
        let tax = rate.contained_in(gross);
        parts.push(TaxPart {
            rate,
            net: gross.minus(tax)?,
            tax,
        });
    }
    Ok(parts)
}

/// `whole × part / of`, rounded down.
fn share(whole: Money, part: Money, of: Money) -> Money {
    if of.minor() == 0 {
        return Money::zero(whole.currency());
    }
    let minor = (i128::from(whole.minor()) * i128::from(part.minor())).div_euclid(i128::from(of.minor()));
    Money::new(
        i64::try_from(minor).expect("a share is no larger than the whole"),
        whole.currency(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Currency::Eur;
    use proptest::prelude::*;

    fn eur(minor: i64) -> Money {
        Money::new(minor, Eur)
    }

    #[test]
    fn the_tax_contained_is_rounded_half_up() {
        assert_eq!(TaxRate::Standard.contained_in(eur(11_900)), eur(1_900));
        assert_eq!(TaxRate::Reduced.contained_in(eur(10_700)), eur(700));
        assert_eq!(TaxRate::Standard.contained_in(eur(3)), eur(0)); // 0.479
        assert_eq!(TaxRate::Standard.contained_in(eur(4)), eur(1)); // 0.639
        assert_eq!(TaxRate::Reduced.contained_in(eur(1)), eur(0));
        assert_eq!(TaxRate::Standard.contained_in(eur(1_999)), eur(319)); // 319.168
    }

    #[test]
    fn tax_is_rounded_once_per_rate_not_per_line() {
        // Ten lines of 4 cents: a cent of tax each would be 10; once over 40 cents it is 6.
        let parts = split_by_rate(&[(TaxRate::Standard, eur(4)); 10], eur(0)).expect("parts");
        assert_eq!(
            parts,
            [TaxPart {
                rate: TaxRate::Standard,
                net: eur(34),
                tax: eur(6)
            }]
        );
    }

    #[test]
    fn shipping_shares_the_goods_rates() {
        let goods = [(TaxRate::Standard, eur(3_000)), (TaxRate::Reduced, eur(1_000))];
        let parts = split_by_rate(&goods, eur(490)).expect("parts");
        // 490 × 3/4 = 367.5: 122 to the reduced rate, the rest to the standard rate.
        assert_eq!(parts[0].net.plus(parts[0].tax), Ok(eur(3_368)));
        assert_eq!(parts[1].net.plus(parts[1].tax), Ok(eur(1_122)));
    }

    #[test]
    fn a_rate_is_found_by_its_percentage() {
        assert_eq!(TaxRate::from_percent(19), Some(TaxRate::Standard));
        assert_eq!(TaxRate::from_percent(7), Some(TaxRate::Reduced));
        assert_eq!(TaxRate::from_percent(20), None);
    }

    fn any_rate() -> impl Strategy<Value = TaxRate> {
        prop_oneof![Just(TaxRate::Standard), Just(TaxRate::Reduced)]
    }

    proptest! {
        #[test]
        fn all_parts_add_up_to_the_total(
            goods in prop::collection::vec((any_rate(), 1i64..100_000_000), 1..50),
            shipping in 0i64..10_000,
        ) {
            let goods: Vec<_> = goods.into_iter().map(|(rate, minor)| (rate, eur(minor))).collect();
            let total = goods.iter().map(|(_, m)| m.minor()).sum::<i64>() + shipping;
            let parts = split_by_rate(&goods, eur(shipping)).expect("parts");
            prop_assert_eq!(parts.iter().map(|p| p.net.minor() + p.tax.minor()).sum::<i64>(), total);
        }

        #[test]
        fn the_tax_is_within_half_a_cent_of_the_exact_share(rate in any_rate(), gross in 0i64..10_000_000_000) {
            let tax = i128::from(rate.contained_in(eur(gross)).minor());
            let (percent, whole) = (i128::from(rate.percent()), 100 + i128::from(rate.percent()));
            let error = (tax * whole - i128::from(gross) * percent) * 2;
            prop_assert!(-whole < error && error <= whole);
        }
    }
}
