//! Going back to one second: orders, stock and products from copies of their tables, then what the payment provider and the warehouse know
//! beyond them.
//!
//! Nobody else may write meanwhile: `infra/restore.sh` sees to it, and makes the copies. All of it can be run again, until it ends well.

mod books;
mod lost;
mod outside;
mod stock;

use std::collections::{BTreeMap, HashSet};
use std::fmt;

use anyhow::{Context, ensure};
use domain::{AccessToken, OrderId};
use dynamodb::{DynamoDb, Tables};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

pub use lost::{Lost, Place};
pub use outside::Outside;

use crate::report::table;
use crate::{Outcome, Report, Shop};

/// For so long the provider lists its events (docs.stripe.com/api/events).
const EVENTS_KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);

/// What to go back to.
#[derive(Clone, Debug)]
pub struct Restore {
    /// The second that the copies are of.
    pub at: Timestamp,
    /// The copies' names.
    pub copies: Tables,
    /// Whether what stands now and can be read goes back, too, unless the warehouse has it.
    pub rewind: bool,
    /// Whether only to say what would be done.
    pub dry_run: bool,
    /// An access token that nobody has, for orders whose own is lost.
    pub token_of_lost: AccessToken,
}

/// What was done, or would be.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Restored {
    /// The second.
    pub at: String,
    /// Whether nothing was done but telling.
    pub dry_run: bool,
    /// Orders taken from the copy.
    pub orders_put_back: usize,
    /// Orders that stand as they stood.
    pub orders_kept: usize,
    /// Products taken from the copy.
    pub products_put_back: usize,
    /// SKUs whose pieces left were corrected.
    pub levels_set: usize,
    /// Open payment pages that no order knows any more, closed.
    pub pages_closed: usize,
    /// Messages of the provider, by what they did: `paid`, `pending`, `cancelled`, `expired`, `refund_due`, `parked`, `known`. Empty in a dry run.
    pub messages: BTreeMap<&'static str, usize>,
    /// Orders that the warehouse has, and of which the copy did not know it.
    pub found_in_warehouse: usize,
    /// Orders that the provider has money for, and no table an order.
    pub lost: Vec<Lost>,
    /// More pieces were ordered than there were, by SKU: none are left, and so many are missing.
    pub short: BTreeMap<String, i64>,
    /// Orders that changed within two seconds of it: AWS restores each table by itself, so that their stock is to be counted.
    pub at_the_edge: Vec<String>,
    /// What must be looked at: orders that cannot be read, messages that were not applied, writes that others were quicker with.
    pub open: Vec<String>,
    /// Orders that stand and cannot be read, until they are put back.
    #[serde(skip)]
    unreadable: HashSet<OrderId>,
    /// Orders put back for which something may be to be done.
    #[serde(skip)]
    put_back: Vec<OrderId>,
}

impl Shop {
    /// Goes back to one second, and on from there by what the provider and the warehouse know.
    ///
    /// # Errors
    /// Where the store or the provider does not answer, or the second is none to go back to. What was done stays, and can be done again.
    pub async fn restore(
        &self,
        restore: &Restore,
        outside: &Outside,
        now: impl Fn() -> Timestamp + Sync,
    ) -> anyhow::Result<Restored> {
        let age = now().duration_since(restore.at);
        ensure!(age >= SignedDuration::ZERO, "{} is still to come", restore.at);
        ensure!(
            age < EVENTS_KEPT,
            "the payment provider lists its events for 30 days, so none of before {}",
            now() - EVENTS_KEPT
        );
        let copies = DynamoDb::new(self.clients.dynamodb.clone(), restore.copies.clone());
        let mut restored = Restored {
            at: restore.at.to_string(),
            dry_run: restore.dry_run,
            ..Restored::default()
        };
        let taken = self.put_orders_back(restore, &copies, &mut restored).await?;
        self.put_stock_back(restore, &copies, &taken, &mut restored)
            .await?;
        let products = self
            .orders
            .put_back_products(&copies, restore.rewind, restore.dry_run);
        restored.products_put_back = products.await.context("the table of products")?;
        self.ask_provider(restore, outside, &now, &mut restored).await?;
        self.ask_warehouse(restore, outside, &now, &mut restored).await?;
        Ok(restored)
    }
}

impl Report for Restored {
    fn outcome(&self) -> Outcome {
        let well = self.lost.is_empty()
            && self.short.is_empty()
            && self.at_the_edge.is_empty()
            && self.open.is_empty();
        if well { Outcome::Well } else { Outcome::Attention }
    }
}

impl fmt::Display for Restored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let did = if self.dry_run { "Would go" } else { "Went" };
        writeln!(f, "{did} back to {}.", self.at)?;
        let mut facts = table(["what", "how many"]);
        for (what, count) in [
            ("orders put back", self.orders_put_back),
            ("orders kept", self.orders_kept),
            ("products put back", self.products_put_back),
            ("SKUs corrected", self.levels_set),
            ("payment pages closed", self.pages_closed),
            ("found in the warehouse", self.found_in_warehouse),
        ] {
            facts.add_row([what, &count.to_string()]);
        }
        for (what, count) in &self.messages {
            facts.add_row([
                &format!("payment messages: {}", what.replace('_', " ")),
                &count.to_string(),
            ]);
        }
        writeln!(f, "{facts}")?;
        for lost in &self.lost {
            writeln!(f, "{lost}")?;
        }
        for (sku, missing) in &self.short {
            writeln!(
                f,
                "{missing} pieces of {sku} were ordered that were not there: none are left."
            )?;
        }
        if !self.at_the_edge.is_empty() {
            let ids = self.at_the_edge.join(", ");
            writeln!(
                f,
                "Changed within two seconds of it, so count their articles: {ids}."
            )?;
        }
        for open in &self.open {
            writeln!(f, "{open}.")?;
        }
        Ok(())
    }
}
