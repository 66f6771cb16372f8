//! The orders that the warehouse has accepted, in memory and in an append-only file.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::order::Order;

const FILE: &str = "warehouse.jsonl";

/// An accepted order.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Accepted {
    pub(super) order_id: String,
    pub(super) erp_number: String,
    /// How often it was put, with the same content.
    pub(super) deliveries: u32,
    /// How often it was put with other content.
    pub(super) conflicts: u32,
    pub(super) lines: Vec<Value>,
    #[serde(skip)]
    fingerprint: String,
}

/// What became of a put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Taken, for the first time.
    Created,
    /// Known already, with the same content.
    Repeated,
    /// Known already, with other content: the first stays.
    Conflict,
}

/// A line of the file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "event")]
enum Entry {
    Accepted {
        order_id: String,
        fingerprint: String,
        lines: Vec<Value>,
    },
    Repeated {
        order_id: String,
    },
    Conflict {
        order_id: String,
    },
}

/// All accepted orders, in the order of their acceptance.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    orders: Vec<Accepted>,
    by_id: HashMap<String, usize>,
    file: Option<File>,
}

impl Ledger {
    /// An empty ledger, or the one kept in `data`.
    pub(super) fn open(data: Option<&Path>) -> anyhow::Result<Ledger> {
        let mut ledger = Ledger::default();
        if let Some(data) = data {
            std::fs::create_dir_all(data)
                .with_context(|| format!("the data directory {} cannot be made", data.display()))?;
            let path = data.join(FILE);
            ledger.file = Some(
                ledger
                    .read(&path)
                    .with_context(|| format!("reading {}", path.display()))?,
            );
        }
        Ok(ledger)
    }

    /// Reads the file and returns it ready to be appended to.
    fn read(&mut self, path: &PathBuf) -> anyhow::Result<File> {
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)?;
        let (mut intact, mut number) = (0, 0);
        let mut reader = BufReader::new(&file);
        let mut line = String::new();
        while reader.read_line(&mut line)? > 0 && line.ends_with('\n') {
            number += 1;
            let entry = serde_json::from_str(&line).with_context(|| format!("line {number}"))?;
            self.apply(entry);
            intact += line.len() as u64;
            line.clear();
        }
        // A last line without its end was being written when the process was killed; its order was never acknowledged.
        file.set_len(intact)?;
        file.seek(SeekFrom::End(0))?;
        Ok(file)
    }

    /// Accepts an order under its id; what it says was accepted is on disk, where there is one.
    pub(super) fn accept(&mut self, order_id: &str, order: Order) -> anyhow::Result<(Outcome, String)> {
        let order_id = order_id.to_owned();
        let known = self.by_id.get(&order_id).map(|&at| &self.orders[at]);
        let (outcome, entry) = match known {
            None => {
                let Order { lines, fingerprint } = order;
                (
                    Outcome::Created,
                    Entry::Accepted {
                        order_id: order_id.clone(),
                        fingerprint,
                        lines,
                    },
                )
            }
            Some(known) if known.fingerprint == order.fingerprint => (
                Outcome::Repeated,
                Entry::Repeated {
                    order_id: order_id.clone(),
                },
            ),
            Some(_) => (
                Outcome::Conflict,
                Entry::Conflict {
                    order_id: order_id.clone(),
                },
            ),
        };
        if let Some(file) = &mut self.file {
            let mut line = serde_json::to_vec(&entry)?;
            line.push(b'\n');
            file.write_all(&line)
                .context("the order could not be written down")?;
        }
        self.apply(entry);
        let erp_number = self
            .erp_number(&order_id)
            .context("an order just accepted is missing")?;
        Ok((outcome, erp_number))
    }

    fn apply(&mut self, entry: Entry) {
        match entry {
            Entry::Accepted {
                order_id,
                fingerprint,
                lines,
            } => {
                let erp_number = format!("K{:07}", self.orders.len() + 1);
                self.by_id.insert(order_id.clone(), self.orders.len());
                self.orders.push(Accepted {
                    order_id,
                    erp_number,
                    deliveries: 1,
                    conflicts: 0,
                    lines,
                    fingerprint,
                });
            }
            Entry::Repeated { order_id } => self.with(&order_id, |order| order.deliveries += 1),
            Entry::Conflict { order_id } => self.with(&order_id, |order| order.conflicts += 1),
        }
    }

    fn with(&mut self, order_id: &str, change: impl FnOnce(&mut Accepted)) {
        if let Some(&at) = self.by_id.get(order_id) {
            change(&mut self.orders[at]);
        }
    }

    /// The number given to an order.
    pub(super) fn erp_number(&self, order_id: &str) -> Option<String> {
        self.by_id
            .get(order_id)
            .map(|&at| self.orders[at].erp_number.clone())
    }

    /// All of them.
    pub(super) fn orders(&self) -> &[Accepted] {
        &self.orders
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(quantity: u32) -> Order {
        let body = serde_json::json!({ "lines": [{ "sku": "A", "quantity": quantity }] });
        Order::parse("X", body.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn orders_and_their_deliveries_outlive_the_process_even_if_it_died_writing() {
        let data = tempfile::tempdir().unwrap();
        let mut ledger = Ledger::open(Some(data.path())).unwrap();
        assert_eq!(
            ledger.accept("X", order(1)).unwrap(),
            (Outcome::Created, "K0000001".into())
        );
        assert_eq!(
            ledger.accept("X", order(1)).unwrap(),
            (Outcome::Repeated, "K0000001".into())
        );
        assert_eq!(
            ledger.accept("X", order(2)).unwrap(),
            (Outcome::Conflict, "K0000001".into())
        );
        let mut file = OpenOptions::new()
            .append(true)
            .open(data.path().join(FILE))
            .unwrap();
        file.write_all(br#"{"event":"accepted","order_id":"to"#).unwrap();
        let mut ledger = Ledger::open(Some(data.path())).unwrap();
        let known = &ledger.orders()[0];
        assert_eq!((known.deliveries, known.conflicts, known.lines.len()), (2, 1, 1));
        assert_eq!(
            ledger.accept("Y", order(1)).unwrap(),
            (Outcome::Created, "K0000002".into())
        );
        assert_eq!(Ledger::open(Some(data.path())).unwrap().orders().len(), 2);
    }
}
