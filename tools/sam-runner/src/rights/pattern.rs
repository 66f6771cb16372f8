/// Whether `text` is what `pattern` means: `*` is any text, `?` any one character.
pub(super) fn fits(pattern: &str, text: &str, ignore_case: bool) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let same = |a: u8, b: u8| a == b || a == b'?' || (ignore_case && a.eq_ignore_ascii_case(&b));
    let (mut at, mut here) = (0, 0);
    // Where the last `*` is, and how much of the text it has taken: it takes more where the rest does not fit.
    let mut star: Option<(usize, usize)> = None;
    while here < text.len() {
        if pattern.get(at) == Some(&b'*') {
            star = Some((at, here));
            at += 1;
        } else if pattern.get(at).is_some_and(|own| same(*own, text[here])) {
            at += 1;
            here += 1;
        } else if let Some((place, taken)) = star {
            star = Some((place, taken + 1));
            at = place + 1;
            here = taken + 1;
        } else {
            return false;
        }
    }
    pattern[at..].iter().all(|rest| *rest == b'*')
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
