//! The orders that the warehouse has accepted: in an append-only file, and in memory a fingerprint of each.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::FileExt;
use std::path::Path;

use anyhow::Context;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::order::Order;

const FILE: &str = "warehouse.jsonl";

/// An accepted order as it is shown.
#[derive(Debug, Serialize)]
pub(super) struct Shown<'l> {
    order_id: &'l str,
    erp_number: &'l str,
    /// How often it was put, with the same content.
    deliveries: u32,
    /// How often it was put with other content.
    conflicts: u32,
    lines: Box<RawValue>,
}

/// An accepted order. Its lines stay in the file: a day's orders would fill the memory.
#[derive(Debug)]
struct Accepted {
    order_id: String,
    erp_number: String,
    deliveries: u32,
    conflicts: u32,
    fingerprint: String,
    place: Place,
}

/// An entry's offset in the file, in bytes.
#[derive(Debug, Clone, Copy)]
struct Place {
    at: u64,
    length: usize,
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
        /// Only ever written here; [`Lines`] reads them.
        #[serde(skip_deserializing)]
        lines: Option<Box<RawValue>>,
    },
    Repeated {
        order_id: String,
    },
    Conflict {
        order_id: String,
    },
}

/// The lines of an [`Entry::Accepted`].
#[derive(Debug, Deserialize)]
struct Lines {
    lines: Box<RawValue>,
}

/// All accepted orders, in the order of their acceptance.
#[derive(Debug)]
pub(super) struct Ledger {
    orders: Vec<Accepted>,
    by_id: HashMap<String, usize>,
    file: File,
    /// How much of the file is written, in bytes.
    written: u64,
}

impl Ledger {
    /// The ledger kept in `data`, or an empty one that nothing remains of.
    pub(super) fn open(data: Option<&Path>) -> anyhow::Result<Ledger> {
        let Some(data) = data else {
            return Ok(Ledger::of(
                tempfile::tempfile().context("no file for the warehouse's orders")?,
            ));
        };
        std::fs::create_dir_all(data)
            .with_context(|| format!("the data directory {} cannot be made", data.display()))?;
        let path = data.join(FILE);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .with_context(|| format!("opening {}", path.display()))?;
        let mut ledger = Ledger::of(file);
        ledger
            .read()
            .with_context(|| format!("reading {}", path.display()))?;
        Ok(ledger)
    }

    fn of(file: File) -> Ledger {
        Ledger {
            orders: Vec::new(),
            by_id: HashMap::new(),
            file,
            written: 0,
        }
    }

    /// Reads what the file holds.
    fn read(&mut self) -> anyhow::Result<()> {
        let mut number = 0;
        let mut reader = BufReader::new(self.file.try_clone()?);
        let mut line = String::new();
        while reader.read_line(&mut line)? > 0 && line.ends_with('\n') {
            number += 1;
            let entry = serde_json::from_str(&line).with_context(|| format!("line {number}"))?;
            self.apply(entry, line.len());
            line.clear();
        }
        // A last line without its end was being written when the process was killed; its order was never acknowledged.
        self.file.set_len(self.written)?;
        Ok(())
    }

    /// Accepts an order under its id; what it says was accepted is in the file.
    pub(super) fn accept(&mut self, order_id: &str, order: Order) -> anyhow::Result<(Outcome, String)> {
        let order_id = order_id.to_owned();
        let known = self.by_id.get(&order_id).map(|&at| &self.orders[at]);
        let (outcome, entry) = match known {
            None => {
                let Order {
                    lines, fingerprint, ..
                } = order;
                (
                    Outcome::Created,
                    Entry::Accepted {
                        order_id: order_id.clone(),
                        fingerprint,
                        lines: Some(lines),
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
        let mut line = serde_json::to_vec(&entry)?;
        line.push(b'\n');
        self.file
            .write_all_at(&line, self.written)
            .context("the order could not be written down")?;
        self.apply(entry, line.len());
        let erp_number = self
            .erp_number(&order_id)
            .context("an order just accepted is missing")?;
        Ok((outcome, erp_number))
    }

    /// Takes in an entry, the next `length` bytes of the file.
    fn apply(&mut self, entry: Entry, length: usize) {
        let place = Place {
            at: self.written,
            length,
        };
        self.written += length as u64;
        match entry {
            Entry::Accepted {
                order_id,
                fingerprint,
                lines: _,
            } => {
                let erp_number = format!("K{:07}", self.orders.len() + 1);
                self.by_id.insert(order_id.clone(), self.orders.len());
                self.orders.push(Accepted {
                    order_id,
                    erp_number,
                    deliveries: 1,
                    conflicts: 0,
                    fingerprint,
                    place,
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
    pub(super) fn orders(&self) -> anyhow::Result<Vec<Shown<'_>>> {
        self.orders.iter().map(|order| self.shown(order)).collect()
    }

    fn shown<'l>(&self, order: &'l Accepted) -> anyhow::Result<Shown<'l>> {
        Ok(Shown {
            order_id: &order.order_id,
            erp_number: &order.erp_number,
            deliveries: order.deliveries,
            conflicts: order.conflicts,
            lines: self.lines(order.place)?,
        })
    }

    fn lines(&self, place: Place) -> anyhow::Result<Box<RawValue>> {
        let mut entry = vec![0; place.length];
        self.file
            .read_exact_at(&mut entry, place.at)
            .context("an accepted order cannot be read")?;
        Ok(serde_json::from_slice::<Lines>(&entry)?.lines)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::super::order::a_body;
    use super::*;

    fn order_of(id: &str, sku: &str, quantity: u32) -> Order {
        let body = a_body(id, sku, quantity).to_string();
        Order::parse(id, body.as_bytes()).unwrap()
    }

    fn order(quantity: u32) -> Order {
        order_of("X", "A", quantity)
    }

    #[test]
    fn orders_outlive_a_process_that_died_while_writing() {
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
        let known = serde_json::to_value(&ledger.orders().unwrap()[0]).unwrap();
        assert_eq!(
            known,
            serde_json::json!({
                "order_id": "X", "erp_number": "K0000001", "deliveries": 2, "conflicts": 1,
                "lines": a_body("X", "A", 1)["lines"],
            })
        );
        assert_eq!(
            ledger.accept("Y", order_of("Y", "A", 1)).unwrap(),
            (Outcome::Created, "K0000002".into())
        );
        assert_eq!(
            Ledger::open(Some(data.path())).unwrap().orders().unwrap().len(),
            2
        );
    }

    #[test]
    fn a_throw_away_ledger_shows_every_orders_own_lines() {
        let mut ledger = Ledger::open(None).unwrap();
        for (id, quantity) in [("X", 1), ("Y", 22), ("X", 1)] {
            ledger.accept(id, order_of(id, id, quantity)).unwrap();
        }
        let shown = serde_json::to_value(ledger.orders().unwrap()).unwrap();
        assert_eq!(shown[0]["lines"], a_body("X", "X", 1)["lines"]);
        assert_eq!(shown[1]["lines"], a_body("Y", "Y", 22)["lines"]);
    }
}
