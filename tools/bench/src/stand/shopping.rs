//! Shoppers' real carts, and an order's way through processes that are warm.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, ensure};
use app::ports::Orders;
use domain::OrderId;
use serde::Deserialize;
use serde_json::{Value, json};

use super::events;
use super::process::{Invocation, Process};
use super::workspace;

/// A past order's lines.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Cart {
    lines: Vec<Line>,
}

#[derive(Clone, Debug, Deserialize)]
struct Line {
    sku: String,
    quantity: u32,
}

impl Cart {
    /// One piece each of these.
    pub(crate) fn of(skus: impl IntoIterator<Item = String>) -> Self {
        let line = |sku| Line { sku, quantity: 1 };
        Self {
            lines: skus.into_iter().map(line).collect(),
        }
    }

    /// As the interface takes it.
    pub(crate) fn items(&self) -> Value {
        let item = |line: &Line| json!({"sku": line.sku, "quantity": line.quantity});
        self.lines.iter().map(item).collect()
    }
}

/// The real shop's orders of this many lines, a week of them, in their order.
pub(crate) fn carts(lines: usize) -> anyhow::Result<Vec<Cart>> {
    let file = workspace().join("tools/kontor/data/online-retail/orders-2010-12-01-week.jsonl");
    let file = File::open(&file).with_context(|| format!("{} cannot be read", file.display()))?;
    let mut carts = Vec::new();
    for line in BufReader::new(file).lines() {
        let cart: Cart = serde_json::from_str(&line?)?;
        if cart.lines.len() == lines {
            carts.push(cart);
        }
    }
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

/// Orders of this run so far: each has a key of its own, whoever places it, since a key that is used again is answered with its first order.
static ORDERS: AtomicUsize = AtomicUsize::new(0);

impl Shopping {
    pub(crate) fn new(processes: BTreeMap<String, Process>) -> Self {
        Self { processes }
    }

    /// Hands an event to a function.
    pub(crate) async fn invoke(&mut self, binary: &str, event: &Value) -> anyhow::Result<Invocation> {
        let process = self.processes.get_mut(binary);
        process
            .with_context(|| format!("no process of {binary}"))?
            .invoke(event)
            .await
    }

    /// The process of a function.
    pub(crate) fn process(&self, binary: &str) -> anyhow::Result<&Process> {
        self.processes
            .get(binary)
            .with_context(|| format!("no process of {binary}"))
    }

    /// What a checkout of the cart is, with a key of its own and the total that the shop tells.
    pub(crate) async fn checkout(&mut self, cart: &Cart) -> anyhow::Result<Value> {
        let quote = self.invoke("checkout", &events::quote(cart)).await?.json()?;
        let number = ORDERS.fetch_add(1, Ordering::Relaxed);
        Ok(events::checkout(
            cart,
            &format!("bench-{number}"),
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

    /// A paid order, which no message has told of.
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
    value
        .as_str()
        .map(str::to_owned)
        .context("an answer without what was promised")
}
