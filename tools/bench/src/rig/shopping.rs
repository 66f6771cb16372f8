//! Real carts, and orders placed and paid by warm processes.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, ensure};
use kontor::replay::{self, PastLine, PastOrder};
use serde_json::Value;

use super::lambda::{Invocation, Lambda};
use super::request::Request;
use super::tally::Tally;
use super::{events, workspace};

/// Requests before the first one that counts.
const WARM_UP: usize = 5;
/// After these, until what a warm process does besides its answers is done: copying the largest catalogue, or nearly nothing.
const SETTLE: [Duration; 2] = [Duration::from_secs(3), Duration::from_millis(500)];

/// The real shop's orders of this many lines, from a week's file, in their order; all to Germany.
pub(crate) fn carts(lines: usize) -> anyhow::Result<Vec<PastOrder>> {
    let file = workspace().join("tools/kontor/data/online-retail/orders-2010-12-01-week.jsonl");
    let mut carts = replay::read(&file)?.collect::<anyhow::Result<Vec<_>>>()?;
    carts.retain(|cart| cart.lines.len() == lines);
    ensure!(!carts.is_empty(), "no order has {lines} lines");
    for cart in &mut carts {
        "DE".clone_into(&mut cart.country);
    }
    Ok(carts)
}

/// One piece each of these SKUs.
pub(crate) fn cart_of(skus: &[String]) -> PastOrder {
    let line = |sku: &String| PastLine {
        sku: sku.clone(),
        quantity: 1,
    };
    PastOrder {
        order: String::new(),
        customer: None,
        country: "DE".to_owned(),
        lines: skus.iter().map(line).collect(),
    }
}

/// An order on its way.
pub(crate) struct Placed {
    pub(crate) id: String,
    pub(crate) token: String,
    pub(crate) total: Value,
    /// The payment page's, once there is one.
    pub(crate) session: String,
}

/// A warm process of each function, and what they call.
pub(crate) struct Shopping {
    pub(super) lambda: Lambda,
    pub(super) tally: Tally,
}

/// Orders of this run so far. Each has an idempotency key of its own: one that is used again is answered with its first order.
static ORDERS: AtomicUsize = AtomicUsize::new(0);

impl Shopping {
    /// So many requests, after some that do not count. The carts take turns.
    pub(crate) async fn measure(
        &self,
        request: Request,
        carts: &[PastOrder],
        samples: usize,
    ) -> anyhow::Result<Vec<Invocation>> {
        let mut measured = Vec::new();
        for (number, cart) in carts.iter().cycle().take(WARM_UP + samples).enumerate() {
            if number == WARM_UP {
                tokio::time::sleep(SETTLE[usize::from(!request.is_catalogue())]).await;
                measured.clear();
            }
            let event = request.event(self, cart).await?;
            self.tally.take();
            let mut done = self.lambda.invoke(request.function(), &event).await?;
            // What fails is quick and measures nothing.
            request.check(&done)?;
            done.calls = self.tally.take();
            measured.push(done);
        }
        Ok(measured)
    }

    /// A checkout of the cart, at the total that the shop quotes.
    pub(crate) async fn checkout(&self, cart: &PastOrder) -> anyhow::Result<Value> {
        let quote = events::request("POST /api/quote", "", "", Some(&cart.quote()));
        let quote = self.lambda.invoke("checkout", &quote).await?.json()?;
        let body = cart.checkout(&quote["total"]);
        let mut event = events::request("POST /api/checkout", "", "", Some(&body));
        let number = ORDERS.fetch_add(1, Ordering::Relaxed);
        event["headers"]["idempotency-key"] = format!("\"bench-{number:016}\"").into();
        Ok(event)
    }

    /// A placed order.
    pub(crate) async fn place(&self, cart: &PastOrder) -> anyhow::Result<Placed> {
        let checkout = self.checkout(cart).await?;
        let placed = self.lambda.invoke("checkout", &checkout).await?.json()?;
        Ok(Placed {
            id: text(&placed["order"]["id"])?,
            token: text(&placed["access_token"])?,
            total: placed["order"]["total"].clone(),
            session: String::new(),
        })
    }

    /// An order whose payment page is open.
    pub(crate) async fn open_page(&self, cart: &PastOrder) -> anyhow::Result<Placed> {
        let order = self.place(cart).await?;
        let payment = events::of_order("POST /api/orders/{id}/payment", &order);
        let page = self.lambda.invoke("payment", &payment).await?.json()?;
        let url = text(&page["redirect_url"])?;
        let session = url.rsplit('/').next().context("a page")?.to_owned();
        Ok(Placed { session, ..order })
    }

    /// A paid order that the forwarder has not seen.
    pub(crate) async fn pay(&self, cart: &PastOrder) -> anyhow::Result<Placed> {
        let order = self.open_page(cart).await?;
        let event = events::captured(&order);
        self.lambda.invoke("payment-events", &event).await?.json()?;
        Ok(order)
    }
}

fn text(value: &Value) -> anyhow::Result<String> {
    let text = value.as_str().map(str::to_owned);
    text.context("an answer lacks a member")
}
