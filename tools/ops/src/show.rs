//! One order, in full but for who ordered it.

use std::fmt;

use anyhow::Context;
use app::ports::Orders;
use domain::{
    AttemptState, Capture, HistoryEvent, Job, JobKind, Order, OrderId, Parked, ParkedReason, PaymentAttempt,
    Refund, RefundState,
};
use serde::Serialize;
use serde_json::{Value, json};

use crate::report::{Amount, table};
use crate::stuck::work_name;
use crate::{Outcome, Report, Shop};

/// An order as an operator sees it, or that there is none.
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
pub struct Shown {
    value: Value,
    #[serde(skip)]
    found: Option<Box<Order>>,
    #[serde(skip)]
    personal: bool,
}

impl Shop {
    /// The order of that id; who ordered it and where it goes only if `personal`.
    ///
    /// # Errors
    /// Where the store does not answer, or the order cannot be read.
    pub async fn show(&self, id: OrderId, personal: bool) -> anyhow::Result<Shown> {
        let found = self.orders.get(id).await.context("the table of orders")?;
        let value = match &found {
            Some(order) => in_json(order, personal),
            None => json!({"order_id": id.as_str(), "found": false}),
        };
        Ok(Shown {
            value,
            found: found.map(Box::new),
            personal,
        })
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
    let ParkedReason::AmountDiffers { payment_id, captured } = &parked.reason;
    json!({
        "at": parked.at.to_string(), "reason": "amount_differs",
        "payment_id": payment_id, "captured": Amount::from(*captured),
    })
}

impl Report for Shown {
    fn outcome(&self) -> Outcome {
        if self.found.is_some() {
            Outcome::Well
        } else {
            Outcome::Refused
        }
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(order) = &self.found else {
            return writeln!(
                f,
                "There is no order {}.",
                self.value["order_id"].as_str().unwrap_or_default()
            );
        };
        let mut facts = table(["order", order.id().as_str()]);
        for (name, value) in facts_of(order, self.personal) {
            facts.add_row([name.to_owned(), value]);
        }
        writeln!(f, "{facts}")?;
        let mut lines = table(["sku", "name", "pieces", "each", "total"]);
        for line in &order.quote().lines {
            lines.add_row([
                line.sku.as_str().to_owned(),
                line.name.clone(),
                line.quantity.get().to_string(),
                line.unit_price.to_string(),
                line.line_total.to_string(),
            ]);
        }
        writeln!(f, "{lines}")?;
        let mut history = table(["when", "what"]);
        for entry in order.history() {
            history.add_row([entry.at.to_string(), entry.event.name().to_owned()]);
        }
        writeln!(f, "{history}")
    }
}

/// The rows for people: only what there is.
fn facts_of(order: &Order, personal: bool) -> Vec<(&'static str, String)> {
    let mut facts = vec![
        ("status", order.status().name().to_owned()),
        ("placed", order.placed_at().to_string()),
        (
            "total",
            format!("{} ({} shipping)", order.quote().total, order.quote().shipping),
        ),
        (
            "lines held",
            format!("{} of {}", order.held(), order.quote().lines.len()),
        ),
    ];
    if let Some(attempt) = order.payment() {
        let state = match &attempt.state {
            AttemptState::Opening => "asked for, no answer known".to_owned(),
            AttemptState::Open { session_id } => format!("page {session_id}"),
            AttemptState::Failed => "there is no page".to_owned(),
        };
        facts.push((
            "payment attempt",
            format!("{}: {state}, ends {}", attempt.number, attempt.expires_at),
        ));
    }
    if let Some(Capture {
        payment_id,
        amount,
        at,
    }) = order.capture()
    {
        facts.push(("paid", format!("{amount} by {payment_id} at {at}")));
    }
    for refund in order.refunds() {
        let state = match &refund.state {
            RefundState::Due => "due".to_owned(),
            RefundState::Done { refund_id } => format!("done as {refund_id}"),
            RefundState::Refused { reason } => format!("refused for good: {reason}"),
        };
        let Refund {
            amount,
            payment_id,
            reason,
            ..
        } = refund;
        facts.push((
            "refund",
            format!("{amount} of {payment_id} ({}): {state}", reason.name()),
        ));
    }
    if let Some(number) = order.erp_number() {
        facts.push(("warehouse's number", number.to_owned()));
    }
    if let Some(Parked {
        at,
        reason: ParkedReason::AmountDiffers { payment_id, captured },
    }) = order.parked()
    {
        facts.push((
            "parked",
            format!("{payment_id} was {captured}, not the order's total; since {at}"),
        ));
    }
    for job in order.jobs() {
        facts.push((
            "to be done",
            format!(
                "{}, next try {}, due first {}, {} failed tries",
                work_name(&job.kind),
                job.due_at,
                job.first_due_at,
                job.tries
            ),
        ));
    }
    for name in of_another_release(order) {
        facts.push(("of another release", name));
    }
    if personal {
        let (customer, to) = (order.customer(), order.shipping_address());
        facts.push(("customer", format!("{} <{}>", customer.name, customer.email)));
        facts.push((
            "ships to",
            format!(
                "{}, {}, {} {}, {}",
                to.name,
                to.street,
                to.postal_code,
                to.city,
                to.country.as_str()
            ),
        ));
    }
    facts
}
