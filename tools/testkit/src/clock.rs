use std::sync::Mutex;

use app::ports::Clock;
use jiff::{SignedDuration, Timestamp};

use crate::lock;

/// Noon of a day: where most tests begin.
///
/// # Panics
/// Never.
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
