//! Runs schedules by the million, and single ones again.

use std::process::ExitCode;
use std::time::Instant;

use clap::{Parser, ValueEnum};
use sim::{Explorer, Mutation, Report, Run, Scenario, Schedule, replay, schedule_of_seed};

/// The shop's use cases under every fault.
#[derive(Parser)]
enum Command {
    /// Runs every schedule of few faults, then random ones
    Run(Options),
    /// Runs one schedule again, step by step
    Replay {
        /// A seed, or a schedule as a failing run prints it
        which: String,
        /// A seeded bug
        bug: Option<Mutation>,
    },
    /// Lists the seeded bugs, or these, each with the smallest schedule found that shows it
    Bugs { these: Vec<Mutation> },
}

#[derive(Parser)]
struct Options {
    /// How many random schedules
    #[arg(long, default_value_t = 1_000_000)]
    schedules: u64,
    /// All schedules of up to so many faults; as each scenario has it where this is left out
    #[arg(long)]
    faults: Option<usize>,
    /// Of the random schedules, and of the sample that a budget leaves
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// So many schedules in all: every one of one fault, half of the rest a sample of more faults, half at random
    #[arg(long, value_name = "CASES", conflicts_with = "schedules")]
    budget: Option<u64>,
}

fn main() -> ExitCode {
    let held = match Command::parse() {
        Command::Run(options) => run(&options),
        Command::Replay { which, bug } => show(&which, bug),
        Command::Bugs { these } if these.is_empty() => bugs(Mutation::value_variants()),
        Command::Bugs { these } => bugs(&these),
    };
    if held {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn explorer(mutation: Option<Mutation>) -> Explorer {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    Explorer { mutation, threads }
}

fn run(options: &Options) -> bool {
    let begun = Instant::now();
    let explorer = explorer(None);
    let all = Scenario::all();
    let searched = [all.clone(), Scenario::broken()].concat();
    let share = options.budget.map(|budget| budget / 2 / searched.len() as u64);
    let mut total = Report::default();
    for scenario in &searched {
        let faults = options.faults.unwrap_or_else(|| scenario.faults());
        let (report, how) = match share {
            None => (explorer.exhaustively(scenario, faults), "every schedule"),
            Some(share) => (
                explorer.sampled(scenario, faults, options.seed, share),
                "a sample",
            ),
        };
        tell(
            &format!("{}, {how} of up to {faults} faults", scenario.name),
            &report,
            begun,
        );
        total.add(report);
        if total.failure.is_some() {
            break;
        }
    }
    if total.failure.is_none() {
        let left = |budget: u64| budget.saturating_sub(total.schedules);
        let schedules = options.budget.map_or(options.schedules, left);
        let report = explorer.at_random(&all, options.seed, schedules);
        tell(
            &format!("random schedules from seed {}", options.seed),
            &report,
            begun,
        );
        total.add(report);
    }
    tell("all", &total, begun);
    if let Some(failure) = &total.failure {
        accuse(&explorer.shrink(failure.clone()));
    }
    total.failure.is_none()
}

fn tell(what: &str, report: &Report, begun: Instant) {
    let ends: Vec<String> = report
        .ends
        .0
        .iter()
        .map(|(end, n)| format!("{n} {end}"))
        .collect();
    println!(
        "{:>9} schedules, {:>6.1} s: {what}\n          {}",
        report.schedules,
        begun.elapsed().as_secs_f64(),
        ends.join(", "),
    );
}

fn accuse(failure: &Run) {
    if let Some(seed) = failure.seed {
        println!("seed {seed} fails; its smallest part that does:");
    }
    for violation in &failure.violations {
        println!("{:?}: {}", violation.class, violation.what);
    }
    println!("again: cargo run --release -p sim -- replay {}", failure.schedule);
}

fn show(which: &str, mutation: Option<Mutation>) -> bool {
    let seed = which.parse::<u64>().ok();
    let schedule = seed.map(|seed| schedule_of_seed(seed, mutation));
    let Some(schedule) = schedule.or_else(|| Schedule::parse(which)) else {
        eprintln!("{which} is neither a seed nor a schedule");
        return false;
    };
    let run = replay(&schedule, mutation);
    for line in &run.account {
        println!("{line}");
    }
    println!("{}", run.schedule);
    for violation in &run.violations {
        println!("{:?}: {}", violation.class, violation.what);
    }
    run.violations.is_empty()
}

fn bugs(these: &[Mutation]) -> bool {
    let mut all = true;
    for mutation in these {
        let begun = Instant::now();
        let explorer = explorer(Some(*mutation));
        let report = explorer.hunt();
        let caught = report.failure.map(|failure| explorer.shrink(failure));
        all &= caught.is_some();
        let how = caught.map_or_else(
            || "NOT CAUGHT".to_owned(),
            |caught| format!("{}: {}", caught.schedule, caught.violations[0].what),
        );
        println!(
            "{:>8} schedules {:>5.1} s {mutation:?}: {how}",
            report.schedules,
            begun.elapsed().as_secs_f64()
        );
    }
    all
}
