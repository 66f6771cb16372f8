//! An order of the past, as the file has it.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use anyhow::Context;
use serde::Deserialize;

/// What was ordered, by whom, and where it went. Prices are left to the shop: they have changed since.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct PastOrder {
    /// The past shop's number.
    pub(super) order: String,
    /// The past shop's number for the customer, where it had one.
    #[serde(default)]
    pub(super) customer: Option<String>,
    /// ISO 3166-1 alpha-2.
    pub(super) country: String,
    /// What.
    pub(super) lines: Vec<PastLine>,
}

/// A line of a [`PastOrder`].
#[derive(Clone, Debug, Deserialize)]
pub(super) struct PastLine {
    /// What.
    pub(super) sku: String,
    /// How many pieces.
    pub(super) quantity: u32,
}

/// Reads a file of orders, one JSON object a line.
pub(super) fn read(path: &Path) -> anyhow::Result<Vec<PastOrder>> {
    let file = File::open(path).with_context(|| format!("cannot read the orders in {}", path.display()))?;
    let mut orders = Vec::new();
    for (number, line) in (1..).zip(BufReader::new(file).lines()) {
        let place = || format!("{}, line {number}", path.display());
        let line = line.with_context(place)?;
        if !line.trim().is_empty() {
            orders.push(serde_json::from_str(&line).with_context(|| format!("{}: not an order", place()))?);
        }
    }
    anyhow::ensure!(!orders.is_empty(), "{} holds no orders", path.display());
    Ok(orders)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_line_is_named() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("orders.jsonl");
        std::fs::write(&path, "{\"order\":\"1\",\"country\":\"DE\",\"lines\":[]}\n\n{\"order\":2}\n").expect("written");
        let error = read(&path).expect_err("a bad line").to_string();
        assert!(error.ends_with("orders.jsonl, line 3: not an order"), "{error}");
        std::fs::write(&path, "\n").expect("written");
        assert!(read(&path).expect_err("nothing").to_string().contains("holds no orders"));
        assert!(read(Path::new("nowhere")).is_err());
    }
}
