//! Orders that wait for longer than they should.

use std::collections::HashSet;
use std::fmt;

use anyhow::Context;
use app::ports::{Orders, StoreError};
use domain::{DueIndex, JobKind, Order, OrderId};
use futures_util::{StreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::report::{age, seconds, table};
use crate::shop::CircuitShown;
use crate::{Outcome, Report, Shop};

/// No pause between two tries is longer, so that what is due later than this is not being retried.
const LONGEST_PAUSE: SignedDuration = SignedDuration::from_mins(15);
/// Orders read at once.
const READS: usize = 16;

/// What to look for.
#[derive(Clone, Copy, Debug)]
pub struct Search {
    /// For how long an order may be due, or paid and not with the warehouse.
    pub patience: SignedDuration,
    /// The most orders of each index to look at, the longest due first.
    pub limit: usize,
    /// Whether to look for parked orders too. Nothing is due for them, so that no index has them: the whole table is read.
    pub parked: bool,
}

/// What was found.
#[derive(Clone, Debug, Serialize)]
pub struct Stuck {
    /// Those that wait, the longest first.
    pub orders: Vec<StuckOrder>,
    /// Due or parked orders that cannot be read.
    pub unreadable: Vec<Unreadable>,
    /// Whether parked orders were looked for.
    pub looked_for_parked: bool,
    /// Whether more are due than were looked at.
    pub more: bool,
    circuit: CircuitShown,
}

/// An order that waits.
#[derive(Clone, Debug, Serialize)]
pub struct StuckOrder {
    /// Its id.
    pub order_id: String,
    /// Its state.
    pub status: &'static str,
    /// Why it is listed: `overdue`, `not_forwarded`, `refund_failed` or `parked`.
    pub reasons: Vec<&'static str>,
    /// For how long it has waited, in seconds.
    pub waiting_s: i64,
    /// What is still to be done, most urgent first.
    pub work: Vec<String>,
    /// Failed tries in a row.
    pub tries: u32,
    /// When it is looked at next.
    pub due_at: Option<String>,
}

/// An order that cannot be read in the form in which it is stored.
#[derive(Clone, Debug, Serialize)]
pub struct Unreadable {
    /// Its id.
    pub order_id: String,
    /// What the store said.
    pub error: String,
}

impl Shop {
    /// Looks for orders that wait for longer than they should.
    ///
    /// # Errors
    /// Where the store does not answer. A single order that cannot be read is part of the answer.
    pub async fn stuck(&self, search: Search, now: Timestamp) -> anyhow::Result<Stuck> {
        let (mut orders, mut unreadable, mut more) = (Vec::new(), Vec::new(), false);
        let mut seen = HashSet::new();
        for index in [DueIndex::Reconciler, DueIndex::Forwarder] {
            let due = self.orders.due(index, now + LONGEST_PAUSE, search.limit).await;
            let due = due.context("the index of due orders")?;
            more |= due.len() >= search.limit;
            let mut read = stream::iter(due.into_iter().filter(|(id, _)| seen.insert(*id)))
                .map(async |(id, _)| (id, self.orders.get(id).await))
                .buffered(READS);
            while let Some((id, read)) = read.next().await {
                match read {
                    Ok(order) => orders.extend(order),
                    Err(error) => unreadable.push(Unreadable::of(id, error)),
                }
            }
        }
        if search.parked {
            // What is due soon for a parked order was found above.
            let parked = self.orders.parked().await.context("the table of orders")?;
            for (id, read) in parked.into_iter().filter(|(id, _)| !seen.contains(id)) {
                match read {
                    Ok(order) => orders.push(order),
                    Err(error) => unreadable.push(Unreadable::of(id, error)),
                }
            }
        }
        let mut stuck: Vec<_> = orders
            .iter()
            .filter_map(|order| StuckOrder::of(order, search.patience, now))
            .collect();
        stuck.sort_by_key(|order| std::cmp::Reverse(order.waiting_s));
        Ok(Stuck {
            orders: stuck,
            unreadable,
            looked_for_parked: search.parked,
            more,
            circuit: self.circuit_at(now).await?,
        })
    }
}

impl Unreadable {
    fn of(id: OrderId, error: StoreError) -> Self {
        Self {
            order_id: id.to_string(),
            error: format!("{:#}", anyhow::Error::from(error)),
        }
    }
}

impl StuckOrder {
    /// Why and since when `order` waits; `None` where all goes its way.
    fn of(order: &Order, patience: SignedDuration, now: Timestamp) -> Option<Self> {
        let late = |since: &Timestamp| now.duration_since(*since) > patience;
        let due = order.jobs().iter().map(|job| job.first_due_at).min();
        let refund = order.job(&JobKind::Refund).filter(|job| job.tries > 0);
        let since = [
            ("overdue", due.filter(late)),
            ("not_forwarded", not_forwarded_since(order).filter(late)),
            ("refund_failed", refund.map(|job| job.first_due_at)),
            ("parked", parked_since(order)),
        ];
        let oldest = since.iter().filter_map(|(_, since)| *since).min()?;
        let reasons = since.iter().filter(|(_, since)| since.is_some());
        Some(Self {
            order_id: order.id().to_string(),
            status: order.status().name(),
            reasons: reasons.map(|(reason, _)| *reason).collect(),
            waiting_s: seconds(oldest, now),
            work: order
                .jobs()
                .iter()
                .map(|job| work_name(&job.kind).to_owned())
                .collect(),
            tries: order.jobs().iter().map(|job| job.tries).max().unwrap_or(0),
            due_at: order.due_at().map(|due| due.to_string()),
        })
    }
}

/// Since when a human must decide: about the order, what the warehouse said to it, or a refund that the provider refused for good.
fn parked_since(order: &Order) -> Option<Timestamp> {
    let at_warehouse = order.warehouse_issue().map(|issue| issue.since);
    let parked = order.parked().map(|parked| parked.at).or(at_warehouse);
    parked.or(Some(order.placed_at())).filter(|_| order.needs_human())
}

/// Since when the warehouse should have it.
fn not_forwarded_since(order: &Order) -> Option<Timestamp> {
    let waits = order.work().contains(&JobKind::Forward);
    order.paid_at().filter(|_| waits)
}

/// The name of what is to be done, as operators know it.
pub(crate) fn work_name(kind: &JobKind) -> &str {
    match kind {
        JobKind::CloseWindow => "close_payment_window",
        JobKind::AskProvider => "ask_payment_provider",
        JobKind::Forward => "forward_to_warehouse",
        other => other.name(),
    }
}

impl Report for Stuck {
    fn outcome(&self) -> Outcome {
        if self.orders.is_empty() && self.unreadable.is_empty() {
            Outcome::Well
        } else {
            Outcome::Attention
        }
    }
}

impl fmt::Display for Stuck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.circuit)?;
        if self.orders.is_empty() {
            writeln!(f, "No order waits for longer than it should.")?;
        } else {
            let mut rows = table(["order", "status", "waiting", "why", "work", "tries", "next look"]);
            for order in &self.orders {
                rows.add_row([
                    order.order_id.clone(),
                    order.status.to_owned(),
                    age(order.waiting_s),
                    order.reasons.join(", "),
                    order.work.join(", "),
                    order.tries.to_string(),
                    order.due_at.clone().unwrap_or_else(|| "-".to_owned()),
                ]);
            }
            writeln!(f, "{rows}")?;
        }
        for Unreadable { order_id, error } in &self.unreadable {
            writeln!(f, "Order {order_id} is due and cannot be read: {error}.")?;
        }
        if self.more {
            writeln!(f, "More are due: look at more with --limit.")?;
        }
        if !self.looked_for_parked {
            writeln!(
                f,
                "Parked orders were not looked for: --parked reads the whole table."
            )?;
        }
        Ok(())
    }
}
