//! Orders that no table has, and for which the provider has money.
//!
//! Their documents are gone: who ordered what, and where it goes. What is known comes back as an order of that id, so that the id stays used, the
//! money is in the books, and it goes back where there is nothing to ship for it.

use std::fmt;

use anyhow::Context;
use app::ports::{LookedUp, Warehouse};
use domain::{
    AccessToken, Address, Country, Currency, Customer, Fingerprint, Money, Order, OrderId, Quote,
    ReportedPayment,
};
use jiff::Timestamp;
use serde::Serialize;

use crate::report::Amount;

/// In place of what nobody knows any more.
const UNKNOWN: &str = "unknown";

/// A lost order.
#[derive(Clone, Debug, Serialize)]
pub struct Lost {
    /// Its id.
    pub order_id: String,
    /// The provider's name for the payment.
    pub payment_id: String,
    amount: Amount,
    /// Whether the warehouse has it.
    #[serde(flatten)]
    pub place: Place,
}

/// Whether the warehouse has a lost order, and so what comes of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "warehouse", rename_all = "snake_case")]
pub enum Place {
    /// It has: the money stays. Which articles left is known there alone.
    HasIt {
        /// Its number for it.
        erp_number: String,
    },
    /// It has not: the money goes back.
    HasItNot,
    /// It did not say: nothing was done.
    Unknown {
        /// Why, for operators.
        reason: String,
    },
}

impl Lost {
    /// Asks the warehouse about an order that `payment` is for.
    pub(super) async fn find(warehouse: &impl Warehouse, id: OrderId, payment: &ReportedPayment) -> Self {
        let unknown = |reason: String| Place::Unknown { reason };
        let place = match warehouse.look_up(id).await {
            _ if payment.amount.currency() != Currency::Eur => {
                unknown("it was paid in another currency".to_owned())
            }
            LookedUp::Found { erp_number } => Place::HasIt { erp_number },
            LookedUp::Absent => Place::HasItNot,
            LookedUp::Unreadable(cause) | LookedUp::Unknown(cause) => unknown(cause.to_string()),
        };
        Self {
            order_id: id.to_string(),
            payment_id: payment.payment_id.clone(),
            amount: payment.amount.into(),
            place,
        }
    }

    /// The order as far as it is known: with the warehouse, or ended, with a refund due. It has no lines and holds no stock, and its shopper's own token is lost. `None` where the
    /// warehouse did not say.
    pub(super) fn order(
        &self,
        id: OrderId,
        token: &AccessToken,
        payment: &ReportedPayment,
        now: Timestamp,
    ) -> anyhow::Result<Option<Order>> {
        let text = || UNKNOWN.to_owned();
        let customer = Customer {
            name: text(),
            email: text(),
        };
        let address = Address {
            name: text(),
            street: text(),
            postal_code: text(),
            city: text(),
            country: Country::parse("DE")?,
        };
        let quote = Quote {
            lines: Vec::new(),
            shipping: Money::zero(payment.amount.currency()),
            taxes: Vec::new(),
            total: payment.amount,
        };
        // Of no request: the key that it was placed under is used.
        let fingerprint = Fingerprint::from_bytes([0; 32]);
        let draft = Order::draft(id, fingerprint, token.clone(), customer, address, quote, now);
        let (placed, _) = draft.reserve_step(now)?;
        Ok(match &self.place {
            Place::Unknown { .. } => None,
            Place::HasItNot => Some(placed.expire(now)?.settle(payment.clone(), now).0),
            Place::HasIt { erp_number } => {
                let paid = placed.settle(payment.clone(), now).0;
                let there = paid.accepted_by_warehouse(erp_number.clone(), now);
                Some(there.context("a paid order")?)
            }
        })
    }
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (id, payment) = (&self.order_id, &self.payment_id);
        match &self.place {
            Place::HasIt { erp_number } => write!(
                f,
                "Order {id} is lost; the warehouse has it as {erp_number}: take what it shipped for it off the stock."
            ),
            Place::HasItNot => write!(
                f,
                "Order {id} is lost, and not in the warehouse: its payment {payment} goes back."
            ),
            Place::Unknown { reason } => write!(
                f,
                "Order {id} is lost, and the warehouse did not say whether it has it ({reason}): run this again. Its payment is {payment}."
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::{RefundReason, Status};
    use testkit::{an_access_token, eur, noon};

    use super::*;

    fn lost(place: Place) -> Order {
        let payment = ReportedPayment {
            payment_id: "pi_1".to_owned(),
            amount: eur(1_490),
        };
        let id = OrderId::for_key("lost");
        let lost = Lost {
            order_id: id.to_string(),
            payment_id: payment.payment_id.clone(),
            amount: payment.amount.into(),
            place,
        };
        let order = lost
            .order(id, &an_access_token("nobody's"), &payment, noon())
            .expect("an order");
        order.expect("the warehouse said")
    }

    #[test]
    fn a_lost_order_that_nobody_ships_owes_its_payment() {
        let order = lost(Place::HasItNot);
        assert_eq!((order.status(), order.held()), (Status::Expired, 0));
        let owed = order.due_refund().expect("a refund");
        assert_eq!((owed.payment_id.as_str(), owed.amount), ("pi_1", eur(1_490)));
        assert_eq!(owed.reason, RefundReason::OrderEnded);
    }

    #[test]
    fn a_lost_order_that_the_warehouse_has_is_paid_and_done() {
        let erp_number = "K0000001".to_owned();
        let order = lost(Place::HasIt { erp_number });
        assert_eq!(order.status(), Status::Forwarded);
        assert_eq!((order.due_refund(), order.jobs().len()), (None, 0));
        assert_eq!(order.capture().map(|capture| capture.amount), Some(eur(1_490)));
    }
}
