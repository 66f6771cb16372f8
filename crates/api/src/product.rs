use serde::{Deserialize, Serialize};

use crate::Money;

/// A product and what is left of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Product {
    /// The stock keeping unit.
    pub sku: String,
    /// What the shopper reads.
    pub name: String,
    /// Gross, for one piece.
    pub price: Money,
    /// The rate of the tax contained, in percent.
    pub tax_rate: u8,
    /// Pieces in stock.
    pub available: u32,
    /// The most pieces that one order takes.
    pub max_per_order: u32,
}

impl Product {
    /// A product of which so many pieces are left.
    pub fn new(product: &domain::Product, available: u32) -> Self {
        Self {
            sku: product.sku.to_string(),
            name: product.name.clone(),
            price: product.unit_price.into(),
            tax_rate: product.tax_rate.percent(),
            available,
            max_per_order: product.max_per_order.get(),
        }
    }
}

/// A part of the catalogue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProductList {
    /// In the order of the SKUs; what was searched for: the best first, what is sold out last.
    pub items: Vec<Product>,
    /// Where the next part begins, opaque; `null` at the end.
    pub next_cursor: Option<String>,
    /// What was searched for instead, where a word was misspelt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correction: Option<String>,
}

#[cfg(test)]
mod tests {
    use testkit::a_product;

    use super::*;

    #[test]
    fn a_list_of_products() {
        let list = ProductList {
            items: vec![Product::new(&a_product("85123A", 255), 7)],
            next_cursor: Some("MTo4NTEyM0E".to_owned()),
            correction: None,
        };
        insta::assert_json_snapshot!(list, @r#"
        {
          "items": [
            {
              "sku": "85123A",
              "name": "PRODUCT 85123A",
              "price": {
                "amount": 255,
                "currency": "EUR"
              },
              "tax_rate": 19,
              "available": 7,
              "max_per_order": 100000
            }
          ],
          "next_cursor": "MTo4NTEyM0E"
        }
        "#);
    }

    #[test]
    fn the_last_part_says_so_by_a_null() {
        let list = ProductList {
            items: Vec::new(),
            next_cursor: None,
            correction: None,
        };
        insta::assert_json_snapshot!(list, @r#"
        {
          "items": [],
          "next_cursor": null
        }
        "#);
    }
}
