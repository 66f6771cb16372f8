//! How functions run, from call to call, and how each call ends.

use std::future::Future;

use app::PaymentNotice;
use domain::{JobKind, Order, Status};

use crate::choices::About;
use crate::fault::{Fault, HANG, SLOW};
use crate::ports::{Failure, Op, Ports, Reply};
use crate::task::{End, Side, Task};
use crate::world::{BROKEN, Happening, World};

/// How long a call takes, in milliseconds.
const CALL: i64 = 10;

impl World<'_> {
    /// A function's call ends in one way or another, and the function goes on.
    pub(crate) fn step(&mut self, task: usize, call: usize) {
        self.tasks[..=task].rotate_right(1);
        self.now += CALL;
        if self.now > self.tasks[0].deadline {
            return self.kill();
        }
        let mut call = self.tasks[0].calls.remove(call);
        if self.is_broken(self.tasks[0].side, &call.op) {
            self.note(|| format!("  {:?} !! as always", call.op));
            (call.run)(self, Reply::Failure(Failure::Unknown));
            return self.go_on();
        }
        let faults = Fault::of(&call.op);
        let fault = faults[self.choices.choose(About::Call, faults.len())];
        self.note(|| match fault {
            Fault::None => format!("  {:?}", call.op),
            fault => format!("  {:?} !! {fault:?}", call.op),
        });
        if let Op::OpenPage(id, _) = &call.op
            && fault != Fault::None
        {
            self.page_failed.insert(*id, self.steps);
        }
        let unknown = Reply::Failure(Failure::Unknown);
        match fault {
            Fault::Fail => (call.run)(self, unknown),
            Fault::Busy => (call.run)(self, Reply::Failure(Failure::Busy)),
            Fault::Crash => return self.kill(),
            Fault::Hang => {
                self.schedule(HANG, Happening::EffectLands(call));
                return self.kill();
            }
            Fault::Slow => {
                (call.run)(self, unknown);
                self.schedule(SLOW, Happening::EffectLands(call));
            }
            _ => {
                self.fault = fault;
                if matches!(fault, Fault::Twice | Fault::LoseAnswer) {
                    (call.run)(self, Reply::Silence);
                }
                let lost = fault == Fault::LoseAnswer;
                (call.run)(self, if lost { unknown } else { Reply::Answer });
                self.fault = Fault::None;
            }
        }
        self.go_on();
    }

    /// Whether the call belongs to the kind of due work that fails in this scenario.
    fn is_broken(&self, side: Side, op: &Op) -> bool {
        let worker = matches!(side, Side::Reconciler | Side::Forwarder);
        let broken = self.scenario.broken.as_ref();
        let Some(broken) = broken.filter(|_| worker && self.now < self.begun + BROKEN) else {
            return false;
        };
        let kind = match op {
            Op::LookUpPage(..) | Op::ClosePage(_) => Some(JobKind::AskProvider),
            Op::Refund(_) => Some(JobKind::Refund),
            Op::Submit(_) | Op::LookUpOrder(_) => Some(JobKind::Forward),
            Op::Remove(_) => Some(JobKind::Remove),
            Op::Commit { id, status, held, .. } => {
                let step = |stored: &Order| match (stored.status(), status) {
                    (Status::Reserving, Status::Withdrawn) => Some(JobKind::Withdraw),
                    (Status::Placed, Status::Expired) => {
                        stored.job(&JobKind::CloseWindow).map(|job| job.kind.clone())
                    }
                    (before, after) if before == *after && *held < stored.held() => {
                        Some(JobKind::GiveStockBack)
                    }
                    _ => None,
                };
                self.store.peek(*id, step).flatten()
            }
            _ => None,
        };
        kind.as_ref() == Some(broken)
    }

    /// A function starts, for a message of the provider perhaps, and goes before all others.
    pub(crate) fn start<F: Future<Output = End> + 'static>(
        &mut self,
        side: Side,
        webhook: Option<(PaymentNotice, usize)>,
        run: impl FnOnce(Ports) -> F,
    ) {
        self.note(|| format!("start {side:?}"));
        self.tasks
            .insert(0, Task::new(side, webhook, self.now, self.mutation, run));
        self.go_on();
    }

    /// The first function goes on until it waits again or ends.
    fn go_on(&mut self) {
        let clock = self.clock(self.tasks[0].side);
        let Some(end) = self.tasks[0].go_on(clock) else {
            return;
        };
        let side = self.tasks.remove(0).side;
        self.note(|| format!("end {side:?}"));
        // The answer to who called may be lost even though the function did not die.
        let answered = side == Side::Reconciler || self.choose(2) == 0;
        end(self, answered);
    }

    /// The running function dies: whoever called it hears nothing.
    fn kill(&mut self) {
        let task = self.tasks.remove(0);
        self.note(|| format!("dead {:?}", task.side));
        if let Some((notice, before)) = task.webhook {
            self.repeat_webhook(notice, before);
        }
    }
}
