//! The proof: every order that was accepted and paid is in the warehouse, once, and its pieces are out of stock.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use kontor::replay::PastOrder;
use serde::Deserialize;
use tokio::time::sleep;

use super::shop::{Accepted, Shop};
use crate::report::table;

/// An order whose message was lost is queued again after six minutes at most.
const STANDSTILL: Duration = Duration::from_mins(7);
const LOOK_AGAIN: Duration = Duration::from_secs(2);
/// For so long a function may answer with the stock that it has cached.
const STOCK_AGE: Duration = Duration::from_secs(90);

/// What became of the orders.
#[derive(Debug, Default)]
pub(super) struct Proof {
    accepted: usize,
    paid: usize,
    in_warehouse: usize,
    /// Paid, and not in the warehouse.
    missing: usize,
    /// In the warehouse, and never paid.
    unknown: usize,
    /// More than once in the warehouse, or with two contents.
    doubled: usize,
    /// Products whose stock is not what it was less what was sold.
    stock_differs: usize,
    /// From the last payment until the warehouse had all.
    drained_seconds: f64,
}

impl Proof {
    /// Whether nothing is missing, unknown, doubled or miscounted.
    pub(super) fn holds(&self) -> bool {
        self.accepted == self.paid
            && self.paid == self.in_warehouse
            && [self.missing, self.unknown, self.doubled, self.stock_differs] == [0; 4]
    }

    pub(super) fn table(&self) -> String {
        let Self { accepted, paid, .. } = self;
        table(
            "Every order is in the warehouse once",
            " | accepted | paid | in the warehouse | missing | unknown | doubled | stock differs | drained, s",
            [format!(
                "orders | {accepted} | {paid} | {} | {} | {} | {} | {} | {:.1}",
                self.in_warehouse,
                self.missing,
                self.unknown,
                self.doubled,
                self.stock_differs,
                self.drained_seconds
            )],
        )
    }
}

/// The warehouse's orders.
#[derive(Deserialize)]
struct Warehouse {
    orders: Vec<Held>,
}

#[derive(Deserialize)]
struct Held {
    order_id: String,
    conflicts: u32,
}

/// Waits until the warehouse has all, or takes no more, and compares.
pub(super) async fn prove(
    shop: &Shop,
    before: &BTreeMap<String, i64>,
    warehouse: &str,
) -> anyhow::Result<Proof> {
    let accepted = shop.accepted();
    let paid = accepted.values().filter(|order| order.paid).count();
    let started = Instant::now();
    let (mut most, mut moved) = (0, Instant::now());
    let held = loop {
        let answer = shop.read(&format!("{warehouse}/sandbox/orders")).await?;
        let held = serde_json::from_value::<Warehouse>(answer)?.orders;
        if held.len() > most {
            (most, moved) = (held.len(), Instant::now());
        }
        if held.len() >= paid || moved.elapsed() > STANDSTILL {
            break held;
        }
        sleep(LOOK_AGAIN).await;
    };
    let mut proof = Proof {
        drained_seconds: started.elapsed().as_secs_f64(),
        ..compared(&accepted, &held)
    };
    let sold = sold(&shop.orders, &accepted);
    let asked = Instant::now();
    loop {
        proof.stock_differs = differing(before, &sold, &shop.stock().await?);
        if proof.stock_differs == 0 || asked.elapsed() > STOCK_AGE {
            return Ok(proof);
        }
        sleep(LOOK_AGAIN).await;
    }
}

fn compared(accepted: &BTreeMap<String, Accepted>, held: &[Held]) -> Proof {
    let paid = accepted.iter().filter(|(_, order)| order.paid);
    let paid: BTreeSet<&str> = paid.map(|(id, _)| id.as_str()).collect();
    let ids: BTreeSet<&str> = held.iter().map(|order| order.order_id.as_str()).collect();
    Proof {
        accepted: accepted.len(),
        paid: paid.len(),
        in_warehouse: ids.len(),
        missing: paid.difference(&ids).count(),
        unknown: ids.difference(&paid).count(),
        doubled: held.len() - ids.len() + held.iter().filter(|order| order.conflicts > 0).count(),
        ..Proof::default()
    }
}

/// Pieces of each SKU.
fn sold<'o>(orders: &'o [PastOrder], accepted: &BTreeMap<String, Accepted>) -> BTreeMap<&'o str, i64> {
    let mut sold = BTreeMap::new();
    for line in accepted.values().flat_map(|order| &orders[order.order].lines) {
        *sold.entry(line.sku.as_str()).or_default() += i64::from(line.quantity);
    }
    sold
}

fn differing(
    before: &BTreeMap<String, i64>,
    sold: &BTreeMap<&str, i64>,
    now: &BTreeMap<String, i64>,
) -> usize {
    let expected = |sku: &str, stock: i64| stock - sold.get(sku).copied().unwrap_or_default();
    let differs = |(sku, stock): &(&String, &i64)| now.get(*sku) != Some(&expected(sku, **stock));
    before.iter().filter(differs).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepted(orders: &[(&str, bool)]) -> BTreeMap<String, Accepted> {
        let one = |&(id, paid): &(&str, bool)| (id.to_owned(), Accepted { order: 0, paid });
        orders.iter().map(one).collect()
    }

    fn held(ids: &[&str]) -> Vec<Held> {
        let one = |id: &&str| Held {
            order_id: (*id).to_owned(),
            conflicts: 0,
        };
        ids.iter().map(one).collect()
    }

    #[test]
    fn it_fails_where_one_is_missing_unknown_doubled_or_unpaid() {
        let two = [("a", true), ("b", true)];
        let proof = compared(&accepted(&two), &held(&["b", "a"]));
        assert!(proof.holds(), "{proof:?}");
        for (orders, there) in [
            (&two[..], &["a"][..]),
            (&two[..1], &["a", "b"]),
            (&two[..], &["a", "b", "b"]),
            (&[("a", true), ("b", false)], &["a"]),
            (&[("a", true), ("b", false)], &["a", "b"]),
        ] {
            let proof = compared(&accepted(orders), &held(there));
            assert!(!proof.holds(), "{orders:?} {there:?}: {proof:?}");
        }
        let mut conflicting = held(&["a"]);
        conflicting[0].conflicts = 1;
        assert!(!compared(&accepted(&two[..1]), &conflicting).holds());
    }

    #[test]
    fn what_was_sold_is_out_of_stock_and_nothing_else() {
        let stock = |a: i64, b: i64| BTreeMap::from([("A".to_owned(), a), ("B".to_owned(), b)]);
        let order: PastOrder = serde_json::from_str(
            r#"{"order": "1", "country": "DE", "lines": [{"sku": "A", "quantity": 2}, {"sku": "A", "quantity": 1}]}"#,
        )
        .expect("an order");
        let orders = [order];
        let accepted = accepted(&[("x", true), ("y", true)]);
        let sold = sold(&orders, &accepted);
        assert_eq!(differing(&stock(10, 5), &sold, &stock(4, 5)), 0);
        assert_eq!(differing(&stock(10, 5), &sold, &stock(5, 5)), 1);
        assert_eq!(differing(&stock(10, 5), &sold, &stock(4, 4)), 1);
    }
}
