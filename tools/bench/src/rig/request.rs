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
    /// All of them; the schedule's first, while nothing is due.
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
    /// The first request to each function.
    pub(crate) const FIRST: [Self; 7] = [
        Self::Minute,
        Self::Page,
        Self::Checkout,
        Self::PaymentPage,
        Self::Paid,
        Self::Status,
        Self::HandOver,
    ];

    /// As tables call it.
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

    /// The binaries of all functions that are measured.
    pub(crate) fn functions() -> [&'static str; 7] {
        Self::FIRST.map(Self::function)
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

    /// Whether it asks for products.
    pub(crate) fn is_catalogue(self) -> bool {
        matches!(self, Self::Page | Self::Product | Self::Search)
    }

    /// Whether it comes through the CDN.
    pub(crate) fn is_http(self) -> bool {
        !matches!(self, Self::HandOver | Self::Minute)
    }

    /// Hands the request to the function and checks the answer: what fails is quick and measures nothing.
    pub(crate) async fn invoke(self, shopping: &mut Shopping, event: &Value) -> anyhow::Result<Invocation> {
        let done = shopping.invoke(self.function(), event).await?;
        self.check(&done)?;
        Ok(done)
    }

    /// The event. What must have happened to the order before is done with `shopping`.
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

    /// Checks that the function did what it was asked.
    pub(crate) fn check(self, done: &Invocation) -> anyhow::Result<()> {
        match self {
            Self::Minute => ensure!(&done.answer[..] == b"null", "the reconciler failed"),
            Self::HandOver => {
                let answer: Value = serde_json::from_slice(&done.answer)?;
                let failed = answer["batchItemFailures"].as_array().map(Vec::len);
                ensure!(failed == Some(0), "the forwarder answered {answer}");
            }
            _ => {
                done.json()?;
            }
        }
        Ok(())
    }
}
