//! What a cart costs.

use std::collections::HashMap;

use crate::{
    Cart, CartLine, Country, Currency, Money, MoneyError, Product, Quantity, ShippingTable, Sku, TaxPart,
    TaxRate, split_by_rate,
};

/// The largest total that can be paid: the provider's limit of eight digits in minor units
/// (docs.stripe.com/currencies, "Minimum and maximum charge amounts").
pub const MAX_TOTAL: Money = Money::new(99_999_999, Currency::Eur);

/// A line with its price.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PricedLine {
    /// What.
    pub sku: Sku,
    /// The product's name at that time.
    pub name: String,
    /// How many pieces.
    pub quantity: Quantity,
    /// Gross, for one piece.
    pub unit_price: Money,
    /// The rate of the tax contained.
    pub tax_rate: TaxRate,
    /// Gross: `unit_price × quantity`.
    pub line_total: Money,
}

/// What a cart costs, shipped to one country. All amounts gross but `taxes`' nets, which add up with their taxes to `total`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quote {
    /// At least one.
    pub lines: Vec<PricedLine>,
    /// Shipping.
    pub shipping: Money,
    /// A part for each tax rate that occurs.
    pub taxes: Vec<TaxPart>,
    /// Lines and shipping.
    pub total: Money,
}

/// Why a cart has no price.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PricingError {
    /// SKUs that the catalogue does not have, or no longer, or of which an order takes less.
    #[error("some items are not in the catalogue, or are more than an order takes")]
    Unavailable(Vec<UnavailableItem>),
    /// The shop does not ship there.
    #[error("the shop does not ship to {0}")]
    NotShippedTo(Country),
    /// More than [`MAX_TOTAL`].
    #[error("an order's total is at most {MAX_TOTAL}")]
    TotalTooLarge,
    /// A price in the catalogue is not in the shop's currency.
    #[error("a product is priced in another currency")]
    Currency,
}

impl From<MoneyError> for PricingError {
    fn from(error: MoneyError) -> Self {
        match error {
            MoneyError::Overflow => Self::TotalTooLarge,
            MoneyError::CurrencyMismatch => Self::Currency,
        }
    }
}

/// An item of a cart that cannot be had as wished.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnavailableItem {
    /// Where it stood in what was sent, from 0.
    pub position: usize,
    /// What.
    pub sku: Sku,
    /// Why.
    pub why: Unavailability,
}

/// Why an item cannot be had as wished.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unavailability {
    /// The catalogue does not have the SKU.
    UnknownSku,
    /// Fewer pieces are left.
    SoldOut {
        /// The pieces left.
        available: u32,
    },
    /// One order takes fewer pieces.
    OverLimit {
        /// [`Product::max_per_order`].
        max_per_order: Quantity,
    },
}

/// Prices `cart` by the products of the catalogue.
///
/// # Errors
/// [`PricingError`]; all unavailable items are named at once.
pub fn price_cart(
    cart: &Cart,
    products: &HashMap<Sku, Product>,
    shipping: &ShippingTable,
    ship_to: Country,
) -> Result<Quote, PricingError> {
    let rate = shipping
        .rate(ship_to)
        .ok_or(PricingError::NotShippedTo(ship_to))?;
    let mut lines = Vec::with_capacity(cart.lines().len());
    let mut unavailable = Vec::new();
    for line in cart.lines() {
        let product = match find(line, products) {
            Ok(product) => product,
            Err(item) => {
                unavailable.push(item);
                continue;
            }
        };
        lines.push(PricedLine {
            sku: product.sku.clone(),
            name: product.name.clone(),
            quantity: line.quantity,
            unit_price: product.unit_price,
            tax_rate: product.tax_rate,
            line_total: product.unit_price.times(line.quantity.get())?,
        });
    }
    if !unavailable.is_empty() {
        return Err(PricingError::Unavailable(unavailable));
    }
    let goods = Money::sum(rate.flat.currency(), lines.iter().map(|line| line.line_total))?;
    let shipping = rate.cost_for(goods);
    let total = goods.plus(shipping)?;
    if total.minor() > MAX_TOTAL.minor() {
        return Err(PricingError::TotalTooLarge);
    }
    let by_rate: Vec<_> = lines
        .iter()
        .map(|line| (line.tax_rate, line.line_total))
        .collect();
    let taxes = split_by_rate(&by_rate, shipping)?;
    Ok(Quote {
        lines,
        shipping,
        taxes,
        total,
    })
}

/// The product of a line, where the catalogue has it and an order takes so many pieces of it.
fn find<'a>(line: &CartLine, products: &'a HashMap<Sku, Product>) -> Result<&'a Product, UnavailableItem> {
    let why = match products.get(&line.sku) {
        Some(product) if line.quantity <= product.max_per_order => return Ok(product),
        Some(product) => Unavailability::OverLimit {
            max_per_order: product.max_per_order,
        },
        None => Unavailability::UnknownSku,
    };
    Err(UnavailableItem {
        position: line.position,
        sku: line.sku.clone(),
        why,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn catalogue(prices: &[(&str, i64, TaxRate)]) -> HashMap<Sku, Product> {
        let product = |(sku, minor, tax_rate): &(&str, i64, TaxRate)| {
            let sku = Sku::parse(sku).expect("a SKU");
            let unit_price = Money::new(*minor, Currency::Eur);
            (
                sku.clone(),
                Product {
                    name: sku.to_string(),
                    sku,
                    unit_price,
                    tax_rate: *tax_rate,
                    max_per_order: Quantity::MAX,
                },
            )
        };
        prices.iter().map(product).collect()
    }

    fn germany() -> Country {
        Country::parse("DE").expect("a country")
    }

    fn price(items: &[(&str, i64)], prices: &[(&str, i64, TaxRate)]) -> Result<Quote, PricingError> {
        let cart = Cart::parse(items.iter().copied()).expect("a cart");
        price_cart(
            &cart,
            &catalogue(prices),
            &ShippingTable::of_the_shop(),
            germany(),
        )
    }

    #[test]
    fn a_quote_adds_lines_and_shipping_and_splits_the_taxes() {
        let prices = [
            ("LAMP", 1_999, TaxRate::Standard),
            ("BOOK", 1_000, TaxRate::Reduced),
        ];
        let quote = price(&[("LAMP", 1), ("BOOK", 2)], &prices).expect("a quote");
        assert_eq!(quote.total.minor(), 1_999 + 2_000 + 490);
        assert_eq!(quote.shipping.minor(), 490);
        assert_eq!(quote.taxes.len(), 2);
    }

    #[test]
    fn shipping_is_free_from_the_threshold() {
        let quote = price(&[("LAMP", 1)], &[("LAMP", 5_000, TaxRate::Standard)]).expect("a quote");
        assert_eq!(quote.total.minor(), 5_000);
    }

    #[test]
    fn every_unknown_sku_is_named_with_its_position() {
        let error = price(
            &[("X", 1), ("LAMP", 1), ("Y", 1)],
            &[("LAMP", 1, TaxRate::Standard)],
        );
        let Err(PricingError::Unavailable(items)) = error else {
            panic!("{error:?}")
        };
        assert_eq!(
            items
                .iter()
                .map(|i| (i.position, i.sku.as_str()))
                .collect::<Vec<_>>(),
            [(0, "X"), (2, "Y")]
        );
    }

    #[test]
    fn more_than_an_order_takes_is_refused_with_the_limit() {
        let lamp = Sku::parse("LAMP").expect("a SKU");
        let mut products = catalogue(&[("LAMP", 1_999, TaxRate::Standard)]);
        let max_per_order = Quantity::new(12).expect("a quantity");
        products.get_mut(&lamp).expect("the lamp").max_per_order = max_per_order;
        let price = |pieces| {
            let cart = Cart::parse([("LAMP", pieces)]).expect("a cart");
            price_cart(&cart, &products, &ShippingTable::of_the_shop(), germany())
        };
        assert!(price(12).is_ok());
        let item = UnavailableItem {
            position: 0,
            sku: lamp.clone(),
            why: Unavailability::OverLimit { max_per_order },
        };
        assert_eq!(price(13), Err(PricingError::Unavailable(vec![item])));
    }

    #[test]
    fn a_total_that_the_provider_cannot_take_is_refused() {
        let prices = [("GOLD", 100_000, TaxRate::Standard)];
        assert!(price(&[("GOLD", 999)], &prices).is_ok());
        let dearest = price(&[("GOLD", 1)], &[("GOLD", MAX_TOTAL.minor(), TaxRate::Standard)]);
        assert_eq!(dearest.map(|quote| quote.total), Ok(MAX_TOTAL));
        assert_eq!(
            price(&[("GOLD", 1_000)], &prices),
            Err(PricingError::TotalTooLarge)
        );
        assert_eq!(
            price(&[("GOLD", 100_000)], &[("GOLD", i64::MAX, TaxRate::Standard)]),
            Err(PricingError::TotalTooLarge)
        );
    }

    #[test]
    fn an_unserved_country_is_refused() {
        let cart = Cart::parse([("LAMP", 1)]).expect("a cart");
        let nowhere = Country::parse("XX").expect("of the form");
        let refused = price_cart(&cart, &HashMap::new(), &ShippingTable::of_the_shop(), nowhere);
        assert_eq!(refused, Err(PricingError::NotShippedTo(nowhere)));
    }

    proptest! {
        #[test]
        fn the_parts_of_a_quote_add_up(items in prop::collection::vec((1i64..20_000, 1i64..200, any::<bool>()), 1..40)) {
            let named: Vec<_> = items.iter().enumerate().map(|(n, (price, _, reduced))| {
                (format!("S{n}"), *price, if *reduced { TaxRate::Reduced } else { TaxRate::Standard })
            }).collect();
            let prices: Vec<_> = named.iter().map(|(s, p, r)| (s.as_str(), *p, *r)).collect();
            let wished: Vec<_> = named.iter().zip(&items).map(|((s, ..), (_, q, _))| (s.as_str(), *q)).collect();
            if let Ok(quote) = price(&wished, &prices) {
                let lines: i64 = quote.lines.iter().map(|l| l.line_total.minor()).sum();
                let taxed: i64 = quote.taxes.iter().map(|t| t.net.minor() + t.tax.minor()).sum();
                prop_assert_eq!(lines + quote.shipping.minor(), quote.total.minor());
                prop_assert_eq!(taxed, quote.total.minor());
            }
        }
    }
}
