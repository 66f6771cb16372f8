//! What the page says, in German and in English.

use axum::http::{HeaderMap, header};

/// The page's words in one language.
pub(super) struct Texts {
    pub(super) language: &'static str,
    pub(super) title: &'static str,
    pub(super) test_mode: &'static str,
    pub(super) amount_due: &'static str,
    pub(super) order: &'static str,
    pub(super) article: &'static str,
    pub(super) quantity: &'static str,
    pub(super) amount: &'static str,
    /// `{n}` is how many.
    pub(super) more_lines: &'static str,
    pub(super) pay: &'static str,
    pub(super) decline: &'static str,
    pub(super) debit_arrives: &'static str,
    pub(super) debit_fails: &'static str,
    pub(super) debit_never: &'static str,
    pub(super) leave: &'static str,
    pub(super) declined: &'static str,
    pub(super) paid: &'static str,
    pub(super) on_its_way: &'static str,
    pub(super) failed: &'static str,
    pub(super) expired: &'static str,
    pub(super) back: &'static str,
    pub(super) unknown: &'static str,
    pub(super) footer: &'static str,
}

static GERMAN: Texts = Texts {
    language: "de",
    title: "Bezahlen (Testumgebung)",
    test_mode: "Testumgebung: hier fließt kein Geld.",
    amount_due: "Zu zahlen:",
    order: "Bestellung",
    article: "Artikel",
    quantity: "Menge",
    amount: "Betrag",
    more_lines: "und {n} weitere Positionen",
    pay: "Jetzt bezahlen",
    decline: "Karte ablehnen lassen",
    debit_arrives: "Per Lastschrift bezahlen",
    debit_fails: "Lastschrift platzen lassen",
    debit_never: "Lastschrift, von der man nie wieder hört",
    leave: "Ohne Zahlung zurück zum Shop",
    declined: "Die Karte wurde abgelehnt. Sie können es noch einmal versuchen.",
    paid: "Diese Bestellung ist bezahlt.",
    on_its_way: "Die Lastschrift ist unterwegs.",
    failed: "Die Lastschrift wurde nicht eingelöst.",
    expired: "Die Zeit zum Bezahlen ist abgelaufen.",
    back: "Zurück zum Shop",
    unknown: "Diese Zahlung gibt es nicht.",
    footer: "Sandbox des Zahlungsanbieters in der lokalen Welt von Kontor",
};

static ENGLISH: Texts = Texts {
    language: "en",
    title: "Pay (test mode)",
    test_mode: "Test mode: no money changes hands here.",
    amount_due: "Amount due:",
    order: "Order",
    article: "Item",
    quantity: "Quantity",
    amount: "Amount",
    more_lines: "and {n} more lines",
    pay: "Pay now",
    decline: "Have the card declined",
    debit_arrives: "Pay by direct debit",
    debit_fails: "Have the direct debit returned",
    debit_never: "A direct debit that is never heard of again",
    leave: "Back to the shop without paying",
    declined: "The card was declined. You can try again.",
    paid: "This order is paid.",
    on_its_way: "The direct debit is on its way.",
    failed: "The direct debit was returned.",
    expired: "The time to pay is over.",
    back: "Back to the shop",
    unknown: "There is no such payment.",
    footer: "The payment provider's sandbox in Kontor's local world",
};

impl Texts {
    /// The language that the browser likes better; English if it knows neither.
    pub(super) fn preferred(headers: &HeaderMap) -> &'static Texts {
        let accepted = headers
            .get(header::ACCEPT_LANGUAGE)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        if liking(accepted, "de") > liking(accepted, "en") {
            &GERMAN
        } else {
            &ENGLISH
        }
    }

    /// An amount in minor units, as this language writes it.
    pub(super) fn money(&self, minor: i64, currency: &str) -> String {
        let (group, point) = if self.language == "de" {
            ('.', ',')
        } else {
            (',', '.')
        };
        let whole = (minor / 100).to_string();
        let mut grouped = String::new();
        for (at, digit) in whole.chars().enumerate() {
            if at > 0 && (whole.len() - at).is_multiple_of(3) {
                grouped.push(group);
            }
            grouped.push(digit);
        }
        let cents = minor % 100;
        match (self.language, currency) {
            ("en", "eur") => format!("€{grouped}{point}{cents:02}"),
            (_, "eur") => format!("{grouped}{point}{cents:02}\u{a0}€"),
            _ => format!("{grouped}{point}{cents:02}\u{a0}{}", currency.to_uppercase()),
        }
    }
}

/// How much a language is liked, from 0 to 1000, by the `Accept-Language` header (RFC 9110, 12.5.4).
fn liking(accepted: &str, language: &str) -> u32 {
    let weights = accepted.split(',').filter_map(|range| {
        let (tag, weight) = range.split_once(';').unwrap_or((range, "q=1"));
        let primary = tag.trim().split('-').next().unwrap_or_default();
        let weight: f32 = weight.trim().strip_prefix("q=")?.parse().ok()?;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "clamped to 0..=1000"
        )]
        let weight = (weight.clamp(0.0, 1.0) * 1000.0) as u32;
        primary.eq_ignore_ascii_case(language).then_some(weight)
    });
    weights.max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_browsers_language_is_spoken_where_it_is_known() {
        let language = |accepted: &str| {
            let headers = HeaderMap::from_iter([(header::ACCEPT_LANGUAGE, accepted.parse().unwrap())]);
            Texts::preferred(&headers).language
        };
        assert_eq!(language("de-DE,de;q=0.9,en;q=0.8"), "de");
        assert_eq!(language("en-GB, de;q=0.5"), "en");
        assert_eq!(language("fr, de;q=0.3, en;q=0.2"), "de");
        assert_eq!(language("ja"), "en");
        assert_eq!(Texts::preferred(&HeaderMap::new()).language, "en");
    }

    #[test]
    fn money_is_written_as_the_language_does() {
        assert_eq!(GERMAN.money(123_456_789, "eur"), "1.234.567,89\u{a0}€");
        assert_eq!(ENGLISH.money(123_456, "eur"), "€1,234.56");
        assert_eq!(ENGLISH.money(5, "gbp"), "0.05\u{a0}GBP");
        assert_eq!(GERMAN.money(99_900, "eur"), "999,00\u{a0}€");
    }
}
