use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Money;

/// Some pieces of a SKU.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// What.
    pub sku: String,
    /// How many pieces, as asked for: the shop decides whether it can be.
    pub quantity: i64,
}

/// Asks what a cart costs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuoteRequest {
    /// The cart.
    pub items: Vec<Item>,
    /// ISO 3166-1 alpha-2.
    pub ship_to: String,
}

/// Places an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckoutRequest {
    /// The cart.
    pub items: Vec<Item>,
    /// Who orders.
    pub customer: Customer,
    /// Where it goes.
    pub shipping_address: ShippingAddress,
    /// The total that the shopper saw.
    pub expected_total: Money,
}

/// Who orders. `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Customer {
    /// The person's name.
    pub name: String,
    /// The mail address.
    pub email: String,
}

/// Where an order goes. `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShippingAddress {
    /// The recipient.
    pub name: String,
    /// Street and house number.
    pub street: String,
    /// Postal code.
    pub postal_code: String,
    /// Town.
    pub city: String,
    /// ISO 3166-1 alpha-2.
    pub country: String,
}

impl fmt::Debug for Customer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Customer(..)")
    }
}

impl fmt::Debug for ShippingAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ShippingAddress(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkout() {
        let (name, country) = ("Ada Lovelace".to_owned(), "DE".to_owned());
        let request = CheckoutRequest {
            items: vec![Item {
                sku: "85123A".to_owned(),
                quantity: 6,
            }],
            customer: Customer {
                name: name.clone(),
                email: "ada@example.org".to_owned(),
            },
            shipping_address: ShippingAddress {
                name,
                street: "Unter den Linden 1".to_owned(),
                postal_code: "10117".to_owned(),
                city: "Berlin".to_owned(),
                country,
            },
            expected_total: Money {
                amount: 2_020,
                currency: "EUR".to_owned(),
            },
        };
        assert!(!format!("{request:?}").contains("Ada"));
        insta::assert_json_snapshot!(request, @r#"
        {
          "items": [
            {
              "sku": "85123A",
              "quantity": 6
            }
          ],
          "customer": {
            "name": "Ada Lovelace",
            "email": "ada@example.org"
          },
          "shipping_address": {
            "name": "Ada Lovelace",
            "street": "Unter den Linden 1",
            "postal_code": "10117",
            "city": "Berlin",
            "country": "DE"
          },
          "expected_total": {
            "amount": 2020,
            "currency": "EUR"
          }
        }
        "#);
    }

    #[test]
    fn a_request_for_a_quote() {
        let request = QuoteRequest {
            items: Vec::new(),
            ship_to: "DE".to_owned(),
        };
        insta::assert_json_snapshot!(request, @r#"
        {
          "items": [],
          "ship_to": "DE"
        }
        "#);
    }
}
