//! Money: whole minor units of one currency, with checked arithmetic.

use std::fmt;

/// A currency of the shop, with its ISO 4217 code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Currency {
    /// Euro, two decimal places.
    Eur,
    /// Pound sterling, two decimal places.
    Gbp,
    /// Swiss franc, two decimal places.
    Chf,
    /// US dollar, two decimal places.
    Usd,
    /// One in which the shop sells nothing: a payment may come in it all the same, and is never the one that was agreed.
    Other(OtherCurrency),
}

/// A currency in which the shop sells nothing, by its ISO 4217 code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OtherCurrency(&'static str);

/// The codes of ISO 4217 that payments come in, beside the shop's own.
const OTHERS: &str = "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CLP CNY COP CRC \
    CVE CZK DJF DKK DOP DZD EGP ERN ETB FJD FKP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF \
    KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK \
    PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX UYU \
    UZS VES VND VUV WST XAF XCD XOF XPF YER ZAR ZMW ZWG";
/// ISO 4217's code for no currency: stands for what is none of these.
const NO_CURRENCY: OtherCurrency = OtherCurrency("XXX");

impl OtherCurrency {
    /// Reads a code in either case.
    fn of(code: &str) -> Self {
        let mut codes = OTHERS.split_whitespace();
        let known = codes.find(|own| own.eq_ignore_ascii_case(code));
        known.map_or(NO_CURRENCY, Self)
    }
}

impl Currency {
    /// The ISO 4217 code in upper case, such as `EUR`.
    pub fn code(self) -> &'static str {
        match self {
            Self::Eur => "EUR",
            Self::Gbp => "GBP",
            Self::Chf => "CHF",
            Self::Usd => "USD",
            Self::Other(OtherCurrency(code)) => code,
        }
    }

    /// The currency that somebody paid in, by its code in either case. What ISO 4217 does not know is `XXX`, and never the shop's.
    pub fn of_payment(code: &str) -> Self {
        Self::parse(code).unwrap_or_else(|| Self::Other(OtherCurrency::of(code)))
    }

    /// Reads an ISO 4217 code in either case; `None` for a currency that the shop does not know.
    pub fn parse(code: &str) -> Option<Self> {
        [Self::Eur, Self::Gbp, Self::Chf, Self::Usd]
            .into_iter()
            .find(|c| c.code().eq_ignore_ascii_case(code))
    }
}

/// Why two amounts could not be combined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// The result does not fit into 64 bits of minor units.
    #[error("the amount is too large")]
    Overflow,
    /// The two amounts are of different currencies.
    #[error("the amounts are of different currencies")]
    CurrencyMismatch,
}

/// An amount in minor units (cents) of one currency. May be negative: a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Money {
    minor: i64,
    currency: Currency,
}

impl Money {
    /// An amount of `minor` units: `Money::new(1999, Currency::Eur)` is 19.99 EUR.
    pub const fn new(minor: i64, currency: Currency) -> Self {
        Self { minor, currency }
    }

    /// Nothing, in `currency`.
    pub const fn zero(currency: Currency) -> Self {
        Self::new(0, currency)
    }

    /// The amount in minor units.
    pub const fn minor(self) -> i64 {
        self.minor
    }

    /// The currency.
    pub const fn currency(self) -> Currency {
        self.currency
    }

    /// The sum of both.
    ///
    /// # Errors
    /// [`MoneyError`] where the currencies differ or the sum does not fit.
    pub fn plus(self, other: Self) -> Result<Self, MoneyError> {
        self.combine(other, i64::checked_add)
    }

    /// This amount less `other`.
    ///
    /// # Errors
    /// [`MoneyError`] where the currencies differ or the difference does not fit.
    pub fn minus(self, other: Self) -> Result<Self, MoneyError> {
        self.combine(other, i64::checked_sub)
    }

    /// This amount `factor` times.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`] where the product does not fit.
    pub fn times(self, factor: u32) -> Result<Self, MoneyError> {
        let minor = self
            .minor
            .checked_mul(i64::from(factor))
            .ok_or(MoneyError::Overflow)?;
        Ok(Self::new(minor, self.currency))
    }

    /// The sum of `amounts`, zero of `currency` where there are none.
    ///
    /// # Errors
    /// [`MoneyError`] as [`Money::plus`].
    pub fn sum(currency: Currency, amounts: impl IntoIterator<Item = Self>) -> Result<Self, MoneyError> {
        amounts.into_iter().try_fold(Self::zero(currency), Self::plus)
    }

    fn combine(self, other: Self, apply: fn(i64, i64) -> Option<i64>) -> Result<Self, MoneyError> {
        if self.currency != other.currency {
            return Err(MoneyError::CurrencyMismatch);
        }
        let minor = apply(self.minor, other.minor).ok_or(MoneyError::Overflow)?;
        Ok(Self::new(minor, self.currency))
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Currency::Other(OtherCurrency(code)) = self.currency {
            // How many minor units make a major one is not known.
            return write!(f, "{} minor units of {code}", self.minor);
        }
        let sign = if self.minor < 0 { "-" } else { "" };
        let minor = self.minor.unsigned_abs();
        write!(
            f,
            "{sign}{}.{:02} {}",
            minor / 100,
            minor % 100,
            self.currency.code()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn eur(minor: i64) -> Money {
        Money::new(minor, Currency::Eur)
    }

    #[test]
    fn amounts_of_different_currencies_never_combine() {
        let pound = Money::new(1, Currency::Gbp);
        assert_eq!(eur(1).plus(pound), Err(MoneyError::CurrencyMismatch));
        assert_eq!(eur(1).minus(pound), Err(MoneyError::CurrencyMismatch));
    }

    #[test]
    fn overflow_is_an_error_and_never_wraps() {
        assert_eq!(eur(i64::MAX).plus(eur(1)), Err(MoneyError::Overflow));
        assert_eq!(eur(i64::MIN).minus(eur(1)), Err(MoneyError::Overflow));
        assert_eq!(eur(i64::MAX).times(2), Err(MoneyError::Overflow));
    }

    #[test]
    fn is_shown_with_two_decimals_and_the_currency() {
        assert_eq!(eur(1999).to_string(), "19.99 EUR");
        assert_eq!(eur(5).to_string(), "0.05 EUR");
        assert_eq!(eur(0).to_string(), "0.00 EUR");
        assert_eq!(eur(-105).to_string(), "-1.05 EUR");
    }

    #[test]
    fn a_currency_is_read_in_either_case() {
        assert_eq!(Currency::parse("eur"), Some(Currency::Eur));
        assert_eq!(Currency::parse("CHF"), Some(Currency::Chf));
        assert_eq!(Currency::parse("XXX"), None);
    }

    #[test]
    fn any_currency_can_be_paid_in() {
        assert_eq!(Currency::of_payment("eur"), Currency::Eur);
        for (code, known) in [("jpy", "JPY"), ("zwg", "ZWG"), ("usdc", "XXX"), ("", "XXX")] {
            let other = Currency::of_payment(code);
            assert_eq!((other.code(), Currency::parse(code)), (known, None), "{code}");
            assert_eq!(Currency::of_payment(other.code()), other);
        }
        let yen = Money::new(1_490, Currency::of_payment("jpy"));
        assert_eq!(yen.to_string(), "1490 minor units of JPY");
        assert_eq!(eur(1_490).plus(yen), Err(MoneyError::CurrencyMismatch));
    }

    proptest! {
        #[test]
        fn what_is_added_can_be_taken_away_again(a in -1_000_000_000_000i64..1_000_000_000_000, b in -1_000_000_000_000i64..1_000_000_000_000) {
            prop_assert_eq!(eur(a).plus(eur(b)).and_then(|sum| sum.minus(eur(b))), Ok(eur(a)));
        }

        #[test]
        fn times_is_repeated_addition(a in -1_000_000i64..1_000_000, n in 0u32..50) {
            let added = Money::sum(Currency::Eur, (0..n).map(|_| eur(a)));
            prop_assert_eq!(eur(a).times(n), added);
        }
    }
}
