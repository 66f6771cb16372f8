//! One order, in full but for who ordered it.

use std::fmt;

use anyhow::Context;
use app::ports::Orders;
use comfy_table::Table;
use domain::{
    AttemptState, Capture, Currency, HistoryEvent, Job, JobKind, Money, Order, OrderId, Parked, ParkedReason,
    PaymentAttempt, Refund, RefundState,
};
use serde::Serialize;
use serde_json::{Value, json};

use crate::report::{Amount, table};
use crate::stuck::work_name;
use crate::{Outcome, Report, Shop};

/// What people are shown of an order, in this order; what there is none of is left out. The rest stands in tables of its own.
const FACTS: [&str; 16] = [
    "status",
    "placed_at",
    "reserved_until",
    "total",
    "shipping",
    "lines_held",
    "payment",
    "capture",
    "refunds",
    "erp_number",
    "parked",
    "warehouse_issue",
    "jobs",
    "of_another_release",
    "customer",
    "shipping_address",
];

/// An order as an operator sees it, or that there is none.
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
pub struct Shown(Value);

impl Shop {
    /// The order of that id; who ordered it and where it goes only if `personal`.
    ///
    /// # Errors
    /// Where the store does not answer, or the order cannot be read.
    pub async fn show(&self, id: OrderId, personal: bool) -> anyhow::Result<Shown> {
        let found = self.orders.get(id).await.context("the table of orders")?;
        Ok(Shown(match &found {
            Some(order) => in_json(order, personal),
            None => json!({"order_id": id.as_str(), "found": false}),
        }))
    }
}

fn in_json(order: &Order, personal: bool) -> Value {
    let amount = Amount::from;
    let lines = order.quote().lines.iter().map(|line| {
        json!({
            "sku": line.sku.as_str(), "name": line.name, "quantity": line.quantity.get(),
            "unit_price": amount(line.unit_price), "line_total": amount(line.line_total),
        })
    });
    let history = order.history().iter();
    let mut shown = json!({
        "order_id": order.id().as_str(),
        "found": true,
        "status": order.status().name(),
        "version": order.version(),
        "placed_at": order.placed_at().to_string(),
        "reserved_until": order.reserved_until().to_string(),
        "lines": lines.collect::<Vec<_>>(),
        "lines_held": order.held(),
        "shipping": amount(order.quote().shipping),
        "total": amount(order.quote().total),
        "payment": order.payment().map(attempt),
        "capture": order.capture().map(|Capture { payment_id, amount: taken, at }| {
            json!({"payment_id": payment_id, "amount": amount(*taken), "at": at.to_string()})
        }),
        "refunds": order.refunds().iter().map(refund).collect::<Vec<_>>(),
        "erp_number": order.erp_number(),
        "warehouse_issue": order.warehouse_issue().map(|issue| json!({"kind": issue.kind.name(), "since": issue.since.to_string()})),
        "parked": order.parked().map(parked),
        "work": order.jobs().iter().map(|job| work_name(&job.kind)).collect::<Vec<_>>(),
        "due_at": order.due_at().map(|due| due.to_string()),
        "jobs": order.jobs().iter().map(job).collect::<Vec<_>>(),
        "history": history.map(|entry| json!({"at": entry.at.to_string(), "event": entry.event.name()})).collect::<Vec<_>>(),
        "of_another_release": of_another_release(order),
    });
    if personal {
        let (customer, to) = (order.customer(), order.shipping_address());
        shown["customer"] = json!({"name": customer.name, "email": customer.email});
        shown["shipping_address"] = json!({
            "name": to.name, "street": to.street, "postal_code": to.postal_code, "city": to.city, "country": to.country.as_str(),
        });
    }
    shown
}

/// An attempt without the page's address: whoever has that can open the page.
fn attempt(attempt: &PaymentAttempt) -> Value {
    let (state, session) = match &attempt.state {
        AttemptState::Opening => ("opening", None),
        AttemptState::Open { session_id } => ("open", Some(session_id)),
        AttemptState::Failed => ("failed", None),
    };
    json!({
        "attempt": attempt.number, "state": state, "session_id": session,
        "started_at": attempt.started_at.to_string(), "expires_at": attempt.expires_at.to_string(),
    })
}

/// What this release carries and does not know: jobs, events, fields of the document, attributes.
fn of_another_release(order: &Order) -> Vec<String> {
    let jobs = order.jobs().iter().map(|job| &job.kind);
    let jobs = jobs.filter(|kind| matches!(kind, JobKind::Unknown(_)));
    let events = order.history().iter().map(|entry| &entry.event);
    let events = events.filter(|event| matches!(event, HistoryEvent::Unknown(_)));
    let jobs = jobs.map(|kind| format!("job {}", kind.name()));
    let events = events.map(|event| format!("event {}", event.name()));
    jobs.chain(events).chain(order.carried().names()).collect()
}

fn job(job: &Job) -> Value {
    json!({
        "kind": work_name(&job.kind), "due_at": job.due_at.to_string(), "first_due_at": job.first_due_at.to_string(), "tries": job.tries,
    })
}

fn refund(refund: &Refund) -> Value {
    let (state, id) = match &refund.state {
        RefundState::Due => ("due", None),
        RefundState::Done { refund_id } => ("done", Some(refund_id)),
        RefundState::Refused { .. } => ("refused", None),
    };
    let refused = match &refund.state {
        RefundState::Refused { reason } => Some(reason),
        RefundState::Due | RefundState::Done { .. } => None,
    };
    json!({
        "payment_id": refund.payment_id, "amount": Amount::from(refund.amount), "reason": refund.reason.name(),
        "state": state, "refund_id": id, "refused_because": refused,
    })
}

fn parked(parked: &Parked) -> Value {
    let (reason, amount) = match &parked.reason {
        ParkedReason::AmountDiffers { captured, .. } => ("amount_differs", captured),
        ParkedReason::Delayed { amount, .. } => ("delayed", amount),
    };
    json!({
        "at": parked.at.to_string(), "reason": reason,
        "payment_id": parked.reason.payment_id(), "captured": Amount::from(*amount),
    })
}

impl Report for Shown {
    fn outcome(&self) -> Outcome {
        if self.0["found"] == true {
            Outcome::Well
        } else {
            Outcome::Refused
        }
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = self.0["order_id"].as_str().unwrap_or_default();
        if self.0["found"] != true {
            return writeln!(f, "There is no order {id}.");
        }
        let mut facts = table(["order", id]);
        for name in FACTS {
            let values = match &self.0[name] {
                Value::Array(several) => several.iter().collect(),
                one => vec![one],
            };
            for value in values.into_iter().filter(|value| !value.is_null()) {
                facts.add_row([words(name), text(value)]);
            }
        }
        writeln!(f, "{facts}")?;
        let columns = ["sku", "name", "quantity", "unit_price", "line_total"];
        writeln!(f, "{}", rows_of(&self.0["lines"], columns))?;
        writeln!(f, "{}", rows_of(&self.0["history"], ["at", "event"]))
    }
}

/// A table of a list's members.
fn rows_of<const N: usize>(list: &Value, members: [&str; N]) -> Table {
    let mut rows = table(members.map(words));
    for entry in list.as_array().into_iter().flatten() {
        rows.add_row(members.map(|member| text(&entry[member])));
    }
    rows
}

/// A member's name as words.
fn words(member: &str) -> String {
    member.replace('_', " ")
}

/// A value in one line: an amount as money, of an object what is there.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Object(members) => match (value["amount"].as_i64(), value["currency"].as_str()) {
            (Some(amount), Some(currency)) => money(amount, currency),
            _ => {
                let known = members.iter().filter(|(_, value)| !value.is_null());
                let texts = known.map(|(name, value)| format!("{} {}", words(name), text(value)));
                texts.collect::<Vec<_>>().join(", ")
            }
        },
        other => other.to_string(),
    }
}

fn money(amount: i64, currency: &str) -> String {
    let currency = Currency::parse(currency);
    currency.map_or_else(
        || amount.to_string(),
        |currency| Money::new(amount, currency).to_string(),
    )
}
