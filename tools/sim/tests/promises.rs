//! The promises of the shop, under faults. A plain `cargo test` runs a share of the schedules; `sim run` runs them all.

use sim::{Explorer, Report, Scenario, replay, schedule_of_seed};

fn explorer() -> Explorer {
    Explorer {
        mutation: None,
        threads: 2,
    }
}

fn hold(report: &Report) {
    if let Some(failure) = &report.failure {
        let smallest = explorer().shrink(failure.clone());
        panic!(
            "{:?}\nagain: cargo run --bin sim -- replay {}",
            smallest.violations, smallest.schedule
        );
    }
}

fn every_schedule(scenario: &Scenario, faults: usize) -> Report {
    let report = explorer().exhaustively(scenario, faults);
    println!(
        "{}: {} schedules of up to {faults} faults",
        scenario.name, report.schedules
    );
    hold(&report);
    report
}

#[test]
fn no_promise_breaks_under_any_two_faults() {
    for scenario in Scenario::small() {
        every_schedule(&scenario, 2);
    }
}

#[test]
fn no_promise_breaks_under_any_fault_of_large_orders() {
    for scenario in Scenario::in_steps() {
        every_schedule(&scenario, 1);
    }
}

#[test]
fn no_kind_of_due_work_waits_for_one_that_fails() {
    for scenario in Scenario::broken() {
        every_schedule(&scenario, 1);
    }
}

#[test]
fn no_promise_breaks_at_random_and_every_way_to_end_is_met() {
    let report = explorer().at_random(&Scenario::all(), 1, 20_000);
    println!("{} random schedules: {:?}", report.schedules, report.ends);
    hold(&report);
    for (end, count) in &report.ends.0 {
        assert!(*count > 0, "no order was {end}: the faults are too few");
    }
}

#[test]
fn a_sample_keeps_to_its_budget_and_is_the_same_again() {
    let scenario = &Scenario::small()[0];
    let report = explorer().sampled(scenario, 3, 7, 1_000);
    hold(&report);
    assert!((900..=1_000).contains(&report.schedules), "{}", report.schedules);
    let again = explorer().sampled(scenario, 3, 7, 1_000);
    assert_eq!((again.schedules, again.ends), (report.schedules, report.ends));
    let every = explorer().exhaustively(scenario, 1);
    assert_eq!(explorer().sampled(scenario, 3, 7, 0).schedules, every.schedules);
}

#[test]
fn a_schedule_runs_again_step_by_step_the_same() {
    for seed in 0..50 {
        let schedule = schedule_of_seed(seed, None);
        let first = replay(&schedule, None);
        assert_eq!(first.schedule, schedule, "seed {seed}");
        assert_eq!(first.account, replay(&schedule, None).account, "seed {seed}");
    }
}

#[test]
fn a_schedule_is_read_as_it_is_written() {
    let schedule = schedule_of_seed(3, None);
    assert_eq!(sim::Schedule::parse(&schedule.to_string()), Some(schedule));
    for bad in ["", "one-order", "nowhere:1=2", "one-order:1", "one-order:a=b"] {
        assert_eq!(sim::Schedule::parse(bad), None, "{bad}");
    }
}
