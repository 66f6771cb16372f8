//! The one judge of all schedules: what must be true once everything has come to rest.
//!
//! The classes are Jepsen's: what was acknowledged and is missing (lost), what is there and was never asked for (unexpected), what
//! is there twice (duplicate), what a client never learned (unknown: no violation, but counted). What a client was told is
//! judged when they are told, in `shopper`.

use std::collections::BTreeMap;

use domain::{AccessToken, JobKind, Order, OrderId, ParkedReason, Refund, RefundState, Sku, Status};
use jiff::{SignedDuration, Timestamp};
use testkit::{Accepted, Charge, Page, PageState, erp_number};

use crate::effects::ready;
use crate::shopper::{Shopper, guess, is_wished};
use crate::world::World;

use Class::{Duplicate, Leak, Lost, Stock, Unexpected, Unfinished, Untrue};

/// How long a job may be due while work of another kind fails: some runs of the reconciler, a clock that is off, and a back-off.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_mins(90);

/// So often a job fails in more than that time only.
const MANY_TRIES: u32 = 10;

/// What kind of promise was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Acknowledged or paid, and missing.
    Lost,
    /// There, and never asked for.
    Unexpected,
    /// There twice.
    Duplicate,
    /// Stock that was sold twice, lost or found.
    Stock,
    /// Neither ended nor parked.
    Unfinished,
    /// A client was told what was not so.
    Untrue,
    /// Personal data where none must be.
    Leak,
}

/// A broken promise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Of which kind.
    pub class: Class,
    /// What is wrong.
    pub what: String,
}

/// How the orders of a run ended, how many payments were given back, and how many shoppers never learned how their order stands: by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ends(pub BTreeMap<&'static str, u64>);

impl Ends {
    /// Adds up.
    pub fn add(&mut self, other: &Self) {
        for (end, count) in &other.0 {
            *self.0.entry(end).or_default() += count;
        }
    }
}

impl World<'_> {
    /// Judges a world that has come to rest.
    pub(crate) fn judge(&mut self) -> Ends {
        let mut found = Findings::default();
        let orders = self.store.orders();
        let accepted = self.warehouse.state().accepted.clone();
        let charges = self.provider.state().charges.clone();
        for order in &orders {
            self.judge_order(order, &charges, accepted.get(&order.id()), &mut found);
        }
        let kept = self.provider.state().kept.clone();
        for charge in &charges {
            let order = orders.iter().find(|order| order.id() == charge.order);
            if charge.taken_back {
                self.judge_taken_back(charge, order, &mut found);
            } else {
                judge_charge(charge, order, kept.contains(&charge.payment_id), &mut found);
            }
        }
        for order in &orders {
            judge_refunds(order, &charges, &mut found);
        }
        for page in &self.provider.state().pages {
            judge_failed(page, &orders, &mut found);
        }
        for id in &self.failed_in_time {
            let cancelled = self.store.peek(*id, |order| order.status() == Status::Cancelled);
            found.must(
                cancelled == Some(true),
                Untrue,
                "a payment failed in time, and its order was not cancelled",
            );
        }
        for id in accepted.keys() {
            // Sent, perhaps, when its payment went back: a human looks.
            let known = |order: &Order| order.status() == Status::Forwarded || order.is_taken_back();
            let known = self.store.peek(*id, known) == Some(true);
            found.must(known, Unexpected, "the warehouse has what was not sent");
        }
        self.judge_stock(&orders, &mut found);
        self.judge_what_was_told(&mut found);
        self.violations.append(&mut found.violations);
        self.ends(&orders, &charges)
    }

    /// After each write: an order has a job of each kind that its state asks for, and no other.
    pub(crate) fn judge_jobs(&mut self, id: OrderId) {
        let fits = self.store.peek(id, |order| {
            let kinds: Vec<JobKind> = order.jobs().iter().map(|job| job.kind.clone()).collect();
            kinds == order.work()
        });
        if fits == Some(false) {
            self.accuse(Unfinished, "an order's jobs are not what its state asks for");
        }
    }

    /// While work of one kind failed for hours, no other kind waited for it, and its own first due time stayed.
    pub(crate) fn judge_waiting(&mut self) {
        let Some(broken) = &self.scenario.broken else {
            return;
        };
        let now = Timestamp::from_millisecond(self.now).expect("a time within years");
        for job in self.store.orders().iter().flat_map(Order::jobs) {
            let (kind, overdue) = (job.kind.name(), job.overdue(now));
            if job.kind != *broken && overdue > LONGEST_WAIT {
                self.accuse(
                    Unfinished,
                    format!("{kind} waits beside {}, which fails", broken.name()),
                );
            }
            if job.tries > MANY_TRIES && overdue < LONGEST_WAIT / 3 {
                self.accuse(
                    Untrue,
                    format!("{kind} failed for hours and looks as if due just now"),
                );
            }
        }
    }

    fn judge_order(
        &self,
        order: &Order,
        charges: &[Charge],
        accepted: Option<&Accepted>,
        found: &mut Findings,
    ) {
        let wished = |plan: &crate::scenario::Plan| {
            OrderId::for_key(&plan.wish.idempotency_key) == order.id() && is_wished(order, &plan.wish)
        };
        let asked_for = self.scenario.shoppers.iter().any(wished);
        found.must(asked_for, Unexpected, "an order that nobody asked for");

        let ends = [
            Status::Forwarded,
            Status::Expired,
            Status::Cancelled,
            Status::Rejected,
        ];
        let ended = ends.contains(&order.status());
        let at_rest = order.work().is_empty() && order.due_at().is_none();
        let stopped = order.is_taken_back() && order.needs_human();
        let finished = at_rest && (ended || order.parked().is_some() || stopped);
        found.must(finished, Unfinished, "neither ended nor parked");

        let holds = !order.status().gives_stock_back();
        let held = if holds { order.quote().lines.len() } else { 0 };
        found.must(order.held() == held, Stock, "holds too much or too little");

        let refused = self.warehouse.state().rejected.contains(&order.id());
        let rightly = order.status() != Status::Rejected || refused;
        found.must(rightly, Unexpected, "rejected, not by the warehouse");
        let paid = matches!(order.status(), Status::Forwarded | Status::Rejected);
        let captured = !paid || is_paid(order, charges);
        found.must(captured, Unexpected, "sent or rejected, but not paid");

        match (order.status(), accepted) {
            (_, Some(copy)) if copy.copies > 1 => found.push(Duplicate, "the warehouse has an order twice"),
            (Status::Forwarded, Some(copy)) => {
                let named = order.erp_number() == Some(erp_number(order.id()).as_str());
                let same = named && copy.is(order);
                found.must(same, Lost, "the warehouse has another order");
            }
            (Status::Forwarded, None) => found.push(Lost, "the warehouse has not what was sent"),
            (Status::Paid, Some(_)) if stopped => {}
            (_, Some(_)) => found.push(Unexpected, "the warehouse has what was not sent"),
            (_, None) => {}
        }
    }

    /// A payment that went back without the shop goes back once, and what the shop heard of it is noted.
    fn judge_taken_back(&self, charge: &Charge, order: Option<&Order>, found: &mut Findings) {
        let own = |refund: &Refund| refund.payment_id == charge.payment_id;
        let noted = order.is_some_and(|order| order.refunds().iter().any(own));
        let heard = self.heard_back.contains(&charge.payment_id);
        found.must(
            noted || !heard,
            Lost,
            "a payment went back, and the shop forgot it",
        );
        let once = charge.refunds.len() == usize::from(!charge.disputed);
        found.must(
            once,
            Duplicate,
            "given back beside what went back without the shop",
        );
    }

    /// What is left and what orders hold or have taken is what there was; at no time was less than nothing left.
    fn judge_stock(&self, orders: &[Order], found: &mut Findings) {
        found.must(!self.seen.oversold(), Stock, "more sold than there was");
        let level = |sku: &Sku| (sku.clone(), self.store.state().left(sku));
        let mut levels: BTreeMap<Sku, i64> = self.scenario.stock.keys().map(level).collect();
        for order in orders {
            for line in order.quote().lines.iter().take(order.held()) {
                *levels.entry(line.sku.clone()).or_default() += i64::from(line.quantity.get());
            }
        }
        let conserved = levels == self.scenario.stock;
        found.must(conserved, Stock, "stock was lost or found");
    }

    fn judge_what_was_told(&self, found: &mut Findings) {
        for (shopper, plan) in self.shoppers.iter().zip(&self.scenario.shoppers) {
            if let Some(id) = shopper.placed {
                let is_there = |order: &Order| order.status().is_public() && is_wished(order, &plan.wish);
                let there = self.store.peek(id, is_there);
                found.must(there == Some(true), Lost, "an order that its shopper was told of");
            }
        }
        for shopper in &self.shoppers {
            self.judge_access(shopper, found);
        }
    }

    /// An order is shown to who was told its token, and to nobody else.
    fn judge_access(&self, shopper: &Shopper, found: &mut Findings) {
        let (Some(id), Some(own)) = (shopper.placed, &shopper.token) else {
            return;
        };
        let is_shown = |token: &AccessToken| {
            let token = token.to_text();
            ready(app::show_order(&self.store, id.as_str(), &token)).is_ok()
        };
        found.must(is_shown(own), Lost, "an order is not shown to its shopper");
        let others = self.shoppers.iter().filter(|other| other.placed != Some(id));
        let foreign = others.filter_map(|other| other.token.clone());
        let shown = foreign.chain([guess(id)]).any(|token| is_shown(&token));
        found.must(!shown, Leak, "an order is shown to a stranger");
    }

    fn ends(&self, orders: &[Order], charges: &[Charge]) -> Ends {
        let is = |status| orders.iter().filter(|order| order.status() == status).count();
        let never_learned = |shopper: &&Shopper| {
            let unanswered = shopper.requests.iter().any(|request| !request.answered);
            shopper.placed.is_none() && !shopper.refused && unanswered
        };
        let parked = orders.iter().filter(|order| order.parked().is_some());
        let refunded = charges.iter().filter(|charge| !charge.refunds.is_empty());
        let counts = [
            ("forwarded", is(Status::Forwarded)),
            ("expired", is(Status::Expired)),
            ("cancelled", is(Status::Cancelled)),
            ("rejected", is(Status::Rejected)),
            ("parked", parked.count()),
            ("not placed", self.shoppers.len().saturating_sub(orders.len())),
            ("refunded", refunded.count()),
            ("refund refused", self.provider.state().kept.len()),
            (
                "never learned",
                self.shoppers.iter().filter(never_learned).count(),
            ),
        ];
        Ends(counts.map(|(end, count)| (end, count as u64)).into())
    }
}

/// Whether one of the charges pays the order in full.
fn is_paid(order: &Order, charges: &[Charge]) -> bool {
    order.capture().is_some_and(|capture| {
        let own = |charge: &&Charge| charge.order == order.id() && charge.payment_id == capture.payment_id;
        let charge = charges.iter().find(own);
        charge.is_some_and(|charge| charge.amount == order.quote().total && capture.amount == charge.amount)
    })
}

/// Every charge pays one order, or was given back in full, or waits for a human: one of them. The provider may have `kept` it for good.
fn judge_charge(charge: &Charge, order: Option<&Order>, kept: bool, found: &mut Findings) {
    let Some(order) = order else {
        return found.push(Lost, "a charge for an order that is not there");
    };
    let pays = order.status() == Status::Forwarded
        && order
            .capture()
            .is_some_and(|capture| capture.payment_id == charge.payment_id);
    let own = |refund: &&Refund| refund.payment_id == charge.payment_id;
    let noted = order.refunds().iter().find(own).map(|refund| &refund.state);
    let parked = order.parked().is_some_and(|parked| {
        let (ParkedReason::AmountDiffers { captured: amount, .. } | ParkedReason::Delayed { amount, .. }) =
            &parked.reason;
        parked.reason.payment_id() == charge.payment_id && *amount == charge.amount
    });
    let done = matches!(noted, Some(RefundState::Done { .. }));
    let waits = parked || kept && matches!(noted, Some(RefundState::Refused { .. }));
    match charge.refunds.as_slice() {
        [] if pays != waits => {}
        [] if pays => found.push(Duplicate, "pays an order and waits for a human"),
        [] => found.push(Lost, "pays nothing and was not given back"),
        [_] if pays || waits => found.push(Lost, "its payment was given back"),
        [back] if *back != charge.amount => found.push(Lost, "given back in part"),
        [_] => found.must(done, Lost, "a refund unknown to the shop"),
        [..] => found.push(Duplicate, "given back twice"),
    }
}

/// An order whose payment failed on its way is cancelled, or waits for a human.
fn judge_failed(page: &Page, orders: &[Order], found: &mut Findings) {
    let order = orders.iter().find(|order| order.id() == page.order);
    let told = |order: &Order| order.status() == Status::Cancelled || order.parked().is_some();
    let holds = page.state != PageState::Failed || order.is_some_and(told);
    found.must(holds, Untrue, "a payment failed, and its order was not cancelled");
}

/// Each payment goes back once, and is one that was made.
fn judge_refunds(order: &Order, charges: &[Charge], found: &mut Findings) {
    for refund in order.refunds() {
        let same = |payment_id: &str| payment_id == refund.payment_id;
        let noted = order.refunds().iter().filter(|other| same(&other.payment_id));
        found.must(noted.count() == 1, Duplicate, "a refund is noted twice");
        let there = charges.iter().any(|charge| same(&charge.payment_id));
        found.must(there, Unexpected, "a refund of no payment");
    }
}

#[derive(Default)]
struct Findings {
    violations: Vec<Violation>,
}

impl Findings {
    fn push(&mut self, class: Class, what: &str) {
        let what = what.to_owned();
        self.violations.push(Violation { class, what });
    }

    fn must(&mut self, holds: bool, class: Class, what: &str) {
        if !holds {
            self.push(class, what);
        }
    }
}
