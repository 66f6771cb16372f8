//! The world that the use cases run in: it decides who goes on, how every call ends, and what happens between.

use std::collections::{HashMap, HashSet};

use app::BreakerMemory;
use domain::OrderId;
use jiff::Timestamp;
use testkit::{FakeProvider, FakeQueue, FakeWarehouse, MemoryStore, noon};

use crate::choices::{About, Choices};
use crate::fault::Fault;
use crate::ports::{Call, Reply};
use crate::rejections::Verdict;
use crate::seen::Seen;
use crate::shopper::Shopper;
use crate::task::{Side, Task, end};
use crate::{Class, Mutation, Scenario, Violation};

/// How far a clock runs off, in milliseconds.
const SKEW: i64 = 20 * 60_000;
/// The reconciler's schedule, in milliseconds: denser than in life, so that two runs may meet.
const TICK: i64 = 1_000;
/// The same where work fails for hours.
const SLOW_TICK: i64 = 600_000;
/// For how long it does.
pub(crate) const BROKEN: i64 = 3 * 3_600_000;
/// How many events that come next may trade places.
const REORDERED: usize = 3;
/// A run that takes more steps does not come to an end.
const MOST_STEPS: u32 = 20_000;
/// How long a run of the reconciler begins new work, in milliseconds.
const RECONCILED_FOR: i64 = 45_000;
/// How many messages may wait, as `template.yaml` has it.
const BACKLOG: usize = 960;
/// How long after it was made a list of the provider shows something, in milliseconds: longer than the reconciler's first retry.
const LIST_DELAY: i64 = 45_000;
/// A week, in milliseconds.
const WEEK: i64 = 7 * 24 * 3_600_000;

/// Something that will happen.
pub(crate) enum Happening {
    ShopperWakes(usize),
    RequestTimesOut {
        shopper: usize,
        request: usize,
    },
    PageEnds(usize),
    Webhook {
        notice: app::PaymentNotice,
        before: usize,
    },
    MessageVisible(usize),
    TakenBack {
        payment_id: String,
        disputed: bool,
    },
    DelayEnds {
        page: usize,
        arrives: bool,
    },
    HumanDecides(OrderId, Verdict),
    EffectLands(Call),
    /// The kind of work that failed goes on.
    Mended,
}

/// When and what.
pub(crate) struct Event {
    at: i64,
    pub(crate) what: Happening,
}

/// Who goes on.
#[derive(Clone, Copy, Debug)]
enum Turn {
    /// A call of a task.
    Call(usize, usize),
    Event(usize),
    Tick,
}

pub(crate) struct World<'a> {
    pub(crate) scenario: &'a Scenario,
    pub(crate) mutation: Option<Mutation>,
    pub(crate) choices: Choices,
    /// True time, in Unix milliseconds.
    pub(crate) now: i64,
    pub(crate) steps: u32,
    pub(crate) store: MemoryStore,
    pub(crate) provider: FakeProvider,
    pub(crate) warehouse: FakeWarehouse,
    pub(crate) queue: FakeQueue,
    pub(crate) seen: Seen,
    /// What happens to the call whose effect takes place just now.
    pub(crate) fault: Fault,
    /// How many payment pages have somebody who waits for their end.
    pub(crate) watched: usize,
    pub(crate) shoppers: Vec<Shopper>,
    /// In which step a call for an order's page last met a fault.
    pub(crate) page_failed: HashMap<OrderId, u32>,
    /// The payments of which the shop has heard that they went back.
    pub(crate) heard_back: HashSet<String>,
    /// The pages on which a payment was on its way, and since when.
    pub(crate) delayed: Vec<(usize, i64)>,
    /// The orders whose payment failed before it had taken too long.
    pub(crate) failed_in_time: Vec<OrderId>,
    /// What the provider told, for telling it again.
    pub(crate) notices: Vec<app::PaymentNotice>,
    pub(crate) violations: Vec<Violation>,
    pub(crate) tasks: Vec<Task>,
    /// What the one process of the forwarder knows of the warehouse's circuit.
    pub(crate) breaker: BreakerMemory,
    /// The orders that a human gives up, and when that was stored, as far as the human knows.
    pub(crate) hastened: Vec<(OrderId, Option<i64>)>,
    events: Vec<Event>,
    pub(crate) begun: i64,
    skews: [i64; Side::COUNT],
    last_tick: i64,
    /// How often the reconciler runs, in milliseconds.
    pub(crate) tick: i64,
    encores: u32,
    /// How many messages were dead letters before they were redriven.
    pub(crate) dead_letters: usize,
    /// How often a message was received at most.
    pub(crate) most_receives: u32,
    /// A readable account of the run, where one is kept.
    pub(crate) trace: Option<Vec<String>>,
}

impl<'a> World<'a> {
    pub(crate) fn new(scenario: &'a Scenario, mutation: Option<Mutation>, choices: Choices) -> Self {
        let begun = noon().as_millisecond();
        let mut world = Self {
            scenario,
            mutation,
            choices,
            now: begun,
            steps: 0,
            store: scenario.store(),
            provider: FakeProvider::default(),
            warehouse: FakeWarehouse::default(),
            queue: FakeQueue::default(),
            seen: Seen::default(),
            fault: Fault::None,
            watched: 0,
            shoppers: scenario.shoppers.iter().map(|_| Shopper::default()).collect(),
            page_failed: HashMap::new(),
            heard_back: HashSet::new(),
            delayed: Vec::new(),
            failed_in_time: Vec::new(),
            notices: Vec::new(),
            violations: Vec::new(),
            tasks: Vec::new(),
            breaker: BreakerMemory::default(),
            hastened: Vec::new(),
            events: Vec::new(),
            begun,
            skews: [0; Side::COUNT],
            last_tick: begun - TICK,
            tick: if scenario.broken.is_some() {
                SLOW_TICK
            } else {
                TICK
            },
            encores: 0,
            dead_letters: 0,
            most_receives: 0,
            trace: None,
        };
        world.provider.state().list_delay = LIST_DELAY;
        world.skews[Side::Reconciler as usize] = scenario.eager;
        if scenario.broken.is_some() {
            world.schedule(BROKEN, Happening::Mended);
        }
        for (number, plan) in scenario.shoppers.iter().enumerate() {
            world.schedule(plan.arrives, Happening::ShopperWakes(number));
        }
        world
    }

    /// Runs until nothing is left to happen.
    pub(crate) fn run(&mut self) {
        self.run_for(MOST_STEPS);
    }

    pub(crate) fn run_for(&mut self, most_steps: u32) {
        self.skew_a_clock();
        while self.steps < most_steps {
            self.steps += 1;
            match self.next_turn() {
                Some(Turn::Call(task, call)) => self.step(task, call),
                Some(Turn::Event(event)) => self.happen(event),
                Some(Turn::Tick) => self.start_reconciler(),
                None if self.encore() => {}
                None => return,
            }
        }
        self.accuse(Class::Unfinished, "the run does not come to an end");
    }

    pub(crate) fn choose(&mut self, options: usize) -> usize {
        self.choices.choose(About::World, options)
    }

    pub(crate) fn note(&mut self, what: impl FnOnce() -> String) {
        if let Some(trace) = &mut self.trace {
            let seconds = self.now - self.begun;
            trace.push(format!(
                "{:>10}.{:03} {}",
                seconds / 1_000,
                seconds % 1_000,
                what()
            ));
        }
    }

    pub(crate) fn accuse(&mut self, class: Class, what: impl Into<String>) {
        let what = what.into();
        self.violations.push(Violation { class, what });
    }

    /// What a clock of that side shows.
    pub(crate) fn clock(&self, side: Side) -> i64 {
        self.now + self.skews.get(side as usize).copied().unwrap_or(0)
    }

    /// Whether the clock of that side is right.
    pub(crate) fn is_on_time(&self, side: Side) -> bool {
        self.skews[side as usize] == 0
    }

    /// Something happens so many milliseconds from now.
    pub(crate) fn schedule(&mut self, after: i64, what: Happening) {
        let at = self.now + after;
        let place = self.events.partition_point(|event| event.at <= at);
        self.events.insert(place, Event { at, what });
    }

    /// What was to happen does not; whether it was to.
    pub(crate) fn cancel(&mut self, is: impl Fn(&Happening) -> bool) -> bool {
        let place = self.events.iter().position(|event| is(&event.what));
        place.map(|place| self.events.remove(place)).is_some()
    }

    /// One side's clock may run off, forward or back.
    fn skew_a_clock(&mut self) {
        let choice = self.choose(1 + 2 * Side::COUNT);
        if let Some(choice) = choice.checked_sub(1) {
            let skew = if choice % 2 == 0 { SKEW } else { -SKEW };
            self.skews[choice / 2] += skew;
            self.note(|| format!("clock {} is off by {skew} ms", choice / 2));
        }
    }

    /// The running function goes on; or another one, or what would come next within its time. Where none runs, what comes next, or
    /// what comes after that. What fails goes on in its time, neither sooner nor later.
    fn next_turn(&mut self) -> Option<Turn> {
        let horizon = self.tasks.iter().map(|task| task.deadline).min();
        let within = |at: &i64| horizon.is_none_or(|horizon| *at <= horizon);
        let calls = |(task, running): (usize, &Task)| {
            (0..running.calls.len()).map(move |call| Turn::Call(task, call))
        };
        let mut turns: Vec<Turn> = self.tasks.iter().enumerate().flat_map(calls).collect();
        let most = turns.len() + REORDERED;
        let mut tick = self.next_tick().filter(within);
        for (number, event) in self.events.iter().enumerate().take(REORDERED) {
            if !within(&event.at) {
                break;
            }
            if tick.is_some_and(|tick| tick < event.at) {
                tick = None;
                turns.push(Turn::Tick);
            }
            let mended = matches!(event.what, Happening::Mended);
            if mended && !turns.is_empty() {
                break;
            }
            turns.push(Turn::Event(number));
            if mended {
                break;
            }
        }
        if tick.is_some() {
            turns.push(Turn::Tick);
        }
        turns.truncate(most);
        let chosen = self.choices.choose(About::Turn, turns.len());
        turns.get(chosen).copied()
    }

    /// When the reconciler runs next: on schedule, as soon as it would find something.
    fn next_tick(&self) -> Option<i64> {
        let running = self
            .tasks
            .iter()
            .filter(|task| task.side == Side::Reconciler)
            .count();
        let due = self.first_due().filter(|_| running < 2)?;
        Some((due - self.skews[Side::Reconciler as usize]).max(self.last_tick + self.tick))
    }

    fn start_reconciler(&mut self) {
        let at = self.next_tick().unwrap_or(self.now);
        self.now = self.now.max(at);
        self.last_tick = self.now;
        let begun = self.clock(Side::Reconciler);
        let until = Timestamp::from_millisecond(begun + RECONCILED_FOR).expect("a time within years");
        let releases = self.scenario.releases && self.mutation != Some(Mutation::ShortHoldIgnored);
        self.start(Side::Reconciler, None, move |ports| async move {
            // What failed stays due, for the next run.
            let _ = app::resend_orders(&ports, &ports, &ports, &ports, until, BACKLOG).await;
            let _ = app::reconcile(&ports, &ports, &ports, &ports, until).await;
            if releases {
                let _ = app::release_scarce_holds(&ports, &ports, &ports, until).await;
            }
            end(|_, _| ())
        });
    }

    fn happen(&mut self, event: usize) {
        let Event { at, what } = self.events.remove(event);
        self.now = self.now.max(at);
        match what {
            Happening::ShopperWakes(shopper) => self.shopper_wakes(shopper),
            Happening::RequestTimesOut { shopper, request } => self.try_again(shopper, request),
            Happening::PageEnds(page) => self.page_ends(page),
            Happening::Webhook { notice, before } => self.deliver_webhook(notice, before),
            Happening::MessageVisible(message) => self.deliver_message(message),
            Happening::TakenBack { payment_id, disputed } => self.take_back(&payment_id, disputed),
            Happening::DelayEnds { page, arrives } => self.end_delay(page, arrives),
            Happening::HumanDecides(id, verdict) => self.human_decides(id, verdict),
            Happening::Mended => self.judge_waiting(),
            Happening::EffectLands(mut call) => {
                self.note(|| format!("late: {:?}", call.op));
                (call.run)(self, Reply::Silence);
            }
        }
    }

    /// Once all is done: dead letters are redriven a week later, and everything may be told again.
    fn encore(&mut self) -> bool {
        self.encores += 1;
        match self.encores {
            1 => {
                self.now += WEEK;
                let dead = std::mem::take(&mut self.queue.state().dead);
                self.dead_letters = dead.len();
                self.put_messages(dead);
            }
            2 => match self.choose(3) {
                1 => {
                    for notice in self.notices.clone() {
                        self.schedule(0, Happening::Webhook { notice, before: 9 });
                    }
                }
                2 => self.put_messages(self.store.orders().iter().map(|order| order.id().to_string())),
                _ => {}
            },
            _ => return false,
        }
        self.note(|| "a week later".to_owned());
        true
    }

    fn put_messages(&mut self, bodies: impl IntoIterator<Item = String>) {
        self.set_clocks();
        for body in bodies {
            let message = self.queue.state().put(body);
            self.schedule(0, Happening::MessageVisible(message));
        }
    }
}
