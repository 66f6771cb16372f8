//! Reserving stock in steps: a prefix of an order's lines is held, and grows or shrinks one conditional write at a time.

use crate::{PricedLine, Sku};

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
