//! Giving stock back that is held without a payment page: while a product is scarce, for an order that finds it sold out, and by an operator's word.

use std::collections::{HashMap, HashSet};

use domain::{DueIndex, FIRST_LOOK, HOLD_WHILE_SOLD_OUT, Money, Order, OrderId, PricedLine, Sku, Status};
use futures_util::{StreamExt, stream};
use jiff::{SignedDuration, Timestamp};

use crate::ports::{Clock, Orders, Shortage, Stock, StoreError};
use crate::settle_payment::{Settled, close_window};

/// No order waits for its payment for longer: all of them are due within this time.
const HORIZON: SignedDuration = SignedDuration::from_mins(45);
/// How many unpaid orders a run reads at most.
const MOST_UNPAID: usize = 4_000;
/// How many orders are read or written at once.
const MAX_CONCURRENT_ORDERS: usize = 16;
/// How many unpaid orders one checkout reads at most, the longest due first.
const MOST_LOOKED_AT: usize = 50;
/// What was placed that long ago and is not paid is counted: a shopper is at the payment page by then, or has paid.
const COUNTED_FROM: SignedDuration = SignedDuration::from_mins(2);

/// What a run found of orders that nobody has paid.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnpaidOrders {
    /// The totals of those that were placed 2 to 5 minutes ago, at a payment page or without one.
    pub totals: Vec<Money>,
    /// Those without a payment page for two minutes that hold a scarce product.
    pub scarce: u32,
    /// Of these, expired by this run.
    pub released: u32,
}

/// Expires orders whose stock is held without a payment page for two minutes, while one of their products is scarce: more of it is held for
/// orders that nobody has paid than is left. Any number of runs may overlap.
///
/// Reads what is due within five minutes, which every order without a payment page is; only where one of them is two minutes old, the stock
/// of its products and all other unpaid orders, up to 4,000.
///
/// # Errors
/// [`StoreError`] where orders or stock cannot be listed. What fails for one order is logged and does not stop the others.
pub async fn release_scarce_holds(
    orders: &impl Orders,
    stock: &impl Stock,
    clock: &impl Clock,
    until: Timestamp,
) -> Result<UnpaidOrders, StoreError> {
    let now = clock.now();
    let mut seen = HashSet::new();
    let mut unpaid = unpaid_due(orders, now + FIRST_LOOK, &mut seen).await?;
    let counted = now - FIRST_LOOK..=now - COUNTED_FROM;
    let recent = unpaid.iter().filter(|order| counted.contains(&order.placed_at()));
    let mut report = UnpaidOrders {
        totals: recent.map(|order| order.quote().total).collect(),
        ..UnpaidOrders::default()
    };
    if !unpaid.iter().any(|order| order.may_be_released(now)) {
        return Ok(report);
    }
    unpaid.extend(unpaid_due(orders, now + HORIZON, &mut seen).await?);
    let scarce = scarce_products(stock, &unpaid, now).await?;
    let holds_scarce = |order: &Order| held_lines(order).any(|line| scarce.contains(&line.sku));
    // One whose time is over is expired, and counted as late, by its own job.
    unpaid.retain(|order| order.may_be_released(now) && now < order.reserved_until() && holds_scarce(order));
    report.scarce = u32::try_from(unpaid.len()).unwrap_or(u32::MAX);
    let mut releasing = stream::iter(unpaid)
        .map(|order| release_in_time(orders, clock, order, until))
        .buffer_unordered(MAX_CONCURRENT_ORDERS);
    while let Some(released) = releasing.next().await {
        report.released += u32::from(released);
    }
    Ok(report)
}

/// What became of an order whose stock was to be released.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Released {
    /// It has expired, and its stock is back or due to be.
    Done,
    /// It is left as it is: it is at a payment page, paid, ended, with a human, or younger than was asked for. So it stands.
    Kept(Status),
    /// There is no such order.
    Unknown,
}

/// Expires an order that nobody has paid and that has no payment page, if it was placed at `placed_by` or before.
///
/// # Errors
/// [`StoreError`].
pub async fn release_hold(
    orders: &impl Orders,
    clock: &impl Clock,
    id: OrderId,
    placed_by: Timestamp,
) -> Result<Released, StoreError> {
    let Some(order) = orders.get(id).await? else {
        return Ok(Released::Unknown);
    };
    let status = order.status();
    if order.without_page_since().is_none_or(|since| since > placed_by) {
        return Ok(Released::Kept(status));
    }
    Ok(match close_window(orders, clock, order).await? {
        Settled::Expired => Released::Done,
        _ => Released::Kept(status),
    })
}

/// Makes room for what is `short`: expires what [`find_room`] finds. Whether there is room now, unless another order is quicker.
///
/// # Errors
/// [`StoreError`]; some may have expired.
pub(crate) async fn make_room(
    orders: &impl Orders,
    clock: &impl Clock,
    short: &[Shortage],
    wanted: impl Fn(&Sku) -> u32,
) -> Result<bool, StoreError> {
    let Some(yielding) = find_room(orders, clock.now(), short, wanted).await? else {
        return Ok(false);
    };
    for hold in yielding {
        close_window(orders, clock, hold).await?;
    }
    Ok(true)
}

/// The orders that would let their stock go for what is `short` ([`Order::yields_to`]), the longest due first; `None` where all of them would
/// not suffice. `wanted` tells how many pieces of a SKU are wanted.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn find_room(
    orders: &impl Orders,
    now: Timestamp,
    short: &[Shortage],
    wanted: impl Fn(&Sku) -> u32,
) -> Result<Option<Vec<Order>>, StoreError> {
    let mut missing: HashMap<&Sku, u32> = short
        .iter()
        .map(|short| (&short.sku, wanted(&short.sku).saturating_sub(short.available)))
        .collect();
    let mut yielding = Vec::new();
    // What was placed just now, as all is in a run on a product, is due later and need not be read.
    let by = now + FIRST_LOOK - HOLD_WHILE_SOLD_OUT;
    let due = orders.due(DueIndex::Reconciler, by, MOST_LOOKED_AT);
    let mut seen = HashSet::new();
    for (id, _) in due.await?.into_iter().filter(|(id, _)| seen.insert(*id)) {
        let Some(hold) = orders.get(id).await? else {
            continue;
        };
        if missing.keys().any(|sku| hold.yields_to(sku, wanted(sku), now)) {
            for (sku, pieces) in &mut missing {
                *pieces = pieces.saturating_sub(hold.held_of(sku));
            }
            yielding.push(hold);
        }
        missing.retain(|_, pieces| *pieces > 0);
        if missing.is_empty() {
            return Ok(Some(yielding));
        }
    }
    Ok(None)
}

/// The orders that nobody has paid among those due by `by` that were not `seen`.
async fn unpaid_due(
    orders: &impl Orders,
    by: Timestamp,
    seen: &mut HashSet<OrderId>,
) -> Result<Vec<Order>, StoreError> {
    let due = orders.due(DueIndex::Reconciler, by, MOST_UNPAID).await?;
    let fresh: Vec<_> = due.into_iter().filter(|(id, _)| seen.insert(*id)).collect();
    // What cannot be read is counted and reported when it is due.
    let read = stream::iter(fresh)
        .map(async |(id, _)| orders.get(id).await.ok().flatten())
        .buffer_unordered(MAX_CONCURRENT_ORDERS);
    let unpaid = read.filter_map(async |order| order.filter(|order| order.status() == Status::Placed));
    Ok(unpaid.collect().await)
}

/// The products of which more is held for `unpaid` orders than is left, among those of orders that may be released.
async fn scarce_products(
    stock: &impl Stock,
    unpaid: &[Order],
    now: Timestamp,
) -> Result<HashSet<Sku>, StoreError> {
    let mut held: HashMap<&Sku, u64> = HashMap::new();
    for line in unpaid
        .iter()
        .filter(|order| order.may_be_released(now))
        .flat_map(held_lines)
    {
        held.insert(&line.sku, 0);
    }
    for line in unpaid.iter().flat_map(held_lines) {
        if let Some(pieces) = held.get_mut(&line.sku) {
            *pieces += u64::from(line.quantity.get());
        }
    }
    let skus: Vec<Sku> = held.keys().copied().cloned().collect();
    let levels = stock.levels(&skus).await?;
    let left = |sku: &Sku| u64::from(levels.get(sku).copied().unwrap_or(0));
    let scarce = held.into_iter().filter(|(sku, pieces)| *pieces > left(sku));
    Ok(scarce.map(|(sku, _)| sku.clone()).collect())
}

fn held_lines(order: &Order) -> impl Iterator<Item = &PricedLine> {
    order.quote().lines.iter().take(order.held())
}

/// Expires an order, unless `until` has come. Whether it did; what failed is logged, and tried again in the next run.
async fn release_in_time(orders: &impl Orders, clock: &impl Clock, order: Order, until: Timestamp) -> bool {
    let id = order.id();
    if clock.now() >= until {
        return false;
    }
    match close_window(orders, clock, order).await {
        Ok(settled) => settled == Settled::Expired,
        Err(error) => {
            tracing::warn!(order.id = %id, error = %error, "the stock of a scarce product could not be released");
            false
        }
    }
}
