use wildmatch::WildMatch;

/// Whether `text` is what `pattern` means: `*` is any text, `?` any one character.
pub(super) fn fits(pattern: &str, text: &str, ignore_case: bool) -> bool {
    let pattern = if ignore_case {
        WildMatch::new_case_insensitive(pattern)
    } else {
        WildMatch::new(pattern)
    };
    pattern.matches(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_stand_for_any_text_and_any_character() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("*", "x", true),
            ("", "x", false),
            ("a*c", "abbc", true),
            ("a*c", "abcd", false),
            ("a*b*c", "aXbYbZc", true),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("abc", "abc", true),
            ("abc", "ABC", false),
            ("abc*", "abc", true),
        ] {
            assert_eq!(fits(pattern, text, false), expected, "{pattern} {text}");
        }
        assert!(fits("sqs:send*", "sqs:SendMessage", true));
    }
}
