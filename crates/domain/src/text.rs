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

/// Whether 13 to 19 digits pass the Luhn check (ISO/IEC 7812-1), as a card's number does: in one piece, or in whole groups with
/// nothing but white space, dots and dashes between them. Digits before or behind, such as a house number, do not hide it.
fn holds_card_number(text: &str) -> bool {
    // Compatibility forms are read as what they look like: full-width digits, no-break spaces.
    let plain: String = text.nfkc().collect();
    let joins = |c: char| c.is_whitespace() || matches!(c, '.' | '-' | '\u{2010}'..='\u{2015}' | '\u{2212}');
    plain
        .split(|c: char| !c.is_ascii_digit() && !joins(c))
        .any(|run| {
            let groups: Vec<&str> = run.split(joins).filter(|group| !group.is_empty()).collect();
            (0..groups.len()).any(|first| {
                let mut digits = String::new();
                groups[first..].iter().any(|group| {
                    digits.push_str(group);
                    (13..=19).contains(&digits.len()) && passes_luhn(&digits)
                })
            })
        })
}

fn passes_luhn(digits: &str) -> bool {
    let values = digits.bytes().rev().map(|digit| u32::from(digit - b'0'));
    let sum: u32 = values
        .enumerate()
        .map(|(place, value)| {
            if place % 2 == 0 {
                value
            } else {
                value * 2 / 10 + value * 2 % 10
            }
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
    fn what_is_far_too_long_is_not_even_looked_at() {
        let padded = |bytes: usize| " ".repeat(bytes - 1) + "x";
        assert_eq!(parse_text(&padded(160), 10).as_deref(), Ok("x"));
        assert_eq!(parse_text(&padded(161), 10), Err(TextError::TooLong { max: 10 }));
        assert_eq!(
            parse_text(&padded(1_000), 10),
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
            "4242  4242 - 4242 \u{2013} 4242",
            "Weg 17 4242 4242 4242 4242",
            "4242 4242 4242 4242 7 b",
            "\u{ff14}242 4242\u{a0}4242 4242",
            "4222222222222",
            "6304000000000000000",
        ] {
            assert_eq!(parse_text(card, 50), Err(TextError::CardNumber), "{card}");
        }
    }

    #[test]
    fn other_long_numbers_pass() {
        for number in [
            "4242424242424241",
            "DHL 00340434161094000000",
            "424242424242",
            "Nr. 4242 4242 4242 4241 12",
            "Hausnummer 12",
            "+49 170 1234567",
        ] {
            assert!(parse_text(number, 50).is_ok(), "{number}");
        }
    }
}
