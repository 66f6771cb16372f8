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

/// What a shopper typed: as [`parse_text`] has it, and without a payment card's number.
pub(crate) fn parse_typed(raw: &str, max: usize) -> Result<String, TextError> {
    let text = parse_text(raw, max)?;
    if holds_card_number(&text) {
        return Err(TextError::CardNumber);
    }
    Ok(text)
}

/// `raw` in Unicode normalisation form C (UAX #15), of 1 to `max` characters: without marks that only guide the layout, trimmed, and
/// each run of blanks as one space.
pub(crate) fn parse_text(raw: &str, max: usize) -> Result<String, TextError> {
    // Four bytes a character, and room for what normalisation composes: longer need not be looked at.
    if raw.len() > max.saturating_mul(16) {
        return Err(TextError::TooLong { max });
    }
    let text = cleaned(raw)?;
    if text.is_empty() {
        return Err(TextError::Missing);
    }
    if text.chars().count() > max {
        return Err(TextError::TooLong { max });
    }
    Ok(text)
}

fn cleaned(raw: &str) -> Result<String, TextError> {
    let marked = |c: char| is_layout_mark(c) || c.is_whitespace();
    let raw = raw.trim_matches(marked);
    let seen: Vec<char> = raw.chars().filter(|c| !is_layout_mark(*c)).nfc().collect();
    let mut text = String::with_capacity(raw.len());
    for (at, &c) in seen.iter().enumerate() {
        if c == '\t' || (c.is_whitespace() && !is_forbidden(c)) {
            if !text.is_empty() && !text.ends_with(' ') {
                text.push(' ');
            }
        } else if is_joiner(c) {
            // What comes before it may itself have been left out.
            let before = text.chars().next_back().is_some_and(is_shaped);
            if before && seen.get(at + 1).copied().is_some_and(is_shaped) {
                text.push(c);
            }
        } else if is_variation_selector(c) {
            if !text.is_empty() && !text.ends_with(' ') {
                text.push(c);
            }
        } else if is_forbidden(c) {
            return Err(TextError::Forbidden);
        } else {
            text.push(c);
        }
    }
    Ok(text.trim_end().nfc().collect())
}

/// Invisible, and without a meaning in one line of text: soft hyphen, zero-width space, word joiner, byte order mark, and marks of
/// direction (UAX #9). They come along when text is pasted. The overrides U+202E and its like reorder what is seen, and are refused.
fn is_layout_mark(c: char) -> bool {
    matches!(c,
        '\u{AD}' | '\u{61C}' | '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202D}' | '\u{2060}'
        | '\u{2066}'..='\u{2069}' | '\u{FEFF}')
}

/// Zero-width joiner and non-joiner: they spell words in Persian and in scripts of India, and join emoji.
fn is_joiner(c: char) -> bool {
    matches!(c, '\u{200C}' | '\u{200D}')
}

/// Whether a joiner changes the look of the character: Arabic, Indic and other scripts from U+0600 on, and emoji. Beside Latin letters
/// it would only tell two equal names apart.
fn is_shaped(c: char) -> bool {
    matches!(c,
        '\u{600}'..='\u{1CFF}' | '\u{2190}'..='\u{2BFF}' | '\u{A800}'..='\u{AAFF}' | '\u{FB50}'..='\u{FDFF}' | '\u{FE0F}'
        | '\u{FE70}'..='\u{FEFC}' | '\u{1F000}'..='\u{1FAFF}')
}

/// Chooses the form of the character before: emoji (U+FE0F), and kanji of Japanese names (UTS #37).
fn is_variation_selector(c: char) -> bool {
    matches!(c, '\u{FE00}'..='\u{FE0F}' | '\u{E0100}'..='\u{E01EF}')
}

/// Characters that could end a log's line, are not seen, or change how others are seen: C0 and C1 controls, line separators,
/// overrides of direction, fillers, tags and other default-ignorable ones, private use and non-characters.
fn is_forbidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{034F}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}' | '\u{180B}'..='\u{180F}' | '\u{2028}'
            | '\u{2029}' | '\u{202E}' | '\u{2061}'..='\u{2065}' | '\u{206A}'..='\u{206F}' | '\u{3164}' | '\u{FFA0}'
            | '\u{FFF0}'..='\u{FFFF}' | '\u{E000}'..='\u{F8FF}' | '\u{E0000}'..='\u{E0FFF}' | '\u{F0000}'..='\u{10FFFF}')
}

/// Whether a payment card's number is in the text: in one piece, or in whole groups with nothing but white space, dots and dashes
/// between them. Digits before or behind, such as a house number, do not hide it.
fn holds_card_number(text: &str) -> bool {
    // Compatibility forms are read as what they look like: full-width digits, no-break spaces.
    let is_seen = |c: &char| !is_joiner(*c) && !is_variation_selector(*c);
    let plain: String = text.nfkc().filter(is_seen).collect();
    let joins = |c: char| c.is_whitespace() || matches!(c, '.' | '-' | '\u{2010}'..='\u{2015}' | '\u{2212}');
    plain
        .split(|c: char| !c.is_ascii_digit() && !joins(c))
        .any(|run| {
            let groups: Vec<&str> = run.split(joins).filter(|group| !group.is_empty()).collect();
            (0..groups.len()).any(|first| {
                let mut digits = String::new();
                groups[first..].iter().enumerate().any(|(more, group)| {
                    digits.push_str(group);
                    // 13 digits in groups are a parcel locker's number and a customer's rather than an old Visa card.
                    (more == 0 || digits.len() > 13) && is_card_number(&digits)
                })
            })
        })
}

/// Whether the digits have a card network's prefix, that network's length, and a right check digit (ISO/IEC 7812-1).
fn is_card_number(digits: &str) -> bool {
    if !(13..=19).contains(&digits.len()) {
        return false;
    }
    let prefix: u32 = digits[..4].parse().unwrap_or_default();
    let lengths: &[usize] = match prefix {
        // Visa
        4000..=4999 => &[13, 16, 19],
        // Mastercard
        2221..=2720 | 5100..=5599 => &[16],
        // American Express
        3400..=3499 | 3700..=3799 => &[15],
        // Diners Club
        3000..=3059 | 3095 | 3600..=3699 | 3800..=3999 => &[14, 16, 17, 18, 19],
        // Mir, JCB, Discover, UnionPay
        2200..=2204 | 3528..=3589 | 6011 | 6200..=6299 | 6440..=6599 | 8100..=8171 => &[16, 17, 18, 19],
        // Maestro
        5018 | 5020 | 5038 | 5893 | 6304 | 6759 | 6761..=6763 => &[13, 14, 15, 16, 17, 18, 19],
        _ => &[],
    };
    lengths.contains(&digits.len()) && passes_luhn(digits)
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
    use proptest::prelude::*;

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
    fn marks_of_layout_are_dropped_and_blanks_folded() {
        for (pasted, kept) in [
            ("\u{202A}Ada Lovelace\u{202C}", "Ada Lovelace"),
            ("Ada\u{AD} Love\u{AD}lace\u{AD}", "Ada Lovelace"),
            ("Ada\tLovelace", "Ada Lovelace"),
            ("Ada\u{A0}\u{A0} \t Lovelace\u{3000}", "Ada Lovelace"),
            (
                "\u{FEFF}Ada\u{200B} \u{200F} Lovelace \u{200E}\r\n",
                "Ada Lovelace",
            ),
            ("\u{2068}Ada\u{2069}\u{2060} \u{61C}Lovelace", "Ada Lovelace"),
            ("\u{202D}Weg 1\u{202C}", "Weg 1"),
        ] {
            assert_eq!(parse_text(pasted, 30).as_deref(), Ok(kept), "{pasted:?}");
        }
        for nothing in [
            "\u{AD}",
            "\u{200E} \u{202C}",
            "\t",
            "\u{FE0F}",
            "\u{FE0F}\u{200D}\u{FE0F}",
            "\u{200C}\t",
        ] {
            assert_eq!(parse_text(nothing, 30), Err(TextError::Missing), "{nothing:?}");
        }
    }

    #[test]
    fn joiners_are_kept_where_they_spell_a_word() {
        for spelled in [
            "علی\u{200C}رضا",
            "क्\u{200D}ष",
            "Herz ❤\u{FE0F}",
            "❤\u{FE0F}\u{200D}🔥",
            "葛\u{E0100}城",
        ] {
            assert_eq!(parse_text(spelled, 30).as_deref(), Ok(spelled), "{spelled:?}");
        }
        for idle in [
            "A\u{200C}da",
            "\u{200D}Ada",
            "Ada\u{200C}",
            "Ada\u{200D}\u{200C}",
            "\u{FE0F}Ada",
        ] {
            assert_eq!(parse_text(idle, 30).as_deref(), Ok("Ada"), "{idle:?}");
        }
        assert_eq!(
            parse_text("علی\u{200C} \u{200C}رضا", 30).as_deref(),
            Ok("علی رضا")
        );
    }

    #[test]
    fn what_forges_a_line_or_hides_text_is_refused() {
        for bad in [
            "a\nb",
            "a\rb",
            "a\u{0}b",
            "a\u{1B}b",
            "a\u{B}b",
            "a\u{2028}b",
            "a\u{2029}b",
            "a\u{202E}b",
            "a\u{85}b",
            "a\u{E0041}b",
            "a\u{3164}b",
            "a\u{206A}b",
        ] {
            assert_eq!(parse_text(bad, 10), Err(TextError::Forbidden), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn what_was_cleaned_stays_as_it_is(raw in "[ -~\t\u{a0}\u{ad}\u{300}-\u{304}\u{600}-\u{6ff}\u{2000}-\u{2070}\u{fe00}-\u{feff}🔥❤]{0,12}") {
            if let Ok(text) = parse_text(&raw, 100) {
                prop_assert_eq!(parse_text(&text, 100), Ok(text));
            }
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
            "42424242\u{FE0F}42424242",
            "6304000000000000000",
            "42424242 42424242",
            "5555 5555 5555 4444",
            "2223003122003222",
            "6011 1111 1111 1117",
            "3056 930902 5904",
            "3566 0020 2036 0505",
            "6200 0000 0000 0005",
        ] {
            assert_eq!(parse_typed(card, 50), Err(TextError::CardNumber), "{card}");
        }
    }

    #[test]
    fn a_number_without_a_networks_prefix_and_length_is_no_card() {
        for number in [
            "1458543100001",
            "9780306406157006",
            "41111111111114",
            "3400000000000018",
            "411111111111111118",
            "550000000000004",
        ] {
            assert!(passes_luhn(number), "{number}");
            assert!(parse_typed(number, 50).is_ok(), "{number}");
        }
    }

    #[test]
    fn no_packstation_of_any_customer_is_a_card() {
        for locker in 101..=999_u32 {
            for customer in (0..200_u32).map(|n| 8_543_100_001 + u64::from(n) * 7_919) {
                let street = format!("Packstation {locker} {customer}");
                assert!(parse_typed(&street, 120).is_ok(), "{street}");
            }
        }
    }

    #[test]
    fn a_merchants_text_may_hold_any_number() {
        assert_eq!(
            parse_text("Puzzle 4242424242424242", 50).as_deref(),
            Ok("Puzzle 4242424242424242")
        );
    }

    #[test]
    fn other_long_numbers_pass() {
        for number in [
            "4242424242424241",
            "Packstation 145 8543100001",
            "Packstation 412 8543100001",
            "DHL 00340434161094000000",
            "424242424242",
            "Nr. 4242 4242 4242 4241 12",
            "Hausnummer 12",
            "+49 170 1234567",
        ] {
            assert!(parse_typed(number, 50).is_ok(), "{number}");
        }
    }
}
