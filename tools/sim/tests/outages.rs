//! The warehouse is down for longer than the queue keeps a message.

use sim::{Outage, ride_out};

fn nothing_is_lost(hours: u32, seed: Option<u64>) -> Outage {
    let outage = ride_out(hours, 10, seed);
    println!("{hours} hours down: {outage:?}");
    assert_eq!(outage.violations, []);
    outage
}

#[test]
fn an_outage_of_days_or_weeks_loses_no_order_and_no_receive() {
    for hours in [72, 21 * 24] {
        let outage = nothing_is_lost(hours, None);
        assert_eq!(outage.ends.0["forwarded"], 10);
        assert_eq!((outage.dead_letters, outage.most_receives), (0, 1));
        assert!(outage.hours_to_drain <= 1);
    }
}

#[test]
fn an_outage_with_other_faults_in_it_loses_no_order() {
    for seed in 0..10 {
        nothing_is_lost(72, Some(seed));
    }
}
