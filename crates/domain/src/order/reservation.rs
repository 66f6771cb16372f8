//! Reserving stock in steps: a prefix of an order's lines is held, and grows or shrinks one conditional write at a time.

use jiff::{SignedDuration, Timestamp};

use crate::{Event, Order, PricedLine, Sku, Status, Unmoved};

/// How long stock stays reserved for an order that nobody starts to pay.
pub(super) const PAYMENT_WINDOW: SignedDuration = SignedDuration::from_mins(45);

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
            self.0.reserved_until = now + PAYMENT_WINDOW;
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
