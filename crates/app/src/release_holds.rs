//! Giving stock back that is held without a payment page: while a product is scarce, for an order that finds it sold out, and by an operator's word.

use std::collections::{HashMap, HashSet};

use domain::{
    DueIndex, FIRST_LOOK, HOLD_WHILE_SOLD_OUT, LINES_PER_STEP, LONGEST_HOLD, Money, Order, OrderId, Sku,
    Status,
};
use futures_util::{StreamExt, stream};
use jiff::{SignedDuration, Timestamp};

use crate::ports::{Clock, Orders, Shortage, Stock, StoreError};
use crate::settle_payment::{Settled, close_window};

/// How many unpaid orders a run reads at most.
const MOST_UNPAID: usize = 4_000;
/// How many lines the unpaid orders have at most that a run reads: some 20 MB, where each is of another product.
const MOST_LINES: usize = 100_000;
/// Of how many products the stock is read before the clock is looked at again.
const LEVELS_AT_ONCE: usize = 1_000;
/// How many orders are read or written at once.
const MAX_CONCURRENT_ORDERS: usize = 16;
/// How many unpaid orders one checkout reads at most, the longest due first.
const MOST_LOOKED_AT: usize = 50;
/// How many of these at once.
const LOOKED_AT_ONCE: usize = 8;
/// For how many products that are sold out one checkout looks for room at most.
const MOST_SHORT: usize = 40;
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
/// of its products and all other unpaid orders, up to 4,000 with 100,000 lines. Half of the time until `until` is for reading: what was not read
/// is left to the next run, which finds what this one released gone.
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
    let read_until = now + until.duration_since(now) / 2;
    let mut unpaid = Unpaid::at(now);
    unpaid.read(orders, clock, now + FIRST_LOOK, read_until).await?;
    let mut report = UnpaidOrders {
        totals: std::mem::take(&mut unpaid.recent),
        ..UnpaidOrders::default()
    };
    if unpaid.releasable.is_empty() {
        return Ok(report);
    }
    unpaid.read(orders, clock, now + LONGEST_HOLD, read_until).await?;
    let scarce = unpaid.scarce_products(stock, clock, until).await?;
    let is_scarce = |hold: &Hold| hold.products.iter().any(|sku| scarce.contains(sku));
    let holds: Vec<_> = unpaid.releasable.into_iter().filter(is_scarce).collect();
    report.scarce = u32::try_from(holds.len()).unwrap_or(u32::MAX);
    let mut releasing = stream::iter(holds)
        .map(|hold| release_in_time(orders, clock, hold, until))
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

/// Makes room for what is `short`: expires what [`find_room`] finds. Whether there may be room now: not where nothing could be expired, nor by
/// another run meanwhile. What fails for one order is logged and does not stop the others.
///
/// # Errors
/// [`StoreError`] where the orders cannot be listed.
pub(crate) async fn make_room(
    orders: &impl Orders,
    clock: &impl Clock,
    short: &[Shortage],
    wanted: &HashMap<&Sku, u32>,
) -> Result<bool, StoreError> {
    let Some(yielding) = find_room(orders, clock.now(), short, wanted).await? else {
        return Ok(false);
    };
    let mut has_room = false;
    for hold in yielding {
        let id = hold.id();
        match close_window(orders, clock, hold).await {
            Ok(_) => has_room = true,
            Err(error) => log_failure(id, &error),
        }
    }
    Ok(has_room)
}

/// The orders that would let their stock go for what is `short` of an order that wants these pieces ([`Order::yields_to`]), the longest due first.
/// `None` where all of them would not suffice, or more than 40 products are short; and for an order that is reserved in steps: a later step may be
/// sold out, too, and others would have lost theirs for nothing.
///
/// # Errors
/// [`StoreError`] where the orders cannot be listed. One that cannot be read yields nothing.
pub(crate) async fn find_room(
    orders: &impl Orders,
    now: Timestamp,
    short: &[Shortage],
    wanted: &HashMap<&Sku, u32>,
) -> Result<Option<Vec<Order>>, StoreError> {
    if short.len() > MOST_SHORT || wanted.len() > LINES_PER_STEP {
        return Ok(None);
    }
    let mut gaps: HashMap<&Sku, Gap> = short
        .iter()
        .map(|short| {
            let wanted = wanted.get(&short.sku).copied().unwrap_or_default();
            (&short.sku, Gap::new(wanted, short.available))
        })
        .collect();
    let mut yielding = Vec::new();
    // What was placed just now, as all is in a run on a product, is due later and need not be read.
    let by = now + FIRST_LOOK - HOLD_WHILE_SOLD_OUT;
    let due = orders.due(DueIndex::Reconciler, by, MOST_LOOKED_AT).await?;
    let mut reading = stream::iter(due)
        .map(async |(id, _)| orders.get(id).await.ok().flatten())
        .buffered(LOOKED_AT_ONCE);
    while let Some(read) = reading.next().await {
        let Some(hold) = read else {
            continue;
        };
        let yielded: Vec<_> = hold
            .yields_to(|sku| gaps.get(sku).map(|gap| gap.wanted), now)
            .collect();
        if yielded.is_empty() {
            continue;
        }
        for (sku, pieces) in yielded {
            if gaps.get_mut(sku).is_some_and(|gap| gap.is_filled_by(pieces)) {
                gaps.remove(sku);
            }
        }
        yielding.push(hold);
        if gaps.is_empty() {
            return Ok(Some(yielding));
        }
    }
    Ok(None)
}

/// A product of which too little is left.
struct Gap {
    wanted: u32,
    missing: u32,
}

impl Gap {
    fn new(wanted: u32, available: u32) -> Self {
        let missing = wanted.saturating_sub(available);
        Self { wanted, missing }
    }

    /// Fills it with `pieces` more. Whether nothing is missing then.
    fn is_filled_by(&mut self, pieces: u32) -> bool {
        self.missing = self.missing.saturating_sub(pieces);
        self.missing == 0
    }
}

/// An order that may be released.
struct Hold {
    id: OrderId,
    since: Timestamp,
    products: Vec<Sku>,
}

/// What is kept of the orders that nobody has paid: far less than the orders, of which there may be many large ones.
struct Unpaid {
    now: Timestamp,
    seen: HashSet<OrderId>,
    lines: usize,
    /// The totals of those that were placed 2 to 5 minutes ago.
    recent: Vec<Money>,
    /// How many pieces all of them hold.
    held: HashMap<Sku, u64>,
    releasable: Vec<Hold>,
}

impl Unpaid {
    fn at(now: Timestamp) -> Self {
        Self {
            now,
            seen: HashSet::new(),
            lines: 0,
            recent: Vec::new(),
            held: HashMap::new(),
            releasable: Vec::new(),
        }
    }

    /// Reads what is due by `by` and was not seen before, the longest due first, until `until`, or until there are too many lines.
    async fn read(
        &mut self,
        orders: &impl Orders,
        clock: &impl Clock,
        by: Timestamp,
        until: Timestamp,
    ) -> Result<(), StoreError> {
        let due = orders.due(DueIndex::Reconciler, by, MOST_UNPAID).await?;
        let fresh: Vec<_> = due.into_iter().filter(|(id, _)| self.seen.insert(*id)).collect();
        // What cannot be read is counted and reported when it is due.
        let mut reading = stream::iter(fresh)
            .map(async |(id, _)| orders.get(id).await.ok().flatten())
            .buffer_unordered(MAX_CONCURRENT_ORDERS);
        while self.lines < MOST_LINES && clock.now() < until {
            let Some(order) = reading.next().await else {
                return Ok(());
            };
            if let Some(order) = order.filter(|order| order.status() == Status::Placed) {
                self.add(&order);
            }
        }
        tracing::warn!(lines = self.lines, "not all unpaid orders were looked at");
        Ok(())
    }

    fn add(&mut self, order: &Order) {
        let counted = self.now - FIRST_LOOK..=self.now - COUNTED_FROM;
        if counted.contains(&order.placed_at()) {
            self.recent.push(order.quote().total);
        }
        let lines = order.held_lines();
        self.lines += lines.len();
        for line in lines {
            *self.held.entry(line.sku.clone()).or_default() += u64::from(line.quantity.get());
        }
        // One whose time is over is expired, and counted as late, by its own job.
        let has_time = self.now < order.reserved_until();
        let since = order
            .without_page_since()
            .filter(|_| has_time && order.may_be_released(self.now));
        if let Some(since) = since {
            self.releasable.push(Hold {
                id: order.id(),
                since,
                products: lines.iter().map(|line| line.sku.clone()).collect(),
            });
        }
    }

    /// The products of which more is held for unpaid orders than is left, among those of orders that may be released, as far as the stock could be
    /// read before `until`.
    async fn scarce_products(
        &self,
        stock: &impl Stock,
        clock: &impl Clock,
        until: Timestamp,
    ) -> Result<HashSet<Sku>, StoreError> {
        let skus: HashSet<&Sku> = self.releasable.iter().flat_map(|hold| &hold.products).collect();
        let skus: Vec<Sku> = skus.into_iter().cloned().collect();
        let mut scarce = HashSet::new();
        for skus in skus.chunks(LEVELS_AT_ONCE) {
            if clock.now() >= until {
                break;
            }
            let levels = stock.levels(skus).await?;
            let left = |sku: &Sku| u64::from(levels.get(sku).copied().unwrap_or(0));
            let is_scarce = |sku: &&Sku| self.held.get(sku).is_some_and(|held| *held > left(sku));
            scarce.extend(skus.iter().filter(is_scarce).cloned());
        }
        Ok(scarce)
    }
}

/// Expires an order that is still as it was read, unless `until` has come. Whether it did; what failed is logged, and tried again in the next run.
async fn release_in_time(orders: &impl Orders, clock: &impl Clock, hold: Hold, until: Timestamp) -> bool {
    if clock.now() >= until {
        return false;
    }
    match release_hold(orders, clock, hold.id, hold.since).await {
        Ok(released) => released == Released::Done,
        Err(error) => {
            log_failure(hold.id, &error);
            false
        }
    }
}

fn log_failure(id: OrderId, error: &StoreError) {
    tracing::warn!(order.id = %id, error = %error, "the stock of a scarce product could not be released");
}
