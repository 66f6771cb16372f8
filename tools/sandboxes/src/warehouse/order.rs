//! An order as the warehouse reads it: it uses the articles, and keeps the rest to detect other content under the same id.

use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};
use sha2::{Digest, Sha256};

/// An order that can be picked.
#[derive(Debug, Clone)]
pub(super) struct Order {
    /// As received: objects with `sku` and `quantity` at least.
    pub(super) lines: Box<RawValue>,
    /// Of the content, whatever the order of its fields.
    pub(super) fingerprint: String,
    skus: Vec<String>,
}

impl Order {
    /// Reads an order put under `id`; the error says what is wrong with it.
    pub(super) fn parse(id: &str, body: &[u8]) -> Result<Order, String> {
        let content: Value = serde_json::from_slice(body).map_err(|error| format!("not JSON: {error}"))?;
        let Some(fields) = content.as_object() else {
            return Err("an order is an object".into());
        };
        for name in ["order_id", "id"] {
            if fields.get(name).is_some_and(|inside| inside != id) {
                return Err(format!("{name} differs from the order id in the path"));
            }
        }
        let lines = match fields.get("lines") {
            Some(Value::Array(lines)) if !lines.is_empty() => lines,
            Some(Value::Array(_)) => return Err("lines is empty".into()),
            _ => return Err("lines is missing".into()),
        };
        for (at, line) in lines.iter().enumerate() {
            check_line(line).map_err(|reason| format!("lines[{at}]: {reason}"))?;
        }
        // `Value` keeps the fields of an object sorted, or in the order received: sort them to be sure.
        let fingerprint = data_encoding::HEXLOWER.encode(&Sha256::digest(sorted(&content).to_string()));
        let sku = |line: &Value| line["sku"].as_str().map(str::to_owned);
        Ok(Order {
            fingerprint,
            skus: lines.iter().filter_map(sku).collect(),
            lines: to_raw_value(lines).map_err(|error| format!("not JSON: {error}"))?,
        })
    }

    /// The articles of the order.
    pub(super) fn skus(&self) -> impl Iterator<Item = &str> {
        self.skus.iter().map(String::as_str)
    }
}

fn check_line(line: &Value) -> Result<(), String> {
    match line["sku"].as_str() {
        None => return Err("sku is missing".into()),
        Some(sku) if sku.trim().is_empty() => return Err("sku is empty".into()),
        Some(_) => {}
    }
    match &line["quantity"] {
        Value::Null => Err("quantity is missing".into()),
        quantity if quantity.as_u64().is_some_and(|pieces| pieces > 0) => Ok(()),
        quantity => Err(format!("quantity {quantity} is no number of pieces")),
    }
}

fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let mut names: Vec<&String> = fields.keys().collect();
            names.sort();
            Value::Array(
                names
                    .into_iter()
                    .flat_map(|name| [name.as_str().into(), sorted(&fields[name])])
                    .collect(),
            )
        }
        Value::Array(values) => values.iter().map(sorted).collect(),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_that_cannot_be_picked_is_refused_with_the_reason() {
        let cases = [
            ("[]", "an order is an object"),
            ("{}", "lines is missing"),
            (r#"{"lines":[]}"#, "lines is empty"),
            (r#"{"lines":[{"quantity":1}]}"#, "lines[0]: sku is missing"),
            (
                r#"{"lines":[{"sku":"A","quantity":1},{"sku":"B","quantity":0}]}"#,
                "lines[1]: quantity 0 is no number of pieces",
            ),
            (
                r#"{"lines":[{"sku":"A","quantity":"1"}]}"#,
                "lines[0]: quantity \"1\" is no number of pieces",
            ),
            (
                r#"{"order_id":"Y","lines":[{"sku":"A","quantity":1}]}"#,
                "order_id differs from the order id in the path",
            ),
        ];
        for (body, reason) in cases {
            assert_eq!(Order::parse("X", body.as_bytes()).unwrap_err(), reason, "{body}");
        }
        assert!(Order::parse("X", b"{").unwrap_err().starts_with("not JSON"));
    }

    #[test]
    fn the_fingerprint_is_of_the_content_not_of_its_spelling() {
        let fingerprint = |body: &str| Order::parse("X", body.as_bytes()).unwrap().fingerprint;
        let one = fingerprint(r#"{"lines":[{"sku":"A","quantity":1}],"name":"Q"}"#);
        assert_eq!(
            one,
            fingerprint(r#"{ "name": "Q", "lines": [{"quantity":1,"sku":"A"}] }"#)
        );
        assert_ne!(
            one,
            fingerprint(r#"{"lines":[{"sku":"A","quantity":2}],"name":"Q"}"#)
        );
    }
}
