//! Runs schedules by the million, and single ones again.

use std::process::ExitCode;
use std::time::Instant;

use sim::{Ends, Explorer, Failure, Mutation, Report, Scenario, Schedule, replay, schedule_of_seed};

const USAGE: &str = "\
sim run [--schedules N] [--faults K] [--seed S]   every schedule of up to K faults (3, in some 2), then N random ones (1,000,000) from seed S (1)
sim replay SEED|SCHEDULE [BUG]                    one run again, step by step, with a seeded bug or without
sim bugs                                          the seeded bugs, and the schedule by which each one is caught";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments.as_slice() {
        ["run", options @ ..] => Options::parse(options).map(|options| run(&options)),
        ["replay", which] => show(which, None),
        ["replay", which, bug] => Mutation::named(bug).and_then(|bug| show(which, Some(bug))),
        ["bugs"] => Some(bugs()),
        _ => None,
    };
    match done {
        Some(true) => ExitCode::SUCCESS,
        Some(false) => ExitCode::FAILURE,
        None => {
            eprintln!("{USAGE}");
            ExitCode::from(2)
        }
    }
}

struct Options {
    schedules: u64,
    /// `None`: as each scenario has it.
    faults: Option<usize>,
    seed: u64,
}

impl Options {
    fn parse(arguments: &[&str]) -> Option<Self> {
        let mut options = Self {
            schedules: 1_000_000,
            faults: None,
            seed: 1,
        };
        for pair in arguments.chunks(2) {
            match pair {
                ["--schedules", n] => options.schedules = n.parse().ok()?,
                ["--faults", n] => options.faults = Some(n.parse().ok()?),
                ["--seed", n] => options.seed = n.parse().ok()?,
                _ => return None,
            }
        }
        Some(options)
    }
}

fn explorer(mutation: Option<Mutation>) -> Explorer {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    Explorer { mutation, threads }
}

fn run(options: &Options) -> bool {
    let begun = Instant::now();
    let explorer = explorer(None);
    let mut total = Report::default();
    for scenario in Scenario::all() {
        let faults = options.faults.unwrap_or_else(|| scenario.faults());
        let report = explorer.exhaustively(&scenario, faults);
        let name = format!("{}, every schedule of up to {faults} faults", scenario.name);
        tell(&name, &report, begun);
        total.add(report);
        if total.failure.is_some() {
            break;
        }
    }
    if total.failure.is_none() {
        let report = explorer.at_random(&Scenario::all(), options.seed, options.schedules);
        tell(
            &format!("random schedules from seed {}", options.seed),
            &report,
            begun,
        );
        total.add(report);
    }
    tell("all", &total, begun);
    match total.failure {
        None => true,
        Some(failure) => {
            accuse(&explorer.shrink(failure));
            false
        }
    }
}

fn tell(what: &str, report: &Report, begun: Instant) {
    let Ends {
        forwarded,
        expired,
        rejected,
        parked,
        none,
        refunded,
        unknown,
    } = report.ends;
    println!(
        "{:>9} schedules, {:>6.1} s: {what}\n          orders: {forwarded} forwarded, {expired} expired, {rejected} rejected, {parked} parked, \
         {none} not placed; {refunded} payments given back; {unknown} shoppers never learned",
        report.schedules,
        begun.elapsed().as_secs_f64(),
    );
}

fn accuse(failure: &Failure) {
    let Failure {
        schedule,
        seed,
        violations,
    } = failure;
    if let Some(seed) = seed {
        println!("seed {seed} fails; its smallest part that does:");
    }
    for violation in violations {
        println!("{:?}: {}", violation.class, violation.what);
    }
    println!("again: cargo run --release -p sim -- replay {schedule}");
}

fn show(which: &str, mutation: Option<Mutation>) -> Option<bool> {
    let schedule = match which.parse::<u64>() {
        Ok(seed) => schedule_of_seed(seed, mutation),
        Err(_) => Schedule::parse(which)?,
    };
    let run = replay(&schedule, mutation);
    for line in &run.account {
        println!("{line}");
    }
    println!("{}", run.schedule);
    for violation in &run.violations {
        println!("{:?}: {}", violation.class, violation.what);
    }
    Some(run.violations.is_empty())
}

fn bugs() -> bool {
    let mut all = true;
    for mutation in Mutation::ALL {
        let begun = Instant::now();
        let explorer = explorer(Some(mutation));
        let report = explorer.hunt();
        let caught = report.failure.map(|failure| explorer.shrink(failure));
        all &= caught.is_some();
        let how = caught.map_or_else(
            || "NOT CAUGHT".to_owned(),
            |failure| {
                let first = failure.violations.first().map(|violation| violation.what.clone());
                format!("{}: {}", failure.schedule, first.unwrap_or_default())
            },
        );
        println!(
            "{:>8} schedules {:>5.1} s {mutation:?}: {how}",
            report.schedules,
            begun.elapsed().as_secs_f64()
        );
    }
    all
}
