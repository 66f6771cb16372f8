//! The cart: what a shopper wants, each SKU once.

use std::collections::HashMap;

use crate::{Sku, SkuError};

/// The most distinct lines of a cart; the largest real order has 1,106.
pub const MAX_LINES: usize = 1_200;

/// The most pieces on one line; the largest real line has 80,995.
pub const MAX_QUANTITY: u32 = 100_000;

/// A number of pieces, 1 to [`MAX_QUANTITY`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Quantity(u32);

impl Quantity {
    /// [`MAX_QUANTITY`] pieces.
    pub const MAX: Self = Self(MAX_QUANTITY);

    /// A quantity, `None` out of bounds.
    pub fn new(pieces: i64) -> Option<Self> {
        u32::try_from(pieces)
            .ok()
            .filter(|n| (1..=MAX_QUANTITY).contains(n))
            .map(Self)
    }

    /// The number of pieces.
    pub fn get(self) -> u32 {
        self.0
    }
}

/// One line of a [`Cart`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CartLine {
    /// What.
    pub sku: Sku,
    /// How many pieces.
    pub quantity: Quantity,
    /// Where the SKU stood first in what was sent, from 0: for telling the sender.
    pub position: usize,
}

/// What is wrong with a cart, and at which of the sent items (from 0).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CartError {
    /// No items at all.
    #[error("the cart is empty")]
    Empty,
    /// More than [`MAX_LINES`] distinct SKUs.
    #[error("a cart has at most {MAX_LINES} lines")]
    TooManyLines,
    /// Not a SKU.
    #[error("{source}")]
    Sku {
        /// Which item.
        position: usize,
        /// What a SKU looks like.
        source: SkuError,
    },
    /// Below 1, or with the SKU's other items above [`MAX_QUANTITY`].
    #[error("the quantity of a SKU is 1 to {MAX_QUANTITY}")]
    Quantity {
        /// Which item.
        position: usize,
    },
}

/// A shopper's wish: 1 to [`MAX_LINES`] lines, each SKU once, in the order of their first mention.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cart {
    lines: Vec<CartLine>,
}

impl Cart {
    /// Reads the items sent; items of the same SKU are added up.
    ///
    /// # Errors
    /// Every [`CartError`] found, at least one.
    pub fn parse<'a>(items: impl IntoIterator<Item = (&'a str, i64)>) -> Result<Self, Vec<CartError>> {
        let mut lines: Vec<CartLine> = Vec::new();
        let mut line_of: HashMap<Sku, usize> = HashMap::new();
        let mut errors = Vec::new();
        for (position, (raw_sku, raw_quantity)) in items.into_iter().enumerate() {
            let sku = match Sku::parse(raw_sku) {
                Ok(sku) => sku,
                Err(source) => {
                    errors.push(CartError::Sku { position, source });
                    continue;
                }
            };
            let before = line_of
                .get(&sku)
                .map_or(0, |&line| i64::from(lines[line].quantity.get()));
            let quantity =
                Quantity::new(raw_quantity).and_then(|own| Quantity::new(before + i64::from(own.get())));
            let Some(quantity) = quantity else {
                errors.push(CartError::Quantity { position });
                continue;
            };
            if let Some(&line) = line_of.get(&sku) {
                lines[line].quantity = quantity;
            } else if lines.len() == MAX_LINES {
                errors.push(CartError::TooManyLines);
                break;
            } else {
                line_of.insert(sku.clone(), lines.len());
                lines.push(CartLine {
                    sku,
                    quantity,
                    position,
                });
            }
        }
        if lines.is_empty() && errors.is_empty() {
            errors.push(CartError::Empty);
        }
        if errors.is_empty() {
            Ok(Self { lines })
        } else {
            Err(errors)
        }
    }

    /// The lines, at least one.
    pub fn lines(&self) -> &[CartLine] {
        &self.lines
    }

    /// What of this cart can be had where `available` tells the pieces left of a SKU; `None` where nothing can.
    #[must_use]
    pub fn limited_to(&self, available: impl Fn(&Sku) -> u32) -> Option<Self> {
        let lines: Vec<_> = self
            .lines
            .iter()
            .filter_map(|line| {
                let pieces = line.quantity.get().min(available(&line.sku));
                Quantity::new(i64::from(pieces)).map(|quantity| CartLine {
                    quantity,
                    ..line.clone()
                })
            })
            .collect();
        (!lines.is_empty()).then_some(Self { lines })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn items_of_one_sku_are_added_up_where_it_stood_first() {
        let cart = Cart::parse([("A", 1), ("B", 2), ("a", 3)]).expect("a cart");
        let lines: Vec<_> = cart
            .lines()
            .iter()
            .map(|l| (l.sku.as_str(), l.quantity.get(), l.position))
            .collect();
        assert_eq!(lines, [("A", 4, 0), ("B", 2, 1)]);
    }

    #[test]
    fn every_bad_item_is_named() {
        let errors = Cart::parse([("A", 0), ("?", 1), ("B", -1), ("C", 1)]).expect_err("errors");
        assert_eq!(
            errors,
            [
                CartError::Quantity { position: 0 },
                CartError::Sku {
                    position: 1,
                    source: SkuError
                },
                CartError::Quantity { position: 2 }
            ]
        );
    }

    #[test]
    fn an_empty_cart_is_refused() {
        assert_eq!(Cart::parse([]), Err(vec![CartError::Empty]));
    }

    #[test]
    fn the_bounds_hold_for_the_sum_of_a_skus_items() {
        assert!(Cart::parse([("A", 99_999), ("A", 1)]).is_ok());
        assert_eq!(
            Cart::parse([("A", 100_000), ("A", 1)]),
            Err(vec![CartError::Quantity { position: 1 }])
        );
        assert_eq!(
            Cart::parse([("A", i64::MAX)]),
            Err(vec![CartError::Quantity { position: 0 }])
        );
    }

    #[test]
    fn up_to_1200_lines_fit() {
        let skus: Vec<String> = (0..=MAX_LINES).map(|n| format!("S{n}")).collect();
        assert!(Cart::parse(skus[..MAX_LINES].iter().map(|s| (s.as_str(), 1))).is_ok());
        assert_eq!(
            Cart::parse(skus.iter().map(|s| (s.as_str(), 1))),
            Err(vec![CartError::TooManyLines])
        );
    }

    #[test]
    fn a_limited_cart_keeps_only_what_can_be_had() {
        let cart = Cart::parse([("A", 5), ("B", 2), ("C", 1)]).expect("a cart");
        let left = cart.limited_to(|sku| match sku.as_str() {
            "A" => 3,
            "B" => 9,
            _ => 0,
        });
        let lines: Vec<_> = left
            .iter()
            .flat_map(Cart::lines)
            .map(|l| (l.sku.as_str(), l.quantity.get()))
            .collect();
        assert_eq!(lines, [("A", 3), ("B", 2)]);
        assert_eq!(cart.limited_to(|_| 0), None);
    }

    proptest! {
        #[test]
        fn no_piece_is_lost_or_invented(items in prop::collection::vec((0u8..20, 1i64..1000), 1..200)) {
            let named: Vec<_> = items.iter().map(|(n, q)| (format!("S{n}"), *q)).collect();
            let cart = Cart::parse(named.iter().map(|(s, q)| (s.as_str(), *q))).expect("within bounds");
            let wished: i64 = items.iter().map(|(_, q)| q).sum();
            let held: i64 = cart.lines().iter().map(|l| i64::from(l.quantity.get())).sum();
            prop_assert_eq!(wished, held);
        }
    }
}
