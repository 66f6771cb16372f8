//! Running schedules: all of few faults, many at random, and the smallest one that still fails.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use crate::choices::{Choices, Draw};
use crate::world::World;
use crate::{Deviation, Ends, Mutation, Scenario, Violation};

/// Between the seeds of samples: odd and large, so that neighbours share nothing.
const SPREAD: u64 = 0xD134_2543_DE82_EF95;

/// A run that can be run again: where it begins, and where it leaves the uneventful way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// The scenario's name.
    pub scenario: &'static str,
    /// In the order of the choices.
    pub deviations: Vec<Deviation>,
}

impl Schedule {
    /// Reads what [`fmt::Display`] writes; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let (scenario, script) = text.split_once(':')?;
        let deviation = |part: &str| {
            let (at, option) = part.split_once('=')?;
            Some(Deviation {
                at: at.parse().ok()?,
                option: option.parse().ok()?,
            })
        };
        Some(Self {
            scenario: Scenario::named(scenario)?.name,
            deviations: script
                .split(',')
                .filter(|part| !part.is_empty())
                .map(deviation)
                .collect::<Option<_>>()?,
        })
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let deviation = |d: &Deviation| format!("{}={}", d.at, d.option);
        let script: Vec<String> = self.deviations.iter().map(deviation).collect();
        write!(f, "{}:{}", self.scenario, script.join(","))
    }
}

/// What many schedules came to.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// How many were run.
    pub schedules: u64,
    /// How the orders ended.
    pub ends: Ends,
    /// The first that broke a promise.
    pub failure: Option<Run>,
}

impl Report {
    /// Adds up; the first failure stays.
    pub fn add(&mut self, other: Self) {
        self.schedules += other.schedules;
        self.ends.add(&other.ends);
        self.failure = self.failure.take().or(other.failure);
    }

    /// Counts a run; how many options its choices had.
    fn take(&mut self, run: Run) -> Vec<u8> {
        self.schedules += 1;
        self.ends.add(&run.ends);
        let arities = run.arities.clone();
        if !run.violations.is_empty() {
            self.failure = Some(run);
        }
        arities
    }
}

/// Runs schedules, with a seeded bug or without.
#[derive(Clone, Copy, Debug)]
pub struct Explorer {
    /// The seeded bug.
    pub mutation: Option<Mutation>,
    /// How many threads run.
    pub threads: usize,
}

impl Explorer {
    /// Every schedule of `scenario` with at most `faults` deviations, each once; stops at the first that fails.
    pub fn exhaustively(&self, scenario: &Scenario, faults: usize) -> Report {
        let mut report = Report::default();
        let arities = self.run(scenario, &[], &mut report);
        if faults == 0 || report.failure.is_some() {
            return report;
        }
        let first: Vec<Deviation> = after(&arities, 0).collect();
        let stop = AtomicBool::new(false);
        let others = self.numbered(first.len() as u64, |number, own| {
            let deviation = first[usize::try_from(number).expect("few choices")];
            self.descend(scenario, &mut vec![deviation], faults - 1, own, &stop);
        });
        report.add(others);
        report
    }

    fn descend(
        &self,
        scenario: &Scenario,
        script: &mut Vec<Deviation>,
        faults: usize,
        report: &mut Report,
        stop: &AtomicBool,
    ) {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let arities = self.run(scenario, script, report);
        if report.failure.is_some() {
            return stop.store(true, Ordering::Relaxed);
        }
        if faults == 0 {
            return;
        }
        let from = script.last().map_or(0, |last| last.at + 1);
        for deviation in after(&arities, from) {
            script.push(deviation);
            self.descend(scenario, script, faults - 1, report, stop);
            script.pop();
        }
    }

    /// Every schedule of `scenario` with one deviation, then `cases` with two to `faults`, drawn by `seed`; stops at the first that fails.
    pub fn sampled(&self, scenario: &Scenario, faults: usize, seed: u64, cases: u64) -> Report {
        let mut report = Report::default();
        let mut first = Vec::new();
        for deviation in after(&self.run(scenario, &[], &mut report), 0) {
            let arities = self.run(scenario, &[deviation], &mut report);
            first.push((deviation, arities));
            if report.failure.is_some() {
                return report;
            }
        }
        let deeper = u64::try_from(faults.saturating_sub(1))
            .expect("few faults")
            .max(1);
        let samples = cases.saturating_sub(report.schedules) / deeper;
        report.add(self.numbered(samples, |number, own| {
            let mut draw = Draw::seeded(seed.wrapping_add(number.wrapping_mul(SPREAD)));
            let (deviation, arities) = &first[draw.below(first.len())];
            let (mut script, mut arities) = (vec![*deviation], arities.clone());
            for _ in 1..faults {
                let from = script.last().map_or(0, |last| last.at + 1);
                let further: Vec<Deviation> = after(&arities, from).collect();
                if further.is_empty() || own.failure.is_some() {
                    return;
                }
                script.push(further[draw.below(further.len())]);
                arities = self.run(scenario, &script, own);
            }
        }));
        report
    }

    /// Schedules drawn from the seeds `from`, `from + 1`, ...; each seed chooses its scenario among `scenarios`. Stops at the first that
    /// fails.
    pub fn at_random(&self, scenarios: &[Scenario], from: u64, schedules: u64) -> Report {
        self.numbered(schedules, |number, own| {
            let seed = from.wrapping_add(number);
            own.take(drawn(scenarios, seed, self.mutation));
        })
    }

    /// Does `work` for the numbers below `count`, on all threads; stops at the first failure.
    fn numbered(&self, count: u64, work: impl Fn(u64, &mut Report) + Sync) -> Report {
        let next = AtomicU64::new(0);
        let stop = AtomicBool::new(false);
        self.on_threads(|own| {
            while !stop.load(Ordering::Relaxed) {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= count {
                    return;
                }
                work(number, own);
                if own.failure.is_some() {
                    stop.store(true, Ordering::Relaxed);
                }
            }
        })
    }

    /// Looks for a failure: everything of one fault, of two, then at random.
    pub fn hunt(&self) -> Report {
        let mut report = Report::default();
        let hint = self
            .mutation
            .and_then(Mutation::shows_in)
            .and_then(Scenario::named);
        let everything = Scenario::all();
        let affordable = everything.iter().filter(|scenario| !scenario.is_large());
        let one = everything.iter().chain(&hint).map(|scenario| (scenario, 1));
        let cheap = hint.iter().filter(|scenario| scenario.broken.is_none());
        let two = cheap.chain(affordable).map(|scenario| (scenario, 2));
        for (scenario, faults) in one.chain(two) {
            report.add(self.exhaustively(scenario, faults));
            if report.failure.is_some() {
                return report;
            }
        }
        report.add(self.at_random(&everything, 1, 400_000));
        report
    }

    /// The failure with as few deviations as leaving some out gives, each as small as it was.
    pub fn shrink(&self, failure: Run) -> Run {
        let Some(scenario) = Scenario::named(failure.schedule.scenario) else {
            return failure;
        };
        let mut smallest = failure;
        let mut place = 0;
        while place < smallest.schedule.deviations.len() {
            let mut script = smallest.schedule.deviations.clone();
            script.remove(place);
            let run = scripted(&scenario, &script, self.mutation);
            let same =
                |violation: &Violation| smallest.violations.iter().any(|own| own.class == violation.class);
            if run.violations.iter().any(same) {
                let seed = smallest.seed;
                smallest = Run { seed, ..run };
                place = 0;
            } else {
                place += 1;
            }
        }
        smallest
    }

    fn on_threads(&self, work: impl Fn(&mut Report) + Sync) -> Report {
        let total = Mutex::new(Report::default());
        thread::scope(|scope| {
            for _ in 0..self.threads.max(1) {
                scope.spawn(|| {
                    let mut own = Report::default();
                    work(&mut own);
                    total.lock().unwrap_or_else(PoisonError::into_inner).add(own);
                });
            }
        });
        total.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self, scenario: &Scenario, script: &[Deviation], report: &mut Report) -> Vec<u8> {
        report.take(scripted(scenario, script, self.mutation))
    }
}

/// Every way to leave the uneventful way at one choice, from choice `from` on.
fn after(arities: &[u8], from: u32) -> impl Iterator<Item = Deviation> {
    (0..)
        .zip(arities)
        .skip(from as usize)
        .flat_map(|(at, arity)| (1..*arity).map(move |option| Deviation { at, option }))
}

/// One run.
#[derive(Clone, Debug)]
pub struct Run {
    /// By which it can be run again.
    pub schedule: Schedule,
    /// The seed it was drawn from, if it was.
    pub seed: Option<u64>,
    /// How the orders ended.
    pub ends: Ends,
    /// The promises that it broke.
    pub violations: Vec<Violation>,
    /// What happened, a line a step, where that was asked for.
    pub account: Vec<String>,
    arities: Vec<u8>,
}

/// Runs one schedule.
fn scripted(scenario: &Scenario, script: &[Deviation], mutation: Option<Mutation>) -> Run {
    finished(World::new(scenario, mutation, Choices::scripted(script)))
}

fn drawn(scenarios: &[Scenario], seed: u64, mutation: Option<Mutation>) -> Run {
    let mut draw = Draw::seeded(seed);
    let scenario = &scenarios[draw.below(scenarios.len())];
    Run {
        seed: Some(seed),
        ..finished(World::new(scenario, mutation, Choices::random(draw)))
    }
}

fn finished(mut world: World<'_>) -> Run {
    world.run();
    let ends = world.judge();
    Run {
        schedule: Schedule {
            scenario: world.scenario.name,
            deviations: world.choices.taken().to_vec(),
        },
        seed: None,
        ends,
        violations: std::mem::take(&mut world.violations),
        account: world.trace.take().unwrap_or_default(),
        arities: world.choices.arities().to_vec(),
    }
}

/// Runs one schedule again and gives an account of it.
pub fn replay(schedule: &Schedule, mutation: Option<Mutation>) -> Run {
    let scenario = Scenario::named(schedule.scenario).expect("a schedule names a scenario");
    let mut world = World::new(&scenario, mutation, Choices::scripted(&schedule.deviations));
    world.trace = Some(Vec::new());
    finished(world)
}

/// The schedule that is drawn from a seed.
pub fn schedule_of_seed(seed: u64, mutation: Option<Mutation>) -> Schedule {
    drawn(&Scenario::all(), seed, mutation).schedule
}
