//! Orders that the warehouse rejected: their grace, and the human who may decide about them.

use app::{DecideError, Decision, decide_order};
use domain::{Order, OrderId, Status};
use jiff::{SignedDuration, Timestamp};
use testkit::erp_number;

use crate::Class;
use crate::task::{Side, end};
use crate::world::{Happening, World};

const HOUR: i64 = 3_600_000;
/// How long a rejected order waits for a human, as `template.yaml` has it.
pub(crate) const GRACE: SignedDuration = SignedDuration::from_hours(24);
/// After how long a human decides, if one does, and tries again, in milliseconds.
const DECIDES_AFTER: i64 = HOUR;
const TRIES_AGAIN: i64 = 600_000;
/// How far the grace may be off, by clocks that are, in milliseconds.
const TOLERANCE: i64 = HOUR;

/// What a human does about a rejected order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Has it given up at once.
    Hasten,
    /// Enters it at the warehouse by hand.
    Enter,
    /// Mends what it was rejected for.
    Mend,
}

/// How an order stands, and since when it is rejected.
pub(crate) type Rejection = (Status, Option<Timestamp>);

impl World<'_> {
    pub(crate) fn rejection(&self, id: OrderId) -> Option<Rejection> {
        let since = |order: &Order| order.warehouse_issue().map(|issue| issue.since);
        let rejected = |order: &Order| (order.status(), since(order).filter(|_| order.is_rejected()));
        self.store.peek(id, rejected)
    }

    /// After each write: whoever is rejected may have a human's attention, and is not given up before the grace is over.
    pub(crate) fn judge_rejection(&mut self, id: OrderId, before: Option<Rejection>) {
        match (before, self.rejection(id)) {
            (Some((Status::Paid, None)), Some((_, Some(_)))) => self.call_a_human(id),
            (Some((Status::Paid, None)), Some((Status::Rejected, _))) => {
                self.accuse(Class::Unexpected, "given up without a grace");
            }
            (Some((_, Some(since))), Some((Status::Rejected, _))) => self.judge_grace(id, since),
            _ => {}
        }
    }

    fn judge_grace(&mut self, id: OrderId, since: Timestamp) {
        let grace = i64::try_from(GRACE.as_millis()).expect("a day");
        let hastened = self.hastened.iter().find(|(own, _)| *own == id);
        match hastened.map(|(_, stored_at)| *stored_at) {
            None if self.now < since.as_millisecond() + grace - TOLERANCE => {
                self.accuse(Class::Unexpected, "given up before its grace was over");
            }
            Some(Some(stored_at)) if self.now > stored_at + grace / 2 => {
                self.accuse(Class::Untrue, "a human's word to give it up did nothing");
            }
            _ => {}
        }
    }

    fn call_a_human(&mut self, id: OrderId) {
        let verdicts = [Verdict::Hasten, Verdict::Enter, Verdict::Mend];
        if let Some(number) = self.choose(1 + verdicts.len()).checked_sub(1) {
            self.schedule(DECIDES_AFTER, Happening::HumanDecides(id, verdicts[number]));
        }
    }

    /// A human acts as the runbook says, until the command has an answer.
    pub(crate) fn human_decides(&mut self, id: OrderId, verdict: Verdict) {
        self.schedule(TRIES_AGAIN, Happening::HumanDecides(id, verdict));
        let held = self
            .store
            .peek(id, |order| order.is_rejected().then(|| order.clone()));
        let held = held.flatten();
        let decision = match verdict {
            Verdict::Hasten => {
                self.hastened.push((id, None));
                Decision::GiveUpAt(Timestamp::from_millisecond(self.now).expect("a time within years"))
            }
            Verdict::Enter => {
                let mut warehouse = self.warehouse.state();
                if let Some(order) = held.filter(|_| !warehouse.accepted.contains_key(&id)) {
                    warehouse.take(&order);
                }
                Decision::Entered(erp_number(id))
            }
            Verdict::Mend => {
                self.warehouse.state().mend(id);
                Decision::Retry
            }
        };
        self.start(Side::Operator, None, move |ports| async move {
            let decided = decide_order(&ports, &ports, id, &decision).await;
            end(move |world, answered| {
                world.note(|| format!("  {verdict:?}: {}", decided.is_ok()));
                let now = world.now;
                let spoken = world.hastened.iter_mut().filter(|(own, _)| *own == id);
                spoken.for_each(|(_, stored_at)| *stored_at = stored_at.or(decided.is_ok().then_some(now)));
                if answered && !matches!(decided, Err(DecideError::Store(_))) {
                    world.cancel(|what| matches!(what, Happening::HumanDecides(own, _) if *own == id));
                    world.human_heard(id);
                }
            })
        });
    }

    /// Where the order was given up meanwhile, or will be since its payment went back, it is taken out of the warehouse again, and the article
    /// stays as it is.
    fn human_heard(&mut self, id: OrderId) {
        let is_given_up = |order: &Order| {
            order.status() == Status::Rejected || order.is_rejected() && order.is_taken_back()
        };
        let given_up = self.store.peek(id, is_given_up);
        if given_up == Some(true) {
            let mut warehouse = self.warehouse.state();
            warehouse.accepted.remove(&id);
            warehouse.reject(id);
        }
    }
}
