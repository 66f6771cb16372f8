use domain::PricedLine;
use serde::{Deserialize, Serialize};

use crate::Money;

/// What a cart costs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quote {
    /// At least one.
    pub lines: Vec<QuoteLine>,
    /// Shipping.
    pub shipping: Money,
    /// A part for each tax rate that occurs.
    pub taxes: Vec<TaxPart>,
    /// Lines and shipping.
    pub total: Money,
}

/// A line with its price.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuoteLine {
    /// The stock keeping unit.
    pub sku: String,
    /// The product's name.
    pub name: String,
    /// Pieces.
    pub quantity: u32,
    /// For one piece.
    pub unit_price: Money,
    /// The rate of the tax contained, in percent.
    pub tax_rate: u8,
    /// For all pieces.
    pub line_total: Money,
}

/// What one tax rate's share of a total consists of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaxPart {
    /// In percent.
    pub rate: u8,
    /// The share without tax.
    pub net: Money,
    /// The tax.
    pub tax: Money,
}

impl From<&domain::Quote> for Quote {
    fn from(quote: &domain::Quote) -> Self {
        Self {
            lines: quote.lines.iter().map(QuoteLine::from).collect(),
            shipping: quote.shipping.into(),
            taxes: quote.taxes.iter().map(TaxPart::from).collect(),
            total: quote.total.into(),
        }
    }
}

impl From<&PricedLine> for QuoteLine {
    fn from(line: &PricedLine) -> Self {
        Self {
            sku: line.sku.to_string(),
            name: line.name.clone(),
            quantity: line.quantity.get(),
            unit_price: line.unit_price.into(),
            tax_rate: line.tax_rate.percent(),
            line_total: line.line_total.into(),
        }
    }
}

impl From<&domain::TaxPart> for TaxPart {
    fn from(part: &domain::TaxPart) -> Self {
        Self {
            rate: part.rate.percent(),
            net: part.net.into(),
            tax: part.tax.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use testkit::an_order;

    use super::*;

    #[test]
    fn a_quote() {
        let quote = Quote::from(an_order().lines(2).draft().quote());
        insta::assert_json_snapshot!(quote, @r#"
        {
          "lines": [
            {
              "sku": "LINE0",
              "name": "PRODUCT LINE0",
              "quantity": 1,
              "unit_price": {
                "amount": 1000,
                "currency": "EUR"
              },
              "tax_rate": 19,
              "line_total": {
                "amount": 1000,
                "currency": "EUR"
              }
            },
            {
              "sku": "LINE1",
              "name": "PRODUCT LINE1",
              "quantity": 1,
              "unit_price": {
                "amount": 1000,
                "currency": "EUR"
              },
              "tax_rate": 19,
              "line_total": {
                "amount": 1000,
                "currency": "EUR"
              }
            }
          ],
          "shipping": {
            "amount": 490,
            "currency": "EUR"
          },
          "taxes": [
            {
              "rate": 19,
              "net": {
                "amount": 2092,
                "currency": "EUR"
              },
              "tax": {
                "amount": 398,
                "currency": "EUR"
              }
            }
          ],
          "total": {
            "amount": 2490,
            "currency": "EUR"
          }
        }
        "#);
    }
}
