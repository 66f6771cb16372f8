use std::sync::Mutex;

use app::ports::Clock;
use jiff::{SignedDuration, Timestamp};

use crate::lock;

/// Noon of a day: where most tests begin.
pub fn noon() -> Timestamp {
    "2026-11-21T12:00:00Z".parse().expect("a timestamp")
}

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub struct FakeClock(Mutex<Timestamp>);

impl FakeClock {
    /// A clock at [`noon`].
    pub fn at_noon() -> Self {
        Self(Mutex::new(noon()))
    }

    /// Sets the clock, in Unix milliseconds.
    pub fn set(&self, now: i64) {
        *lock(&self.0) = Timestamp::from_millisecond(now).expect("a time of this age");
    }

    /// Moves the clock.
    pub fn advance(&self, by: SignedDuration) {
        let mut now = lock(&self.0);
        *now += by;
    }
}

impl Clock for FakeClock {
    fn now(&self) -> Timestamp {
        *lock(&self.0)
    }
}
