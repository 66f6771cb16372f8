//! Stock that is held for orders which nobody goes to pay: seeing it, and giving it back.

use std::collections::BTreeMap;
use std::fmt;

use anyhow::Context;
use app::ports::Orders;
use app::{Released, release_hold};
use domain::{DueIndex, LONGEST_HOLD, Order};
use futures_util::{StreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::report::{Amount, age, seconds, table};
use crate::{Outcome, Report, Shop};

/// Orders read or released at once.
const AT_ONCE: usize = 16;
/// So many products are shown, those with the most pieces.
const MOST_PRODUCTS: usize = 20;

/// Which holds to look for.
#[derive(Clone, Copy, Debug)]
pub struct HoldSearch {
    /// How long ago an order was placed at least.
    pub older_than: SignedDuration,
    /// The most unpaid orders to look at, the longest due first.
    pub limit: usize,
}

impl HoldSearch {
    /// Of orders placed so many minutes ago or earlier, among at most `limit`.
    pub fn of(minutes: i64, limit: u16) -> Self {
        Self {
            older_than: SignedDuration::from_mins(minutes),
            limit: limit.into(),
        }
    }
}

/// Unpaid orders without a payment page.
#[derive(Clone, Debug, Serialize)]
pub struct Holds {
    /// The oldest first.
    pub orders: Vec<Hold>,
    /// Of which products they hold most.
    pub products: Vec<HeldProduct>,
    /// Whether more orders wait for a payment than were looked at.
    pub more: bool,
    /// Whether they were expired, would be, or were only looked for.
    pub action: Action,
}

/// What was done about the orders of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Nothing was to be done.
    Listed,
    /// They would be released.
    DryRun,
    /// They were released, but for those that say otherwise.
    Released,
}

/// An unpaid order without a payment page.
#[derive(Clone, Debug, Serialize)]
pub struct Hold {
    /// Its id.
    pub order_id: String,
    /// For how long it has held stock, in seconds.
    pub held_s: i64,
    /// Pieces that it holds.
    pub pieces: u64,
    total: Amount,
    /// Whether it has expired by this command.
    pub released: bool,
}

/// What is held of a product.
#[derive(Clone, Debug, Serialize)]
pub struct HeldProduct {
    /// Its SKU.
    pub sku: String,
    /// Pieces.
    pub pieces: u64,
}

impl Shop {
    /// Looks for unpaid orders without a payment page, and releases none.
    ///
    /// # Errors
    /// Where the store does not answer.
    pub async fn holds(&self, search: HoldSearch, now: Timestamp) -> anyhow::Result<Holds> {
        self.find_holds(search, now, Action::Listed)
            .await
            .map(|(holds, _)| holds)
    }

    /// Expires unpaid orders without a payment page, as the reconciler does when their time is over. One that went to the payment page
    /// meanwhile is left. A dry run only tells which would be expired.
    ///
    /// # Errors
    /// Where the store does not answer; some may have been released.
    pub async fn release_holds(
        &self,
        search: HoldSearch,
        dry_run: bool,
        now: Timestamp,
    ) -> anyhow::Result<Holds> {
        if dry_run {
            return self
                .find_holds(search, now, Action::DryRun)
                .await
                .map(|(holds, _)| holds);
        }
        let (mut holds, found) = self.find_holds(search, now, Action::Released).await?;
        let (placed_by, clock) = (now - search.older_than, move || now);
        let mut releasing = stream::iter(found.iter().map(Order::id))
            .map(|id| release_hold(&self.orders, &clock, id, placed_by))
            .buffered(AT_ONCE);
        let mut shown = holds.orders.iter_mut();
        while let Some(released) = releasing.next().await {
            let released = released.context("the table of orders")?;
            if let Some(hold) = shown.next() {
                hold.released = released == Released::Done;
            }
        }
        Ok(holds)
    }

    async fn find_holds(
        &self,
        search: HoldSearch,
        now: Timestamp,
        action: Action,
    ) -> anyhow::Result<(Holds, Vec<Order>)> {
        let due = self
            .orders
            .due(DueIndex::Reconciler, now + LONGEST_HOLD, search.limit)
            .await;
        let due = due.context("the index of due orders")?;
        let more = due.len() >= search.limit;
        let mut found = Vec::new();
        let mut reading = stream::iter(due)
            .map(async |(id, _)| self.orders.get(id).await)
            .buffered(AT_ONCE);
        while let Some(read) = reading.next().await {
            // An order that cannot be read is for `orders stuck`.
            let order = read.ok().flatten();
            let is_old = |order: &Order| {
                let since = order.without_page_since();
                since.is_some_and(|since| since <= now - search.older_than)
            };
            found.extend(order.filter(is_old));
        }
        found.sort_by_key(Order::placed_at);
        let holds = Holds {
            orders: found.iter().map(|order| Hold::of(order, now)).collect(),
            products: products_of(&found),
            more,
            action,
        };
        Ok((holds, found))
    }
}

impl Hold {
    fn of(order: &Order, now: Timestamp) -> Self {
        let lines = order.held_lines().iter();
        Self {
            order_id: order.id().to_string(),
            held_s: seconds(order.placed_at(), now),
            pieces: lines.map(|line| u64::from(line.quantity.get())).sum(),
            total: order.quote().total.into(),
            released: false,
        }
    }
}

fn products_of(orders: &[Order]) -> Vec<HeldProduct> {
    let mut pieces: BTreeMap<&str, u64> = BTreeMap::new();
    for order in orders {
        for line in order.held_lines() {
            *pieces.entry(line.sku.as_str()).or_default() += u64::from(line.quantity.get());
        }
    }
    let product = |(sku, pieces): (&str, u64)| HeldProduct {
        sku: sku.to_owned(),
        pieces,
    };
    let mut products: Vec<_> = pieces.into_iter().map(product).collect();
    products.sort_by_key(|product| std::cmp::Reverse(product.pieces));
    products.truncate(MOST_PRODUCTS);
    products
}

impl Report for Holds {
    fn outcome(&self) -> Outcome {
        let left = self.orders.iter().any(|hold| !hold.released);
        if left && self.action == Action::Listed || self.more {
            Outcome::Attention
        } else {
            Outcome::Well
        }
    }
}

impl fmt::Display for Holds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let released = self.orders.iter().filter(|hold| hold.released).count();
        let found = self.orders.len();
        match self.action {
            Action::Listed => writeln!(f, "Unpaid orders without a payment page: {found}.")?,
            Action::DryRun => writeln!(f, "{found} would be released. Nothing was done.")?,
            Action::Released => writeln!(f, "{released} of {found} were released.")?,
        }
        if found > 0 {
            let mut rows = table(["order", "held for", "pieces", "total", "released"]);
            for hold in &self.orders {
                rows.add_row([
                    hold.order_id.clone(),
                    age(hold.held_s),
                    hold.pieces.to_string(),
                    hold.total.to_string(),
                    if hold.released { "yes" } else { "no" }.to_owned(),
                ]);
            }
            writeln!(f, "{rows}")?;
            let mut rows = table(["product", "pieces held"]);
            for product in &self.products {
                rows.add_row([product.sku.clone(), product.pieces.to_string()]);
            }
            writeln!(f, "{rows}")?;
        }
        if self.more {
            writeln!(f, "More orders wait for a payment: look at more with --limit.")?;
        }
        Ok(())
    }
}
