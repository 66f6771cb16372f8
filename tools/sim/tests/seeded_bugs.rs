//! The simulation must see what it is there to see: each of the seeded bugs.

use sim::{Explorer, Mutation};

#[test]
fn every_seeded_bug_is_caught() {
    let missed: Vec<Mutation> = Mutation::ALL
        .into_iter()
        .filter(|mutation| {
            let explorer = Explorer {
                mutation: Some(*mutation),
                threads: 2,
            };
            let report = explorer.hunt();
            match &report.failure {
                Some(failure) => {
                    let first = &failure.violations[0];
                    println!(
                        "{mutation:?}: {} schedules, {}: {}",
                        report.schedules, failure.schedule, first.what
                    );
                }
                None => println!("{mutation:?}: not caught in {} schedules", report.schedules),
            }
            report.failure.is_none()
        })
        .collect();
    assert_eq!(missed, []);
}

#[test]
fn at_least_thirty_different_bugs_are_seeded() {
    let mut names: Vec<String> = Mutation::ALL
        .iter()
        .map(|mutation| format!("{mutation:?}"))
        .collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), Mutation::ALL.len());
    assert!(names.len() >= 30);
}

#[test]
fn a_seeded_bug_is_found_by_its_name() {
    assert_eq!(
        Mutation::named("ShortageIgnored"),
        Some(Mutation::ShortageIgnored)
    );
    assert_eq!(Mutation::named("NoSuchBug"), None);
}
