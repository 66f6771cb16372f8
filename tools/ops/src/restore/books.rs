//! Orders from a copy of their table.

use std::collections::HashMap;

use anyhow::Context;
use domain::{Order, OrderId, Sku, Status};
use dynamodb::{DynamoDb, StoredOrder};
use jiff::SignedDuration;

use super::stock::Taken;
use super::{Restore, Restored};
use crate::Shop;

/// AWS restores each table to a second of its own: what changed so close to it may be in one copy and not in the other.
const EDGE: SignedDuration = SignedDuration::from_secs(2);

impl Shop {
    /// Puts orders of the copy back where what stands is missing, cannot be read, is of another life of the same id, or is to go back. What stands
    /// and is not in the copy stays. Says what all orders hold then, and held in the copy.
    pub(super) async fn put_orders_back(
        &self,
        restore: &Restore,
        copies: &DynamoDb,
        restored: &mut Restored,
    ) -> anyhow::Result<Taken> {
        let mut taken = self.taken_now(restored).await?;
        let mut after = None;
        loop {
            let page = copies
                .orders_page(after)
                .await
                .context("the copy of the orders")?;
            let ids: Vec<OrderId> = page.orders.iter().map(|stored| stored.id).collect();
            let current = self.orders.stored_orders(&ids).await;
            let mut current = current.context("the table of orders")?;
            for copy in &page.orders {
                let current = current.remove(&copy.id);
                self.put_one_back(restore, copy, current.as_ref(), &mut taken, restored)
                    .await?;
            }
            match page.next {
                None => break,
                next => after = next,
            }
        }
        let unreadable = std::mem::take(&mut restored.unreadable);
        restored.open.extend(unreadable.iter().map(|id| {
            format!("Order {id} cannot be read, and not be put back: what it holds is taken for nothing")
        }));
        Ok(taken)
    }

    async fn put_one_back(
        &self,
        restore: &Restore,
        copy: &StoredOrder,
        current: Option<&StoredOrder>,
        taken: &mut Taken,
        restored: &mut Restored,
    ) -> anyhow::Result<()> {
        let standing = current.and_then(|current| current.order.as_ref().ok());
        let Ok(order) = &copy.order else {
            if current.is_none() {
                restored
                    .open
                    .push(format!("Order {} cannot be read, in the copy either", copy.id));
            }
            return Ok(());
        };
        add(&mut taken.copied, order, 1);
        if changed_at(order) + EDGE >= restore.at {
            restored.at_the_edge.push(copy.id.to_string());
        }
        if standing.is_some_and(|standing| stays(standing, order, restore.rewind)) {
            restored.orders_kept += 1;
            return Ok(());
        }
        if !restore.dry_run {
            let stored = self.orders.put_back(copy, current).await;
            if !stored.context("the table of orders")? {
                let id = copy.id;
                restored.open.push(format!(
                    "Order {id} changed meanwhile: stop the functions, and run this again"
                ));
                return Ok(());
            }
        }
        if let Some(standing) = standing {
            add(&mut taken.standing, standing, -1);
        }
        add(&mut taken.standing, order, 1);
        restored.orders_put_back += 1;
        restored.unreadable.remove(&copy.id);
        if matches!(
            order.status(),
            Status::Placed | Status::PaymentPending | Status::Paid
        ) {
            restored.put_back.push(copy.id);
        }
        Ok(())
    }

    /// What the orders hold that stand now.
    async fn taken_now(&self, restored: &mut Restored) -> anyhow::Result<Taken> {
        let mut taken = Taken::default();
        let mut after = None;
        loop {
            let page = self
                .orders
                .orders_page(after)
                .await
                .context("the table of orders")?;
            for stored in &page.orders {
                match &stored.order {
                    Ok(order) => add(&mut taken.standing, order, 1),
                    Err(_) => drop(restored.unreadable.insert(stored.id)),
                }
            }
            if page.strangers > 0 {
                restored.open.push(format!(
                    "{} items of the table of orders have no order's id",
                    page.strangers
                ));
            }
            match page.next {
                None => return Ok(taken),
                next => after = next,
            }
        }
    }
}

/// Whether what stands is better than the copy. An order that the warehouse has does not go back: nothing of it is still to be done.
fn stays(standing: &Order, copy: &Order, rewind: bool) -> bool {
    let same_life = standing.placed_at() == copy.placed_at();
    let at_warehouse = standing.erp_number().is_some();
    same_life && (!rewind || at_warehouse || standing == copy)
}

/// When it changed last.
fn changed_at(order: &Order) -> jiff::Timestamp {
    let last = order.history().last().map(|entry| entry.at);
    last.unwrap_or(order.placed_at()).max(order.placed_at())
}

/// Adds what `order` holds, `times` over.
fn add(pieces: &mut HashMap<Sku, i64>, order: &Order, times: i64) {
    for line in order.held_lines() {
        *pieces.entry(line.sku.clone()).or_default() += times * i64::from(line.quantity.get());
    }
}

#[cfg(test)]
mod tests {
    use testkit::{altered, an_order, noon};

    use super::*;

    #[test]
    fn what_stands_goes_back_only_where_that_is_asked_for() {
        let (placed, paid) = (an_order().placed(), an_order().paid());
        assert!(stays(&paid, &placed, false));
        assert!(!stays(&paid, &placed, true));
        assert!(stays(&paid, &paid, true));
    }

    #[test]
    fn an_order_that_the_warehouse_has_never_goes_back() {
        assert!(stays(&an_order().forwarded(), &an_order().paid(), true));
    }

    #[test]
    fn another_life_of_the_same_id_gives_way() {
        let later = an_order().at(noon() + SignedDuration::from_mins(1)).placed();
        assert!(!stays(&later, &an_order().paid(), false));
    }

    #[test]
    fn only_what_is_held_counts_as_taken() {
        let half = altered(an_order().lines(3).draft(), |order| order.held = 2);
        let mut pieces = HashMap::new();
        add(&mut pieces, &half, 1);
        assert_eq!(pieces.values().sum::<i64>(), 2);
        add(&mut pieces, &half, -1);
        assert!(pieces.values().all(|held| *held == 0));
    }
}
