//! What a person typed: normalised, bounded, and free of anything that could mislead a reader.

use unicode_normalization::UnicodeNormalization;

/// Why a text was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// Nothing but white space.
    #[error("must not be empty")]
    Missing,
    /// More characters than the field takes.
    #[error("must not be longer than {max} characters")]
    TooLong {
        /// The most characters that the field takes.
        max: usize,
    },
    /// A control, bidirectional-override or invisible character.
    #[error("must not contain control or invisible characters")]
    Forbidden,
    /// A payment card's number; it belongs on the payment page alone (PCI DSS, requirement 3).
    #[error("must not contain a card number: it is asked for on the payment page only")]
    CardNumber,
    /// Not of the field's form.
    #[error("is not of the expected form")]
    Malformed,
}

/// `raw` trimmed and in Unicode normalisation form C (UAX #15), of 1 to `max` characters.
pub(crate) fn parse_text(raw: &str, max: usize) -> Result<String, TextError> {
    // Four bytes a character, and room for what normalisation composes: longer need not be looked at.
    if raw.len() > max.saturating_mul(16) {
        return Err(TextError::TooLong { max });
    }
    let text: String = raw.trim().nfc().collect();
    if text.is_empty() {
        return Err(TextError::Missing);
    }
    if text.chars().count() > max {
        return Err(TextError::TooLong { max });
    }
    if text.chars().any(is_forbidden) {
        return Err(TextError::Forbidden);
    }
    if holds_card_number(&text) {
        return Err(TextError::CardNumber);
    }
    Ok(text)
}

/// Characters that are not seen, or change how others are seen: C0 and C1 controls, line separators, bidirectional
/// controls (UAX #9), zero-width and other default-ignorable ones, private use and non-characters.
fn is_forbidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{00AD}' | '\u{034F}' | '\u{061C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}'
            | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}'
            | '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF0}'..='\u{FFFF}'
            | '\u{E000}'..='\u{F8FF}' | '\u{E0000}'..='\u{E0FFF}' | '\u{F0000}'..='\u{10FFFF}')
}

/// Whether 13 to 19 digits in a row, or in groups joined by single spaces, dots or hyphens, pass the Luhn check
/// (ISO/IEC 7812-1), as a card's number does.
fn holds_card_number(text: &str) -> bool {
    let mut digits: Vec<u32> = Vec::new();
    let mut separated = false;
    for c in text.chars().chain(std::iter::once('x')) {
        if let Some(digit) = c.to_digit(10) {
            digits.push(digit);
            separated = false;
        } else if matches!(c, ' ' | '-' | '.') && !separated && !digits.is_empty() {
            separated = true;
        } else {
            if (13..=19).contains(&digits.len()) && passes_luhn(&digits) {
                return true;
            }
            digits.clear();
            separated = false;
        }
    }
    false
}

fn passes_luhn(digits: &[u32]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| match (place % 2, digit * 2) {
            (0, _) => *digit,
            (_, doubled) if doubled > 9 => doubled - 9,
            (_, doubled) => doubled,
        })
        .sum();
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_trimmed_and_composed() {
        assert_eq!(parse_text("  Mu\u{0308}ller ", 10).as_deref(), Ok("Müller"));
    }

    #[test]
    fn length_counts_characters_not_bytes() {
        assert!(parse_text(&"ü".repeat(10), 10).is_ok());
        assert_eq!(
            parse_text(&"ü".repeat(11), 10),
            Err(TextError::TooLong { max: 10 })
        );
        assert_eq!(
            parse_text(&"x".repeat(1_000_000), 10),
            Err(TextError::TooLong { max: 10 })
        );
    }

    #[test]
    fn white_space_alone_is_nothing() {
        assert_eq!(parse_text(" \u{2003} ", 10), Err(TextError::Missing));
    }

    #[test]
    fn controls_bidi_and_invisible_characters_are_refused() {
        for bad in [
            "a\nb",
            "a\u{0}b",
            "a\u{202E}b",
            "a\u{200B}b",
            "a\u{FEFF}b",
            "a\u{2066}b",
            "a\u{85}b",
            "a\u{E0041}b",
        ] {
            assert_eq!(parse_text(bad, 10), Err(TextError::Forbidden), "{bad:?}");
        }
    }

    #[test]
    fn a_card_number_is_refused_however_it_is_grouped() {
        for card in [
            "4242424242424242",
            "card 4242 4242 4242 4242",
            "4242-4242-4242-4242 x",
            "378282246310005",
            "4242.4242.4242.4242",
        ] {
            assert_eq!(parse_text(card, 50), Err(TextError::CardNumber), "{card}");
        }
    }

    #[test]
    fn other_long_numbers_pass() {
        for number in [
            "4242424242424241",
            "DHL 00340434161094000000",
            "Hausnummer 12",
            "+49 170 1234567",
        ] {
            assert!(parse_text(number, 50).is_ok(), "{number}");
        }
    }
}
