use std::num::NonZeroU32;
use std::time::Duration;

/// An order takes no longer than the function may.
const LONGEST_SHARE: Duration = Duration::from_secs(25);

/// How fast orders go to the warehouse. Each instance of this function spends at least its share of time on an order: all of them
/// together, never more than so many, stay within the rate without knowing of each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pace {
    share: Duration,
}

impl Pace {
    /// So many orders a minute, by so many instances. `None` where an order would take an instance longer than it may run.
    pub(crate) fn new(orders_per_minute: NonZeroU32, instances: NonZeroU32) -> Option<Self> {
        let share = Duration::from_mins(1) * instances.get() / orders_per_minute.get();
        (share <= LONGEST_SHARE).then_some(Self { share })
    }

    /// The time that an instance spends on an order at least.
    pub(crate) fn share(self) -> Duration {
        self.share
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pace(orders_per_minute: u32, instances: u32) -> Option<Duration> {
        let number = |n| NonZeroU32::new(n).expect("not zero");
        Pace::new(number(orders_per_minute), number(instances)).map(Pace::share)
    }

    #[test]
    fn all_instances_together_keep_to_the_rate() {
        assert_eq!(pace(480, 4), Some(Duration::from_millis(500)));
        assert_eq!(pace(60, 2), Some(Duration::from_secs(2)));
    }

    #[test]
    fn a_pace_that_no_instance_could_keep_is_refused() {
        assert_eq!(pace(5, 2), Some(Duration::from_secs(24)));
        assert_eq!(pace(4, 2), None);
    }
}
