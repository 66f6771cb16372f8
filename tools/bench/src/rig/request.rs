//! The kinds of request that are measured, and what has to happen before each.

use anyhow::ensure;
use kontor::replay::PastOrder;
use serde_json::Value;

use super::events;
use super::lambda::Invocation;
use super::shopping::Shopping;

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

use Request::{Checkout, HandOver, Minute, Page, Paid, PaymentPage, Product, Quote, Search, Status};

impl Request {
    /// All of them; the schedule's first, while nothing is due.
    pub(crate) const ALL: [Self; 10] = [
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
    ];
    /// The first request to each function.
    pub(crate) const FIRST: [Self; 7] = [Minute, Page, Checkout, PaymentPage, Paid, Status, HandOver];

    /// As tables call it, and the binary of the function that answers it.
    const fn names(self) -> (&'static str, &'static str) {
        match self {
            Minute => ("a minute, nothing due", "reconciler"),
            Page => ("24 products", "catalog"),
            Product => ("one product", "catalog"),
            Search => ("a search", "catalog"),
            Quote => ("quote", "checkout"),
            Checkout => ("checkout", "checkout"),
            PaymentPage => ("payment page", "payment"),
            Paid => ("webhook: paid", "payment-events"),
            Status => ("order status", "order-status"),
            HandOver => ("to the warehouse", "order-forwarder"),
        }
    }

    /// As tables call it.
    pub(crate) fn name(self) -> &'static str {
        self.names().0
    }

    /// The binary of the function that answers it.
    pub(crate) fn function(self) -> &'static str {
        self.names().1
    }

    /// The binaries of all functions that are measured.
    pub(crate) fn functions() -> [&'static str; 7] {
        Self::FIRST.map(Self::function)
    }

    /// Whether it asks for products.
    pub(crate) fn is_catalogue(self) -> bool {
        self.function() == "catalog"
    }

    /// Whether it comes through the CDN.
    pub(crate) fn is_http(self) -> bool {
        !matches!(self, HandOver | Minute)
    }

    /// The event. What must have happened to the order before is done with `shopping`.
    pub(crate) async fn event(self, shopping: &Shopping, cart: &PastOrder) -> anyhow::Result<Value> {
        let products = |query| events::request("GET /api/products", "", query, None);
        Ok(match self {
            Minute => events::minute(),
            Page => products("limit=24"),
            Search => products("limit=24&q=cake%20stand"),
            Product => events::request("GET /api/products/{sku}", "22423", "", None),
            Quote => events::request("POST /api/quote", "", "", Some(&cart.quote())),
            Checkout => shopping.checkout(cart).await?,
            PaymentPage => events::of_order("POST /api/orders/{id}/payment", &shopping.place(cart).await?),
            Paid => events::captured(&shopping.open_page(cart).await?),
            Status => events::of_order("GET /api/orders/{id}", &shopping.place(cart).await?),
            HandOver => events::queued(&shopping.pay(cart).await?),
        })
    }

    /// Checks that the function did what it was asked.
    pub(crate) fn check(self, done: &Invocation) -> anyhow::Result<()> {
        match self {
            Minute => ensure!(&done.answer[..] == b"null", "the reconciler failed"),
            HandOver => {
                let answer: Value = serde_json::from_slice(&done.answer)?;
                let failed = answer["batchItemFailures"].as_array().map(Vec::len);
                ensure!(failed == Some(0), "the forwarder answered {answer}");
            }
            _ => drop(done.json()?),
        }
        Ok(())
    }
}
