//! How a call on a port ends, and what it does.

use std::collections::HashMap;

use app::ports::RefundOutcome;
use domain::{Product, Sku};

use crate::Mutation;
use crate::choices::About;
use crate::fault::{Fault, HANG, SLOW};
use crate::ports::{Answer, Failure, Op, Reply};
use crate::task::{Job, Outcome, Side};
use crate::world::{Happening, World};

/// How long a call takes, in milliseconds.
const CALL: i64 = 10;

impl World<'_> {
    /// A function's call ends in one way or another, and the function goes on.
    pub(crate) fn step(&mut self, task: usize) {
        self.tasks[..=task].rotate_right(1);
        self.now += CALL;
        if self.now > self.tasks[0].deadline {
            return self.kill();
        }
        let faults = self.tasks[0].waits_for().map_or(&[Fault::None][..], Fault::of);
        let fault = faults[self.choices.choose(About::Call, faults.len())];
        let op = self.tasks[0].take_call();
        self.note(|| match fault {
            Fault::None => format!("  {}", op.brief()),
            fault => format!("  {} !! {fault:?}", op.brief()),
        });
        let reply = match fault {
            Fault::Fail => Err(Failure::Unknown),
            Fault::Busy => Err(Failure::Busy),
            Fault::Crash => return self.kill(),
            Fault::Hang => {
                self.schedule(HANG, Happening::EffectLands(op));
                return self.kill();
            }
            Fault::Slow => {
                self.schedule(SLOW, Happening::EffectLands(op));
                Err(Failure::Unknown)
            }
            Fault::LoseAnswer => {
                self.apply_unheard(op);
                Err(Failure::Unknown)
            }
            Fault::Twice => {
                drop(self.apply(op.clone()));
                self.apply(op)
            }
            Fault::None | Fault::Reject | Fault::Refuse | Fault::PriceUp | Fault::Stale => {
                self.apply_oddly(op, fault)
            }
        };
        let clock = self.clock(self.tasks[0].side);
        if let Some(outcome) = self.tasks[0].answer(reply, clock) {
            let task = self.tasks.remove(0);
            self.end(task.job, outcome);
        }
    }

    /// The running function dies: whoever called it hears nothing.
    fn kill(&mut self) {
        let task = self.tasks.remove(0);
        self.note(|| format!("dead {:?}", task.job));
        if let Job::Webhook { notice, before } = task.job {
            self.repeat_webhook(notice, before);
        }
    }

    /// A function ends by itself.
    pub(crate) fn end(&mut self, job: Job, outcome: Outcome) {
        self.note(|| format!("end {job:?}: {}", brief(&outcome)));
        // The answer to who called may be lost even though the function did not die.
        let answered = matches!(job, Job::Reconcile) || self.choose(2) == 0;
        match (job, outcome) {
            (Job::Checkout { shopper, request }, Outcome::Placed(result)) if answered => {
                self.hear_checkout(shopper, request, result);
            }
            (Job::StartPayment { shopper, request }, Outcome::Page(result)) if answered => {
                self.hear_page(shopper, request, result);
            }
            (Job::Webhook { notice, before }, Outcome::Settled(result)) if !answered || result.is_err() => {
                self.repeat_webhook(notice, before);
            }
            (Job::Forward { message }, Outcome::Forwarded(result)) if answered && result.is_ok() => {
                self.queue.acknowledge(message);
                self.cancel(|what| matches!(what, Happening::MessageVisible(own) if *own == message));
            }
            _ => {}
        }
    }

    fn apply_unheard(&mut self, op: Op) {
        match op {
            Op::Commit(order, _) if self.mutation == Some(Mutation::StockOutsideTransaction) => {
                self.store.commit(*order, Vec::new());
            }
            op => drop(self.apply(op)),
        }
    }

    fn apply_oddly(&mut self, op: Op, fault: Fault) -> Reply {
        match (fault, &op) {
            (Fault::Reject, Op::Submit(order)) => self.warehouse.reject(order.id),
            (Fault::Refuse, Op::Open(order, attempt)) => self.provider.refuse(order.id, attempt.number),
            (Fault::Refuse, Op::Refund(_)) => {
                let refused = RefundOutcome::Refused("not now".into());
                return Ok(Answer::Refunded(refused));
            }
            (Fault::PriceUp, _) => self.price_up = true,
            (Fault::Stale, Op::Due(lane, now, limit)) => {
                let due = self.store.due(*lane, now.as_millisecond(), *limit, true);
                return Ok(Answer::Due(due));
            }
            _ => {}
        }
        self.apply(op)
    }

    /// A call takes effect.
    pub(crate) fn apply(&mut self, op: Op) -> Reply {
        let provider_clock = self.clock(Side::Provider);
        let answer = match op {
            Op::Products(skus) => Answer::Products(self.products(&skus)),
            Op::AllProducts => Answer::Products(self.scenario.products.clone()),
            Op::Levels(skus) => Answer::Levels(self.store.levels(&skus)),
            Op::Get(id) => Answer::Order(self.store.get(id).cloned()),
            Op::Commit(order, stock) => Answer::Committed(self.store.commit(*order, stock)),
            Op::Remove(order) => {
                self.store.remove(&order);
                Answer::Done
            }
            Op::Due(lane, now, limit) => {
                Answer::Due(self.store.due(lane, now.as_millisecond(), limit, false))
            }
            Op::Open(order, attempt) => {
                let opened = self.provider.open(&order, &attempt, provider_clock);
                self.watch_pages();
                Answer::Opened(opened)
            }
            Op::LookUpPayment(order, attempt) => {
                Answer::Session(self.provider.look_up(order, attempt, provider_clock))
            }
            Op::Close(session) => {
                let state = self.provider.close(&session, provider_clock);
                self.tell_of_closed(&session);
                Answer::Session(state)
            }
            Op::Refund(refund) => Answer::Refunded(self.provider.refund(&refund)),
            Op::Send(id) => {
                self.send(id);
                Answer::Done
            }
            Op::Waiting => Answer::Waiting(self.queue.waiting()),
            Op::ReadCircuit => Answer::Circuit(self.store.circuit),
            Op::StoreCircuit(circuit) => Answer::CircuitStored(self.store.store_circuit(circuit)),
            Op::Submit(_) | Op::LookUpOrder(_) if self.now - self.begun < self.scenario.outage => {
                return Err(Failure::Unknown);
            }
            Op::Submit(order) => Answer::Submitted(self.warehouse.submit(&order)),
            Op::LookUpOrder(id) => Answer::LookedUp(self.warehouse.look_up(id)),
        };
        Ok(answer)
    }

    fn products(&self, skus: &[Sku]) -> HashMap<Sku, Product> {
        let dearer = |product: &Product| Product {
            unit_price: testkit::eur(product.unit_price.minor() + i64::from(self.price_up)),
            ..product.clone()
        };
        skus.iter()
            .filter_map(|sku| self.scenario.products.get_key_value(sku))
            .map(|(sku, product)| (sku.clone(), dearer(product)))
            .collect()
    }
}

fn brief(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Placed(Ok(placed)) => format!("{} replayed={}", placed.order.status.name(), placed.replayed),
        Outcome::Placed(Err(error)) => error.to_string(),
        other => format!("{other:?}"),
    }
}
