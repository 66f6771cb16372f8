//! The order as the ERP reads it.

use domain::{Money, Order};
use serde::Serialize;

/// An order in full. Amounts are gross.
#[derive(Serialize)]
pub(crate) struct DispatchNote<'a> {
    order_id: String,
    placed_at: String,
    customer: Customer<'a>,
    shipping_address: Address<'a>,
    lines: Vec<Item<'a>>,
    shipping: Amount,
    taxes: Vec<TaxShare>,
    total: Amount,
}

#[derive(Serialize)]
struct Customer<'a> {
    name: &'a str,
    email: &'a str,
}

#[derive(Serialize)]
struct Address<'a> {
    name: &'a str,
    street: &'a str,
    postal_code: &'a str,
    city: &'a str,
    /// ISO 3166-1 alpha-2.
    country: String,
}

#[derive(Serialize)]
struct Item<'a> {
    sku: &'a str,
    name: &'a str,
    quantity: u32,
    unit_price: Amount,
    line_total: Amount,
}

/// A share of the total at one tax rate, in percent.
#[derive(Serialize)]
struct TaxShare {
    rate: u8,
    net: Amount,
    tax: Amount,
}

/// Minor units and an ISO 4217 code.
#[derive(Serialize)]
struct Amount {
    amount: i64,
    currency: &'static str,
}

impl From<Money> for Amount {
    fn from(money: Money) -> Self {
        Self {
            amount: money.minor(),
            currency: money.currency().code(),
        }
    }
}

impl<'a> DispatchNote<'a> {
    pub(crate) fn of(order: &'a Order) -> Self {
        let (quote, customer, to) = (order.quote(), order.customer(), order.shipping_address());
        let line = |line: &'a domain::PricedLine| Item {
            sku: line.sku.as_str(),
            name: &line.name,
            quantity: line.quantity.get(),
            unit_price: line.unit_price.into(),
            line_total: line.line_total.into(),
        };
        let tax = |part: &domain::TaxPart| TaxShare {
            rate: part.rate.percent(),
            net: part.net.into(),
            tax: part.tax.into(),
        };
        Self {
            order_id: order.id().to_string(),
            placed_at: order.placed_at().to_string(),
            customer: Customer {
                name: &customer.name,
                email: &customer.email,
            },
            shipping_address: Address {
                name: &to.name,
                street: &to.street,
                postal_code: &to.postal_code,
                city: &to.city,
                country: to.country.iso().to_string(),
            },
            lines: quote.lines.iter().map(line).collect(),
            shipping: quote.shipping.into(),
            taxes: quote.taxes.iter().map(tax).collect(),
            total: quote.total.into(),
        }
    }
}
