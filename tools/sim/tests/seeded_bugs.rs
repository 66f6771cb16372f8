//! The simulation must see what it is there to see: each of the seeded bugs.

use clap::ValueEnum;
use sim::{Explorer, Mutation};

#[test]
fn every_seeded_bug_is_caught() {
    let missed: Vec<Mutation> = Mutation::value_variants()
        .iter()
        .copied()
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
fn seeded_bugs_are_many_and_found_by_name() {
    assert!(Mutation::value_variants().len() >= 81);
    assert_eq!(
        Mutation::from_str("ShortageIgnored", false),
        Ok(Mutation::ShortageIgnored)
    );
    assert!(Mutation::from_str("NoSuchBug", false).is_err());
}
