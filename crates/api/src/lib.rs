//! The JSON shapes of the shop's public interface, for who answers and for who asks: `openapi.yaml` describes the same.
//!
//! Names are `snake_case`; times are RFC 3339 in UTC; money is in whole minor units, gross but for the `net` of taxes.

mod order;
mod problem;
mod product;
mod quote;
mod refusal;
mod request;

use serde::{Deserialize, Serialize};

pub use order::{HistoryEntry, Order, PaymentPage, PlacedOrder};
pub use problem::{Fault, Problem};
pub use product::{Product, ProductList};
pub use quote::{Quote, QuoteLine, TaxPart};
pub use refusal::ToProblem;
pub use request::{CheckoutRequest, Customer, Item, QuoteRequest, ShippingAddress};

/// An amount of money.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Money {
    /// In minor units: 1999 is 19.99 EUR.
    pub amount: i64,
    /// ISO 4217, in upper case.
    pub currency: String,
}

impl From<domain::Money> for Money {
    fn from(money: domain::Money) -> Self {
        Self {
            amount: money.minor(),
            currency: money.currency().code().to_owned(),
        }
    }
}
