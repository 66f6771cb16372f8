//! The warehouse is down for days or weeks, longer than the queue keeps a message.

use crate::choices::{Choices, Draw};
use crate::scenario::{Pays, Scenario};
use crate::world::World;
use crate::{Ends, Violation};

/// The reconciler's schedule, as `template.yaml` has it, in milliseconds.
const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;

/// How an outage ended.
#[derive(Clone, Debug)]
pub struct Outage {
    /// How the orders ended.
    pub ends: Ends,
    /// The promises that were broken.
    pub violations: Vec<Violation>,
    /// How many messages went to the dead letters.
    pub dead_letters: usize,
    /// How often a message was received at most.
    pub most_receives: u32,
    /// How many hours after the outage's end the last order was forwarded, rounded up.
    pub hours_to_drain: i64,
}

/// Lets the warehouse answer nothing for `hours`, while `orders` orders come in over the first half of that time; with a `seed`, everything
/// else has its random faults too.
pub fn ride_out(hours: u32, orders: u32, seed: Option<u64>) -> Outage {
    let outage = i64::from(hours) * HOUR;
    let mut scenario = Scenario::of("outage", &[("A", i64::from(orders))]);
    for number in 0..orders {
        scenario = scenario.shopper(&format!("shopper {number}"), &[("A", 1)], Pays::AtOnce, 1);
    }
    scenario.outage = outage;
    for (place, plan) in (0_i64..).zip(&mut scenario.shoppers) {
        plan.arrives = place * outage / (2 * i64::from(orders));
    }
    let choices = seed.map_or_else(
        || Choices::scripted(&[]),
        |seed| Choices::random(Draw::seeded(seed)),
    );
    let mut world = World::new(&scenario, None, choices);
    world.tick = MINUTE;
    let begun = world.now;
    world.run_for(u32::MAX);
    let ends = world.judge();
    let last = world
        .store
        .orders()
        .iter()
        .filter_map(|order| order.history().last())
        .map(|entry| entry.at.as_millisecond())
        .max();
    let after = last.map_or(0, |last| last - begun - outage);
    Outage {
        ends,
        dead_letters: world.dead_letters,
        most_receives: world.most_receives,
        hours_to_drain: (after + HOUR - 1).div_euclid(HOUR),
        violations: world.violations,
    }
}
