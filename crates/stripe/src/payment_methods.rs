//! What shoppers may pay by (docs.stripe.com/payments/payment-methods/payment-method-support).

/// Those that confirm at once. Wallets (Apple Pay, Google Pay) come with `card`.
const IMMEDIATE: [&str; 8] = [
    "bancontact",
    "card",
    "eps",
    "ideal",
    "klarna",
    "link",
    "p24",
    "paypal",
];
/// Those that confirm in days, or fail until then.
const DELAYED: [&str; 1] = ["sepa_debit"];

/// The payment methods that a payment page offers, by Stripe's names for them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentMethods(Vec<&'static str>);

/// Why payment methods are not usable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("one or several of {}, {} with commas between them are needed, none of them twice", IMMEDIATE.join(", "), DELAYED.join(", "))]
pub struct PaymentMethodsError;

impl PaymentMethods {
    /// Names separated by commas.
    ///
    /// # Errors
    /// [`PaymentMethodsError`] where there is none, or an unknown one, or the same twice.
    pub fn parse(names: &str) -> Result<Self, PaymentMethodsError> {
        let mut methods = Vec::new();
        for name in names.split(',').map(str::trim) {
            let known = IMMEDIATE.into_iter().chain(DELAYED).find(|known| *known == name);
            let method = known.filter(|known| !methods.contains(known));
            methods.push(method.ok_or(PaymentMethodsError)?);
        }
        Ok(Self(methods))
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().copied()
    }
}

impl Default for PaymentMethods {
    /// Cards and wallets.
    fn default() -> Self {
        Self(vec!["card"])
    }
}

/// Whether payments by the method of that name confirm in days.
pub(crate) fn is_delayed(name: &str) -> bool {
    DELAYED.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_are_known_by_name_and_named_once() {
        let parsed = PaymentMethods::parse("card, sepa_debit").expect("known");
        assert_eq!(parsed.names().collect::<Vec<_>>(), ["card", "sepa_debit"]);
        assert_eq!(PaymentMethods::parse("card"), Ok(PaymentMethods::default()));
        for bad in ["", ",", "card,", "Card", "card,card", "sepa", "giropay"] {
            assert_eq!(PaymentMethods::parse(bad), Err(PaymentMethodsError), "{bad}");
        }
        let said = PaymentMethodsError.to_string();
        assert!(
            IMMEDIATE.iter().chain(&DELAYED).all(|name| said.contains(name)),
            "{said}"
        );
    }
}
