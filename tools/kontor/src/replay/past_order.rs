//! An order of the past, as the file has it.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use anyhow::Context;
use domain::Country;
use serde::Deserialize;
use serde_json::{Value, json};

/// What was ordered, by whom, and where it went. Prices are left to the shop: they have changed since.
#[derive(Clone, Debug, Deserialize)]
pub struct PastOrder {
    /// The past shop's number.
    pub order: String,
    /// The past shop's number for the customer, where it had one.
    #[serde(default)]
    pub customer: Option<String>,
    /// ISO 3166-1 alpha-2.
    pub country: String,
    /// What.
    pub lines: Vec<PastLine>,
}

/// A line of a [`PastOrder`].
#[derive(Clone, Debug, Deserialize)]
pub struct PastLine {
    /// What.
    pub sku: String,
    /// How many pieces.
    pub quantity: u32,
}

impl PastOrder {
    /// What the shop is asked first: what all this costs.
    pub fn quote(&self) -> Value {
        json!({"items": self.items(), "ship_to": self.country})
    }

    /// The order itself, at the total that the shop has quoted.
    pub fn checkout(&self, expected_total: &Value) -> Value {
        let customer = self.customer.as_deref().unwrap_or("guest");
        let name = format!("Customer {customer}");
        let country = Country::parse(&self.country).ok();
        let postal_code = country.and_then(Country::example_postal_code);
        json!({
            "items": self.items(),
            "customer": {"name": name, "email": format!("customer-{customer}@example.org")},
            "shipping_address": {
                "name": name, "street": "High Street 1", "postal_code": postal_code, "city": "Capital", "country": self.country,
            },
            "expected_total": expected_total,
        })
    }

    fn items(&self) -> Vec<Value> {
        let item = |line: &PastLine| json!({"sku": line.sku, "quantity": line.quantity});
        self.lines.iter().map(item).collect()
    }
}

/// Reads a file of orders, one JSON object a line, as they are asked for: no more than one is held at a time.
pub fn read(path: &Path) -> anyhow::Result<impl Iterator<Item = anyhow::Result<PastOrder>>> {
    let path = path.to_owned();
    let file = File::open(&path).with_context(|| format!("cannot read the orders in {}", path.display()))?;
    let parse = move |(number, line): (usize, std::io::Result<String>)| {
        let place = || format!("{}, line {number}", path.display());
        match line.with_context(place) {
            Ok(line) if line.trim().is_empty() => None,
            Ok(line) => {
                Some(serde_json::from_str(&line).with_context(|| format!("{}: not an order", place())))
            }
            Err(error) => Some(Err(error)),
        }
    };
    Ok((1..).zip(BufReader::new(file).lines()).filter_map(parse))
}

/// Counts a file's orders; a bad line is found here, before the first order is placed.
pub(super) fn count(path: &Path) -> anyhow::Result<usize> {
    let count = read(path)?.try_fold(0, |count, order| order.map(|_| count + 1))?;
    anyhow::ensure!(count > 0, "{} holds no orders", path.display());
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_line_is_named() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("orders.jsonl");
        std::fs::write(
            &path,
            "{\"order\":\"1\",\"country\":\"DE\",\"lines\":[]}\n\n{\"order\":2}\n",
        )
        .expect("written");
        let error = count(&path).expect_err("a bad line").to_string();
        assert!(error.ends_with("orders.jsonl, line 3: not an order"), "{error}");
        std::fs::write(&path, "\n").expect("written");
        assert!(
            count(&path)
                .expect_err("nothing")
                .to_string()
                .contains("holds no orders")
        );
        assert!(count(Path::new("nowhere")).is_err());
    }
}
