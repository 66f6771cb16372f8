//! How a call on a port ends.

use crate::choices::About;
use crate::fault::{Fault, HANG, SLOW};
use crate::ports::Failure;
use crate::task::{Outcome, Trigger};
use crate::world::{Happening, World};

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
        let faults = Fault::of(&call.op);
        let fault = faults[self.choices.choose(About::Call, faults.len())];
        self.note(|| match fault {
            Fault::None => format!("  {:?}", call.op),
            fault => format!("  {:?} !! {fault:?}", call.op),
        });
        match fault {
            Fault::Fail => call.answer(Err(Failure::Unknown)),
            Fault::Busy => call.answer(Err(Failure::Busy)),
            Fault::Crash => return self.kill(),
            Fault::Hang => {
                self.schedule(HANG, Happening::EffectLands(call));
                return self.kill();
            }
            Fault::Slow => {
                call.answer(Err(Failure::Unknown));
                self.schedule(SLOW, Happening::EffectLands(call));
            }
            _ => {
                self.fault = fault;
                if fault == Fault::Twice {
                    drop((call.effect)(self));
                }
                let answer = (call.effect)(self);
                self.fault = Fault::None;
                let lost = fault == Fault::LoseAnswer;
                call.answer(if lost { Err(Failure::Unknown) } else { Ok(answer) });
            }
        }
        let clock = self.clock(self.tasks[0].side);
        if let Some(outcome) = self.tasks[0].go_on(clock) {
            let task = self.tasks.remove(0);
            self.end(task.trigger, outcome);
        }
    }

    /// The running function dies: whoever called it hears nothing.
    fn kill(&mut self) {
        let task = self.tasks.remove(0);
        self.note(|| format!("dead {:?}", task.trigger));
        if let Trigger::Webhook { notice, before } = task.trigger {
            self.repeat_webhook(notice, before);
        }
    }

    /// A function ends by itself.
    pub(crate) fn end(&mut self, trigger: Trigger, outcome: Outcome) {
        self.note(|| format!("end {trigger:?}: {}", brief(&outcome)));
        // The answer to who called may be lost even though the function did not die.
        let answered = matches!(trigger, Trigger::Schedule) || self.choose(2) == 0;
        match (trigger, outcome) {
            (Trigger::Checkout { shopper, request }, Outcome::Placed(result)) if answered => {
                self.hear_checkout(shopper, request, result);
            }
            (Trigger::StartPayment { shopper, request }, Outcome::Page(result)) if answered => {
                self.hear_page(shopper, request, result);
            }
            (Trigger::Webhook { notice, before }, Outcome::Settled(result))
                if !answered || result.is_err() =>
            {
                self.repeat_webhook(notice, before);
            }
            (Trigger::Message(message), Outcome::Forwarded(result)) if answered && result.is_ok() => {
                self.queue.acknowledge(message);
                self.cancel(|what| matches!(what, Happening::MessageVisible(own) if *own == message));
            }
            _ => {}
        }
    }
}

fn brief(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Placed(Ok(placed)) => format!("{} replayed={}", placed.order.status.name(), placed.replayed),
        Outcome::Placed(Err(error)) => error.to_string(),
        other => format!("{other:?}"),
    }
}
