//! The kinds of request that are measured, and what has to happen before each.

use anyhow::ensure;
use serde_json::Value;

use super::events;
use super::process::Invocation;
use super::shopping::{Cart, Shopping};

/// A kind of request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    Minute,
    Page,
    Product,
    Search,
    Quote,
    Checkout,
    PaymentPage,
    Paid,
    Status,
    HandOver,
}

impl Request {
    /// All of them. The clock's first, while there is nothing to be mended.
    pub(crate) const ALL: [Self; 10] = [
        Self::Minute,
        Self::Page,
        Self::Product,
        Self::Search,
        Self::Quote,
        Self::Checkout,
        Self::PaymentPage,
        Self::Paid,
        Self::Status,
        Self::HandOver,
    ];
    /// What each function is asked at first.
    pub(crate) const FIRST: [Self; 7] = [
        Self::Minute,
        Self::Page,
        Self::Checkout,
        Self::PaymentPage,
        Self::Paid,
        Self::Status,
        Self::HandOver,
    ];

    /// As the tables have it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Minute => "a minute, nothing due",
            Self::Page => "24 products",
            Self::Product => "one product",
            Self::Search => "a search",
            Self::Quote => "quote",
            Self::Checkout => "checkout",
            Self::PaymentPage => "payment page",
            Self::Paid => "webhook: paid",
            Self::Status => "order status",
            Self::HandOver => "to the warehouse",
        }
    }

    /// The binary of the function that answers it.
    pub(crate) fn function(self) -> &'static str {
        match self {
            Self::Minute => "reconciler",
            Self::Page | Self::Product | Self::Search => "catalog",
            Self::Quote | Self::Checkout => "checkout",
            Self::PaymentPage => "payment",
            Self::Paid => "payment-events",
            Self::Status => "order-status",
            Self::HandOver => "order-forwarder",
        }
    }

    /// Whether a cart is part of it.
    pub(crate) fn is_of_a_cart(self) -> bool {
        !matches!(self, Self::Minute | Self::Page | Self::Product | Self::Search)
    }

    /// The event; whatever must have happened to the order before happens in `shopping`.
    pub(crate) async fn event(self, shopping: &mut Shopping, cart: &Cart) -> anyhow::Result<Value> {
        Ok(match self {
            Self::Minute => events::minute(),
            Self::Page => events::list(),
            Self::Product => events::show("22423"),
            Self::Search => events::search("cake%20stand"),
            Self::Quote => events::quote(cart),
            Self::Checkout => shopping.checkout(cart).await?,
            Self::PaymentPage => events::payment(&shopping.place(cart).await?),
            Self::Paid => events::captured(&shopping.place_to_pay(cart).await?),
            Self::Status => events::status(&shopping.place(cart).await?),
            Self::HandOver => events::queued(&shopping.pay(cart).await?),
        })
    }

    /// That the function did what it was asked: what fails is quick and measures nothing.
    pub(crate) fn check(self, done: &Invocation) -> anyhow::Result<()> {
        match self {
            Self::Minute => ensure!(&done.answer[..] == b"null", "the reconciler failed"),
            Self::HandOver => {
                let told: Value = serde_json::from_slice(&done.answer)?;
                let failed = told["batchItemFailures"].as_array().map(Vec::len);
                ensure!(failed == Some(0), "the forwarder answered {told}");
            }
            _ => {
                done.json()?;
            }
        }
        Ok(())
    }
}
