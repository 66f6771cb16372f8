//! Reserving stock in steps: a prefix of an order's lines is held, and grows or shrinks one conditional write at a time.

use jiff::{SignedDuration, Timestamp};

use crate::{Event, HistoryEntry, HistoryEvent, Order, PricedLine, Sku, Status, Unmoved};

/// How long stock is held for an order whose payment page was never opened.
pub(super) const HOLD_WITHOUT_PAGE: SignedDuration = SignedDuration::from_mins(10);

/// How long stock is held for an order in all, from placing it: whatever is tried, no payment page ends later.
pub const LONGEST_HOLD: SignedDuration = SignedDuration::from_mins(45);

/// How long a shopper has for another try where the payment page could not be opened.
const RETRY_GRACE: SignedDuration = SignedDuration::from_mins(2);

/// The least time that stock is held without a payment page while the product is scarce.
const HOLD_WHILE_SCARCE: SignedDuration = SignedDuration::from_mins(2);

/// After this time a hold without a payment page yields to an order of far less, where the product is sold out: most shoppers who pay are at the
/// page by then.
pub const HOLD_WHILE_SOLD_OUT: SignedDuration = SignedDuration::from_secs(30);
/// By how many times the hold must be larger than what it yields to.
const YIELDS_TO_PART: u32 = 2;

/// The most lines whose stock one write changes: a DynamoDB transaction takes 100 items, one of them the order.
pub const LINES_PER_STEP: usize = 98;

/// A change of a SKU's available pieces, in the same write as the order's change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StockChange {
    /// Take pieces off the shelf: refused where fewer are left.
    Take {
        /// What.
        sku: Sku,
        /// How many, at least 1.
        pieces: u32,
    },
    /// Put pieces back.
    GiveBack {
        /// What.
        sku: Sku,
        /// How many, at least 1.
        pieces: u32,
    },
}

impl StockChange {
    /// The SKU whose stock changes.
    pub fn sku(&self) -> &Sku {
        match self {
            Self::Take { sku, .. } | Self::GiveBack { sku, .. } => sku,
        }
    }
}

impl Order {
    /// Holds the next lines; with the last of them the order is placed. The changes belong into the same write.
    ///
    /// # Errors
    /// [`Unmoved`] where the order is not being reserved.
    pub fn reserve_step(mut self, now: Timestamp) -> Result<(Self, Vec<StockChange>), Unmoved> {
        if self.0.status != Status::Reserving {
            let (status, event) = (self.0.status, Event::StockReserved);
            return Err(Unmoved { status, event });
        }
        let (held, changes) = take_next(&self.0.quote.lines, self.0.held);
        self.0.held = held;
        if held == self.0.quote.lines.len() {
            // Steps may have taken a while: the shopper's time to pay begins now.
            self.0.reserved_until = now + HOLD_WITHOUT_PAGE;
            self = self.on(Event::StockReserved, now)?;
        }
        Ok((self, changes))
    }

    /// Gives the stock of the last lines back. The changes belong into the same write.
    pub fn give_back_step(mut self, now: Timestamp) -> (Self, Vec<StockChange>) {
        if !self.0.status.gives_stock_back() {
            return (self, Vec::new());
        }
        let (held, changes) = give_back_next(&self.0.quote.lines, self.0.held);
        self.0.held = held;
        self.reschedule(now);
        (self, changes)
    }

    /// Reserving failed: what is held goes back, step by step.
    ///
    /// # Errors
    /// [`Unmoved`] where the order is not being reserved.
    pub fn withdraw(self, now: Timestamp) -> Result<Self, Unmoved> {
        self.on(Event::ReservationFailed, now)
    }

    /// The reservation ended and nobody paid.
    ///
    /// # Errors
    /// [`Unmoved`] where the order is not waiting for a payment.
    pub fn expire(self, now: Timestamp) -> Result<Self, Unmoved> {
        self.on(Event::PaymentWindowClosed, now)
    }

    /// Since when the order's stock is held without a payment page: all of it was reserved then, or the last attempt to open a page began, which
    /// failed. `None` where it is not: a page may be open, somebody has paid, or a human decides.
    pub fn without_page_since(&self) -> Option<Timestamp> {
        if self.0.status != Status::Placed || self.0.parked.is_some() || self.is_page_live() {
            return None;
        }
        let became_placed = |entry: &&HistoryEntry| entry.event == HistoryEvent::Became(Status::Placed);
        let placed = self.0.history.iter().find(became_placed);
        let reserved_at = placed.map_or(self.0.placed_at, |entry| entry.at);
        let tried_at = self.payment().map_or(reserved_at, |attempt| attempt.started_at);
        Some(reserved_at.max(tried_at))
    }

    /// Whether the order lets its stock go while a product of it is scarce: it has had two minutes, and no payment page is open.
    pub fn may_be_released(&self, now: Timestamp) -> bool {
        self.without_page_since()
            .is_some_and(|since| now >= since + HOLD_WHILE_SCARCE)
    }

    /// What the order lets go to one that finds products sold out, of each of which it wants `wanted` pieces: nothing, unless the order has been
    /// without a payment page for half a minute and holds at least twice as many pieces of one of them. Takes one look at each line.
    pub fn yields_to(
        &self,
        wanted: impl Fn(&Sku) -> Option<u32>,
        now: Timestamp,
    ) -> impl Iterator<Item = (&Sku, u32)> {
        let has_waited = self
            .without_page_since()
            .is_some_and(|since| now >= since + HOLD_WHILE_SOLD_OUT);
        let lines = if has_waited { self.held_lines() } else { &[] };
        let wanted_too = lines
            .iter()
            .filter_map(|line| Some((line, wanted(&line.sku)?)))
            .collect::<Vec<_>>();
        let yields = wanted_too
            .iter()
            .any(|(line, pieces)| line.quantity.get() >= pieces.saturating_mul(YIELDS_TO_PART));
        wanted_too
            .into_iter()
            .filter(move |_| yields)
            .map(|(line, _)| (&line.sku, line.quantity.get()))
    }

    /// The lines whose stock the order holds.
    pub fn held_lines(&self) -> &[PricedLine] {
        &self.0.quote.lines[..self.0.held]
    }

    /// The payment page could not be opened: the hold is one without a page again, with time for another try.
    pub(super) fn hold_without_page(&mut self, now: Timestamp) {
        let until = (self.0.placed_at + HOLD_WITHOUT_PAGE).max(now + RETRY_GRACE);
        self.0.reserved_until = self.0.reserved_until.min(until);
    }

    /// The shopper gives an unpaid order up.
    ///
    /// # Errors
    /// [`Unmoved`] where the order is not waiting for a payment.
    pub fn cancel(self, now: Timestamp) -> Result<Self, Unmoved> {
        self.on(Event::CancelledByShopper, now)
    }
}

/// The next lines to hold where `held` are: how many are held then, and what is taken for it.
pub(crate) fn take_next(lines: &[PricedLine], held: usize) -> (usize, Vec<StockChange>) {
    let end = lines.len().min(held + LINES_PER_STEP);
    let take = |line: &PricedLine| StockChange::Take {
        sku: line.sku.clone(),
        pieces: line.quantity.get(),
    };
    (end, lines[held..end].iter().map(take).collect())
}

/// The last lines to let go where `held` are: how many are held then, and what is given back.
pub(crate) fn give_back_next(lines: &[PricedLine], held: usize) -> (usize, Vec<StockChange>) {
    let start = held.saturating_sub(LINES_PER_STEP);
    let give = |line: &PricedLine| StockChange::GiveBack {
        sku: line.sku.clone(),
        pieces: line.quantity.get(),
    };
    (start, lines[start..held].iter().map(give).collect())
}
