//! An order as the warehouse reads it: in full, as `docs/warehouse.schema.json` has it, and strictly.

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};
use sha2::{Digest, Sha256};

/// An order that can be picked.
#[derive(Debug, Clone)]
pub(super) struct Order {
    /// As received.
    pub(super) lines: Box<RawValue>,
    /// Of the content, whatever the order of its fields.
    pub(super) fingerprint: String,
    skus: Vec<String>,
}

/// The documented body. What is only checked to be there, and of its type, is not used.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "reading the fields checks them")]
struct Body {
    order_id: String,
    placed_at: String,
    customer: Customer,
    shipping_address: Address,
    lines: Vec<Line>,
    shipping: Amount,
    taxes: Vec<TaxShare>,
    total: Amount,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "reading the fields checks them")]
struct Customer {
    name: String,
    email: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "reading the fields checks them")]
struct Address {
    name: String,
    street: String,
    postal_code: String,
    city: String,
    country: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "reading the fields checks them")]
struct Line {
    sku: String,
    name: String,
    quantity: u32,
    unit_price: Amount,
    #[serde(rename = "line_total")]
    total: Amount,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "reading the fields checks them")]
struct TaxShare {
    rate: u8,
    net: Amount,
    tax: Amount,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "reading the fields checks them")]
struct Amount {
    amount: u64,
    currency: String,
}

impl Order {
    /// Reads an order put under `id`; the error says what is wrong with it.
    pub(super) fn parse(id: &str, body: &[u8]) -> Result<Order, String> {
        let content: Value = serde_json::from_slice(body).map_err(|error| format!("not JSON: {error}"))?;
        if !content.is_object() {
            return Err("an order is an object".into());
        }
        let read = Body::deserialize(&content).map_err(|error| error.to_string())?;
        if read.order_id != id {
            return Err("order_id differs from the order id in the path".into());
        }
        if read.lines.is_empty() {
            return Err("lines is empty".into());
        }
        for (at, line) in read.lines.iter().enumerate() {
            check_line(line).map_err(|reason| format!("lines[{at}]: {reason}"))?;
        }
        // `Value` keeps the fields of an object sorted, or in the order received: sort them to be sure.
        let fingerprint = data_encoding::HEXLOWER.encode(&Sha256::digest(sorted(&content).to_string()));
        Ok(Order {
            fingerprint,
            lines: to_raw_value(&content["lines"]).map_err(|error| format!("not JSON: {error}"))?,
            skus: read.lines.into_iter().map(|line| line.sku).collect(),
        })
    }

    /// The articles of the order.
    pub(super) fn skus(&self) -> impl Iterator<Item = &str> {
        self.skus.iter().map(String::as_str)
    }
}

fn check_line(line: &Line) -> Result<(), String> {
    if line.sku.trim().is_empty() {
        return Err("sku is empty".into());
    }
    if line.quantity == 0 {
        return Err("quantity 0 is no number of pieces".into());
    }
    Ok(())
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

/// The body of an order of some pieces of one article.
#[cfg(test)]
pub(super) fn a_body(id: &str, sku: &str, quantity: u32) -> Value {
    let amount = |minor: u32| serde_json::json!({ "amount": minor, "currency": "EUR" });
    serde_json::json!({
        "order_id": id,
        "placed_at": "2026-11-21T12:00:00Z",
        "customer": { "name": "Ada Lovelace", "email": "ada@example.org" },
        "shipping_address": {
            "name": "Ada Lovelace", "street": "Unter den Linden 1", "postal_code": "10117", "city": "Berlin", "country": "DE",
        },
        "lines": [{
            "sku": sku, "name": "Lantern", "quantity": quantity, "unit_price": amount(100), "line_total": amount(100 * quantity),
        }],
        "shipping": amount(490),
        "taxes": [{ "rate": 19, "net": amount(412), "tax": amount(78) }],
        "total": amount(100 * quantity + 490),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(change: impl FnOnce(&mut Value)) -> String {
        let mut body = a_body("X", "A", 1);
        change(&mut body);
        Order::parse("X", body.to_string().as_bytes()).unwrap_err()
    }

    #[test]
    fn an_order_that_cannot_be_picked_is_refused_with_the_reason() {
        assert_eq!(
            refusal(|body| *body = Value::Array(vec![])),
            "an order is an object"
        );
        let no_lines = refusal(|body| drop(body.as_object_mut().unwrap().remove("lines")));
        assert_eq!(no_lines, "missing field `lines`");
        assert_eq!(
            refusal(|body| body["lines"] = Value::Array(vec![])),
            "lines is empty"
        );
        assert_eq!(
            refusal(|body| body["lines"][0]["sku"] = " ".into()),
            "lines[0]: sku is empty"
        );
        let nothing = refusal(|body| body["lines"][0]["quantity"] = 0.into());
        assert_eq!(nothing, "lines[0]: quantity 0 is no number of pieces");
        let another = refusal(|body| body["order_id"] = "Y".into());
        assert_eq!(another, "order_id differs from the order id in the path");
        assert!(Order::parse("X", b"{").unwrap_err().starts_with("not JSON"));
    }

    #[test]
    fn the_fingerprint_is_of_the_content_not_of_its_spelling() {
        let fingerprint = |body: &str| Order::parse("X", body.as_bytes()).unwrap().fingerprint;
        let body = a_body("X", "A", 1);
        let Value::Object(fields) = &body else {
            unreachable!()
        };
        let backwards: Vec<_> = fields
            .iter()
            .rev()
            .map(|(name, value)| format!("{name:?} : {value:#}"))
            .collect();
        let one = fingerprint(&body.to_string());
        assert_eq!(one, fingerprint(&format!("{{{}}}", backwards.join(","))));
        assert_ne!(one, fingerprint(&a_body("X", "A", 2).to_string()));
    }
}
