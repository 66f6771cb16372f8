//! What the shop sells.

use std::fmt;

use crate::text::parse_text;
use crate::{MAX_QUANTITY, Money, Quantity, TaxRate, TextError};

/// A stock keeping unit: 1 to 20 characters of `0-9 A-Z _ -`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Sku(String);

/// Why a text is no [`Sku`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a SKU has 1 to 20 characters of 0-9, A-Z, _ and -")]
pub struct SkuError;

impl Sku {
    /// Reads a SKU; lower case is read as upper case.
    ///
    /// # Errors
    /// [`SkuError`] for anything that cannot be a SKU.
    pub fn parse(raw: &str) -> Result<Self, SkuError> {
        let fits = (1..=20).contains(&raw.len())
            && raw
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
        fits.then(|| Self(raw.to_ascii_uppercase())).ok_or(SkuError)
    }

    /// The SKU as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Sku {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A product as the catalogue has it. Its stock is kept apart: it changes with every order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Product {
    /// The stock keeping unit.
    pub sku: Sku,
    /// What the shopper reads; 1 to [`Product::MAX_NAME`] characters.
    pub name: String,
    /// Gross: the tax is contained (§ 1 PAngV).
    pub unit_price: Money,
    /// The rate of the tax contained.
    pub tax_rate: TaxRate,
    /// The most pieces of it that one order takes, so that no single order empties the shelf.
    pub max_per_order: Quantity,
}

/// The part of a product's stock that one order takes at most, where the catalogue does not say otherwise.
const PART_PER_ORDER: u32 = 10;
/// What one order may take however few there are.
const LEAST_PER_ORDER: u32 = 12;

impl Product {
    /// The most characters of a name.
    pub const MAX_NAME: usize = 80;

    /// The most bytes of a name in UTF-8: 1,200 lines of them stay below the 400 KB of one stored order.
    pub const MAX_NAME_BYTES: usize = 200;

    /// The most pieces an order takes of a product of which there are `stock`, where the catalogue does not say: a tenth, at least 12.
    pub fn default_max_per_order(stock: u32) -> Quantity {
        let most = (stock / PART_PER_ORDER).clamp(LEAST_PER_ORDER, MAX_QUANTITY);
        Quantity::new(most.into()).unwrap_or(Quantity::MAX)
    }

    /// Reads a product's name.
    ///
    /// # Errors
    /// [`TextError`] for an empty, overlong or misleading name.
    pub fn parse_name(raw: &str) -> Result<String, TextError> {
        let name = parse_text(raw, Self::MAX_NAME)?;
        if name.len() > Self::MAX_NAME_BYTES {
            Err(TextError::TooLong { max: Self::MAX_NAME })
        } else {
            Ok(name)
        }
    }
}

/// How many pieces of a SKU can still be sold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StockLevel {
    /// The stock keeping unit.
    pub sku: Sku,
    /// Pieces not reserved by any order.
    pub available: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sku_is_short_and_plain() {
        assert_eq!(
            Sku::parse("85123a").map(|s| s.to_string()),
            Ok("85123A".to_owned())
        );
        assert!(Sku::parse("GIFT_0001-20").is_ok());
        for bad in ["", "A B", "ÄA", "123456789012345678901", "A/B", "A\n"] {
            assert_eq!(Sku::parse(bad), Err(SkuError), "{bad:?}");
        }
    }

    #[test]
    fn an_order_takes_a_tenth_of_the_stock_and_at_least_12() {
        for (stock, most) in [
            (0, 12),
            (129, 12),
            (130, 13),
            (100_000, 10_000),
            (u32::MAX, 100_000),
        ] {
            assert_eq!(Product::default_max_per_order(stock).get(), most, "of {stock}");
        }
    }

    #[test]
    fn a_product_name_has_at_most_80_characters_and_200_bytes() {
        assert_eq!(
            Product::parse_name(" Kuchenständer ").as_deref(),
            Ok("Kuchenständer")
        );
        let longest = "茶".repeat(66) + "ab";
        assert_eq!(longest.len(), Product::MAX_NAME_BYTES);
        assert_eq!(Product::parse_name(&longest), Ok(longest.clone()));
        for bad in [longest + "c", "x".repeat(81)] {
            assert_eq!(
                Product::parse_name(&bad),
                Err(TextError::TooLong {
                    max: Product::MAX_NAME
                })
            );
        }
    }
}
