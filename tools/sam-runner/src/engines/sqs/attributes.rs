//! Message attributes, and the MD5 sums that every SDK checks.

use std::collections::BTreeMap;

use data_encoding::{BASE64, HEXLOWER};
use md5::{Digest, Md5};
use serde::{Deserialize, Serialize};

/// A message attribute as it is on the wire.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct MessageAttribute {
    /// `String`, `Number` or `Binary`, with an optional label after a dot.
    pub(super) data_type: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) string_value: Option<String>,
    /// Base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) binary_value: Option<String>,
}

impl MessageAttribute {
    /// Says what is wrong with the attribute, if anything is.
    pub(super) fn check(&self, name: &str) -> Result<(), String> {
        if !is_name(name) {
            return Err(format!(
                "The message attribute name '{name}' is invalid. Attribute name can contain A-Z, a-z, 0-9, underscore \
                 (_), hyphen (-), and period (.) characters."
            ));
        }
        let kind = self.data_type.split('.').next().unwrap_or_default();
        let has_its_value = match kind {
            "String" | "Number" => self.string_value.as_ref().is_some_and(|value| !value.is_empty()),
            "Binary" => self.binary().is_some_and(|value| !value.is_empty()),
            _ => {
                return Err(format!(
                    "The message attribute '{name}' has an invalid message attribute type, the set of supported type \
                     prefixes is Binary, Number, and String."
                ));
            }
        };
        let is_number = kind != "Number"
            || self
                .string_value
                .as_ref()
                .is_some_and(|n| n.parse::<f64>().is_ok());
        match (has_its_value, is_number) {
            (true, true) => Ok(()),
            (true, false) => Err(format!(
                "Can't cast the value of message (user) attribute '{name}' to a number."
            )),
            (false, _) => Err(format!(
                "The message attribute '{name}' must contain a non-empty value of its message attribute type."
            )),
        }
    }

    /// Bytes that count towards a message's size.
    pub(super) fn size(&self, name: &str) -> usize {
        let value = self
            .string_value
            .as_ref()
            .map_or_else(|| self.binary().map_or(0, |b| b.len()), String::len);
        name.len() + self.data_type.len() + value
    }

    fn binary(&self) -> Option<Vec<u8>> {
        BASE64.decode(self.binary_value.as_ref()?.as_bytes()).ok()
    }
}

/// Whether an attribute may be called so: 1 to 256 letters, digits, `_`, `-` and single periods between them.
fn is_name(name: &str) -> bool {
    let is_allowed = |character: char| character.is_ascii_alphanumeric() || matches!(character, '_' | '-');
    name.len() <= 256
        && name
            .split('.')
            .all(|part| !part.is_empty() && part.chars().all(is_allowed))
}

/// The MD5 of a body, in hex.
pub(super) fn md5_of_body(body: &str) -> String {
    HEXLOWER.encode(&Md5::digest(body))
}

/// The MD5 of attributes, in hex, as the SQS developer guide defines it: in the order of their names, each as
/// length-prefixed name and type, a byte for the kind of value, and the length-prefixed value. `None` without attributes.
pub(super) fn md5_of_attributes(attributes: &BTreeMap<String, MessageAttribute>) -> Option<String> {
    if attributes.is_empty() {
        return None;
    }
    let mut digest = Md5::new();
    for (name, attribute) in attributes {
        update_with_length(&mut digest, name.as_bytes());
        update_with_length(&mut digest, attribute.data_type.as_bytes());
        if let Some(value) = &attribute.string_value {
            digest.update([1]);
            update_with_length(&mut digest, value.as_bytes());
        } else {
            digest.update([2]);
            update_with_length(&mut digest, &attribute.binary().unwrap_or_default());
        }
    }
    Some(HEXLOWER.encode(&digest.finalize()))
}

fn update_with_length(digest: &mut Md5, bytes: &[u8]) {
    digest.update(u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
    digest.update(bytes);
}

/// Whether a receive that asks for `wanted` (names, `All`, `.*`, or prefixes like `bar.*`) gets the attribute.
pub(super) fn is_wanted(name: &str, wanted: &[String]) -> bool {
    wanted.iter().any(|pattern| match pattern.strip_suffix(".*") {
        Some(prefix) => name.starts_with(prefix),
        None => pattern == "All" || pattern == name,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(data_type: &str, value: &str) -> MessageAttribute {
        let (string_value, binary_value) = (Some(value.to_owned()), None);
        MessageAttribute {
            data_type: data_type.into(),
            string_value,
            binary_value,
        }
    }

    #[test]
    fn a_bodys_md5_is_the_plain_one() {
        assert_eq!(md5_of_body("hello"), "5d41402abc4b2a76b9719d911017c592");
    }

    /// The expected sums come from an independent implementation of the guide's text (Python's hashlib).
    #[test]
    fn attributes_are_summed_in_the_order_of_their_names() {
        let binary = MessageAttribute {
            data_type: "Binary".into(),
            string_value: None,
            binary_value: Some(BASE64.encode(&[1, 2, 3])),
        };
        let attributes = BTreeMap::from([
            ("zeta".into(), text("Number", "42")),
            ("alpha".into(), text("String", "ä")),
            ("m".into(), binary),
        ]);
        assert_eq!(
            md5_of_attributes(&attributes).unwrap(),
            "b9d91f2856f7ef703b4299e32f1b506a"
        );
        assert_eq!(md5_of_attributes(&BTreeMap::new()), None);
    }

    #[test]
    fn attributes_are_asked_for_by_name_by_prefix_or_all() {
        let wanted = |patterns: &[&str]| {
            is_wanted(
                "shop.order",
                &patterns.iter().map(|&p| p.to_owned()).collect::<Vec<_>>(),
            )
        };
        assert!(wanted(&["All"]) && wanted(&[".*"]) && wanted(&["shop.*"]) && wanted(&["shop.order"]));
        assert!(!wanted(&[]) && !wanted(&["order"]) && !wanted(&["cart.*"]));
    }

    #[test]
    fn an_attribute_without_a_value_of_its_type_is_refused() {
        assert!(text("String", "x").check("a").is_ok() && text("Number.int", "4").check("a").is_ok());
        for wrong in [
            text("String", ""),
            text("Number", "four"),
            text("Binary", "x"),
            text("List", "x"),
        ] {
            assert!(wrong.check("a").is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn an_attributes_name_has_letters_digits_and_lone_periods() {
        assert!(["shop.order", "A_b-9", &"n".repeat(256)].into_iter().all(is_name));
        assert!(
            !["", ".a", "a.", "a..b", "a b", "ö", &"n".repeat(257)]
                .into_iter()
                .any(is_name)
        );
    }
}
