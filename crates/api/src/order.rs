use std::fmt;

use domain::Status;
use serde::{Deserialize, Serialize};

use crate::{Money, QuoteLine, TaxPart};

/// An order as its shopper sees it. Who ordered and where it goes is not in it: the capability to see it may be passed on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Its name.
    pub id: String,
    /// Its status: `placed`, `payment_pending`, `paid`, `forwarded`, `shipped`, `delivered`, `expired`, `cancelled` or `rejected`.
    pub status: String,
    /// When it was placed.
    pub placed_at: String,
    /// Until when it is to be paid; only while it is `placed`.
    pub expires_at: Option<String>,
    /// What was ordered.
    pub lines: Vec<QuoteLine>,
    /// Shipping.
    pub shipping: Money,
    /// A part for each tax rate that occurs.
    pub taxes: Vec<TaxPart>,
    /// Lines and shipping.
    pub total: Money,
    /// All that was given back so far; `null` where that is nothing.
    pub refunded: Option<Money>,
    /// What happened, oldest first.
    pub history: Vec<HistoryEntry>,
}

/// One thing that happened to an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryEntry {
    /// When.
    pub at: String,
    /// What: a state that it entered, or `payment_started`, `payment_failed`, `refund_due`, `refunded`, `disputed`.
    pub event: String,
}

/// The answer to a checkout. `Debug` hides the token.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlacedOrder {
    /// The order.
    pub order: Order,
    /// The capability to see and pay it.
    pub access_token: String,
}

/// Where an order is paid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentPage {
    /// The payment provider's page.
    pub redirect_url: String,
    /// Until when it can be paid there.
    pub expires_at: String,
}

impl From<&domain::Order> for Order {
    fn from(order: &domain::Order) -> Self {
        let quote = order.quote();
        let expires_at = (order.status() == Status::Placed).then(|| order.reserved_until().to_string());
        let refunded = order.total_refunded();
        Self {
            id: order.id().to_string(),
            status: order.status().name().to_owned(),
            placed_at: order.placed_at().to_string(),
            expires_at,
            lines: quote.lines.iter().map(QuoteLine::from).collect(),
            shipping: quote.shipping.into(),
            taxes: quote.taxes.iter().map(TaxPart::from).collect(),
            total: quote.total.into(),
            refunded: (refunded.minor() > 0).then(|| refunded.into()),
            history: order.history().iter().map(HistoryEntry::from).collect(),
        }
    }
}

impl From<&domain::HistoryEntry> for HistoryEntry {
    fn from(entry: &domain::HistoryEntry) -> Self {
        Self {
            at: entry.at.to_string(),
            event: entry.event.name().to_owned(),
        }
    }
}

impl fmt::Debug for PlacedOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PlacedOrder")
            .field("order", &self.order)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use testkit::{an_order, noon};

    use super::*;

    #[test]
    fn a_placed_order() {
        let placed = PlacedOrder {
            order: Order::from(&an_order().placed()),
            access_token: "s3cret".to_owned(),
        };
        assert!(!format!("{placed:?}").contains("s3cret"));
        insta::assert_json_snapshot!(placed, @r#"
        {
          "order": {
            "id": "407DDN3JMVBKJYGN1FGVTGJZRM",
            "status": "placed",
            "placed_at": "2026-11-21T12:00:00Z",
            "expires_at": "2026-11-21T12:10:00Z",
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
                  "amount": 1252,
                  "currency": "EUR"
                },
                "tax": {
                  "amount": 238,
                  "currency": "EUR"
                }
              }
            ],
            "total": {
              "amount": 1490,
              "currency": "EUR"
            },
            "refunded": null,
            "history": [
              {
                "at": "2026-11-21T12:00:00Z",
                "event": "placed"
              }
            ]
          },
          "access_token": "s3cret"
        }
        "#);
    }

    #[test]
    fn an_order_whose_payment_was_given_back() {
        let later = noon() + SignedDuration::from_millis(1_500);
        let rejected = an_order().paid().rejected_by_warehouse(later).expect("paid");
        let refunded = rejected.refunded("pi_1", "re_1".to_owned(), later);
        let order = Order::from(&refunded);
        insta::assert_json_snapshot!((&order.status, &order.expires_at, &order.refunded, &order.history), @r#"
        [
          "rejected",
          null,
          {
            "amount": 1490,
            "currency": "EUR"
          },
          [
            {
              "at": "2026-11-21T12:00:00Z",
              "event": "placed"
            },
            {
              "at": "2026-11-21T12:00:00Z",
              "event": "paid"
            },
            {
              "at": "2026-11-21T12:00:01.5Z",
              "event": "rejected"
            },
            {
              "at": "2026-11-21T12:00:01.5Z",
              "event": "refund_due"
            },
            {
              "at": "2026-11-21T12:00:01.5Z",
              "event": "refunded"
            }
          ]
        ]
        "#);
    }

    #[test]
    fn a_payment_page() {
        let page = PaymentPage {
            redirect_url: "https://pay.example/cs_1".to_owned(),
            expires_at: noon().to_string(),
        };
        insta::assert_json_snapshot!(page, @r#"
        {
          "redirect_url": "https://pay.example/cs_1",
          "expires_at": "2026-11-21T12:00:00Z"
        }
        "#);
    }
}
