//! The `Idempotency-Key` header (draft-ietf-httpapi-idempotency-key-header-07).

use lambda_kit::Problem;

/// The fewest characters of a key. The draft recommends a UUID or the like (section 2.2) and lets a server demand it: a short key
/// could be guessed, and a stranger place an order under it first.
const MIN_KEY: usize = 16;
/// The most characters of a key.
const MAX_KEY: usize = 255;

/// Reads a key: a structured field's string (RFC 8941, section 3.3.3), or bare, as many clients send it. Both ways of writing
/// it are the same key.
pub(crate) fn idempotency_key(header: Option<&str>) -> Result<String, Problem> {
    let raw = header
        .map(str::trim)
        .filter(|raw| !raw.is_empty())
        .ok_or_else(|| {
            Problem::new(400, "idempotency_key_missing", "An Idempotency-Key is needed").detail(
                "Send a new key, such as a UUID, with each order, and the same one with each repetition.",
            )
        })?;
    let key = if raw.starts_with('"') {
        unquoted(raw)
    } else {
        bare(raw)
    };
    key.filter(|key| (MIN_KEY..=MAX_KEY).contains(&key.len())).ok_or_else(|| {
        Problem::new(400, "idempotency_key_invalid", "The Idempotency-Key is not valid").detail(format!(
            "A key has {MIN_KEY} to {MAX_KEY} printable ASCII characters, quoted as a structured field's string, or bare."
        ))
    })
}

fn bare(raw: &str) -> Option<String> {
    let fits = raw
        .bytes()
        .all(|b| matches!(b, b' '..=b'~') && b != b'"' && b != b'\\');
    fits.then(|| raw.to_owned())
}

fn unquoted(raw: &str) -> Option<String> {
    let mut rest = raw.strip_prefix('"')?.strip_suffix('"')?.chars();
    let mut key = String::new();
    while let Some(c) = rest.next() {
        match c {
            '\\' => key.push(rest.next().filter(|escaped| matches!(escaped, '"' | '\\'))?),
            ' '..='~' if c != '"' => key.push(c),
            _ => return None,
        }
    }
    Some(key)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(header: &str) -> Result<String, &'static str> {
        idempotency_key(Some(header)).map_err(|problem| problem.code())
    }

    #[test]
    fn a_key_is_the_same_quoted_or_bare() {
        let key = "8e03978e-40d5-43dd-bc93-6894a57f9324";
        assert_eq!(read(key).as_deref(), Ok(key));
        assert_eq!(read(&format!("\"{key}\"")).as_deref(), Ok(key));
        assert_eq!(
            read(r#" "quoted\"and\\escaped" "#).as_deref(),
            Ok(r#"quoted"and\escaped"#)
        );
    }

    #[test]
    fn a_key_has_16_to_255_characters() {
        for short in ["1", "order-0000001", &"k".repeat(15), r#""fifteen-\"-more""#] {
            assert_eq!(read(short), Err("idempotency_key_invalid"), "{short}");
        }
        let shortest = "k".repeat(16);
        assert_eq!(read(&shortest).as_deref(), Ok(shortest.as_str()));
        let longest = "k".repeat(255);
        assert_eq!(read(&longest).as_deref(), Ok(longest.as_str()));
        assert_eq!(read(&format!("\"{longest}\"")).as_deref(), Ok(longest.as_str()));
        assert_eq!(read(&"k".repeat(256)), Err("idempotency_key_invalid"));
        assert_eq!(read("\"\""), Err("idempotency_key_invalid"));
    }

    #[test]
    fn no_key_is_told_from_a_bad_one() {
        for none in [None, Some(""), Some("  ")] {
            assert_eq!(
                idempotency_key(none).map_err(|p| p.code()),
                Err("idempotency_key_missing")
            );
        }
        for bad in [
            "\"",
            "\"a",
            "a\"b",
            r"a\b",
            r#""a\x""#,
            "\"a\",\"b\"",
            "\"a\";p=1",
            "schlüssel",
            "a\tb",
            "\"\t\"",
        ] {
            assert_eq!(read(bad), Err("idempotency_key_invalid"), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn any_header_is_a_printable_key_or_a_400(header in ".*") {
            match idempotency_key(Some(&header)) {
                Ok(key) => prop_assert!(key.bytes().all(|b| matches!(b, b' '..=b'~')) && (MIN_KEY..=MAX_KEY).contains(&key.len())),
                Err(problem) => prop_assert_eq!(problem.status(), 400),
            }
        }

        #[test]
        fn what_is_quoted_by_the_rules_reads_back(key in "[ -~]{16,255}") {
            let quoted = key.replace('\\', r"\\").replace('"', "\\\"");
            prop_assert_eq!(read(&format!("\"{quoted}\"")), Ok(key));
        }
    }
}
