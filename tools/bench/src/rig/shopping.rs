//! Real carts, and orders placed and paid by warm processes.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, ensure};
use app::ports::Orders;
use domain::OrderId;
use serde::Deserialize;
use serde_json::{Value, json};

use super::events;
use super::process::{Invocation, Process};
use super::workspace;

/// The lines of an order.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Cart {
    lines: Vec<Value>,
}

impl Cart {
    /// One piece each of these SKUs.
    pub(crate) fn of(skus: &[String]) -> Self {
        let line = |sku| json!({"sku": sku, "quantity": 1});
        Self {
            lines: skus.iter().map(line).collect(),
        }
    }

    /// As the interface takes it.
    pub(crate) fn items(&self) -> Value {
        let item = |line: &Value| json!({"sku": line["sku"], "quantity": line["quantity"]});
        self.lines.iter().map(item).collect()
    }
}

/// The real shop's orders of this many lines, from a week's file, in their order.
pub(crate) fn carts(lines: usize) -> anyhow::Result<Vec<Cart>> {
    let file = workspace().join("tools/kontor/data/online-retail/orders-2010-12-01-week.jsonl");
    let text = std::fs::read_to_string(&file);
    let text = text.with_context(|| format!("{} cannot be read", file.display()))?;
    let carts = text.lines().map(serde_json::from_str::<Cart>);
    let mut carts: Vec<Cart> = carts.collect::<Result<_, _>>()?;
    carts.retain(|cart| cart.lines.len() == lines);
    ensure!(!carts.is_empty(), "no order has {lines} lines");
    Ok(carts)
}

/// An order on its way.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    pub(super) id: String,
    pub(super) token: String,
    pub(super) total: Value,
    /// The payment page's, once there is one.
    pub(super) session: String,
}

/// A warm process of each function, by its binary.
pub(crate) struct Shopping {
    processes: BTreeMap<String, Process>,
}

/// Orders of this run so far. Each has an idempotency key of its own: one that is used again is answered with its first order.
static ORDERS: AtomicUsize = AtomicUsize::new(0);

impl Shopping {
    pub(crate) fn new(processes: BTreeMap<String, Process>) -> Self {
        Self { processes }
    }

    /// Hands an event to a function.
    pub(crate) async fn invoke(&mut self, binary: &str, event: &Value) -> anyhow::Result<Invocation> {
        let process = self.processes.get_mut(binary);
        let process = process.with_context(|| format!("no process of {binary}"))?;
        process.invoke(event).await
    }

    /// A checkout of the cart, at the total that the shop quotes.
    pub(crate) async fn checkout(&mut self, cart: &Cart) -> anyhow::Result<Value> {
        let quote = self.invoke("checkout", &events::quote(cart)).await?.json()?;
        let number = ORDERS.fetch_add(1, Ordering::Relaxed);
        Ok(events::checkout(
            cart,
            &format!("bench-{number:016}"),
            &quote["total"],
        ))
    }

    /// A placed order.
    pub(crate) async fn place(&mut self, cart: &Cart) -> anyhow::Result<Order> {
        let checkout = self.checkout(cart).await?;
        Order::placed(&self.invoke("checkout", &checkout).await?)
    }

    /// An order whose payment page is open.
    pub(crate) async fn place_to_pay(&mut self, cart: &Cart) -> anyhow::Result<Order> {
        let order = self.place(cart).await?;
        let page = self.invoke("payment", &events::payment(&order)).await?;
        order.with_page(&page)
    }

    /// A paid order that the forwarder has not seen.
    pub(crate) async fn pay(&mut self, cart: &Cart) -> anyhow::Result<Order> {
        let order = self.place_to_pay(cart).await?;
        self.invoke("payment-events", &events::captured(&order))
            .await?
            .json()?;
        Ok(order)
    }
}

impl Order {
    /// As it stands in its table.
    pub(crate) async fn stored(&self, orders: &impl Orders) -> anyhow::Result<domain::Order> {
        let stored = orders.get(OrderId::parse(&self.id)?).await?;
        stored.context("the order is not there")
    }

    /// From the answer to its checkout.
    pub(crate) fn placed(answer: &Invocation) -> anyhow::Result<Self> {
        let placed = answer.json()?;
        Ok(Self {
            id: text(&placed["order"]["id"])?,
            token: text(&placed["access_token"])?,
            total: placed["order"]["total"].clone(),
            session: String::new(),
        })
    }

    /// With the page that was opened for it.
    pub(crate) fn with_page(self, answer: &Invocation) -> anyhow::Result<Self> {
        let url = text(&answer.json()?["redirect_url"])?;
        let session = url.rsplit('/').next().context("a page")?.to_owned();
        Ok(Self { session, ..self })
    }
}

fn text(value: &Value) -> anyhow::Result<String> {
    let text = value.as_str().map(str::to_owned);
    text.context("an answer lacks a member")
}
