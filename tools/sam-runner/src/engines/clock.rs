//! The engines' and sandboxes' clock: wall time that moves with tokio's.
//!
//! Tests pause tokio's time and let it jump, so that visibility timeouts, retention and expiries of hours pass in no
//! time; what is kept on disk and shown to clients is plain Unix time all the same.

use std::time::Duration;

use tokio::time::Instant;

/// Unix time in milliseconds.
pub type Millis = u64;

/// Wall time as of the clock's making, moved on by tokio's monotonic time.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    wall_at_start: Millis,
    start: Instant,
}

impl Clock {
    /// A clock that shows the machine's time now.
    pub fn system() -> Clock {
        let wall = jiff::Timestamp::now().as_millisecond();
        Clock::starting_at(Millis::try_from(wall).unwrap_or_default())
    }

    /// A clock that shows `wall` (Unix milliseconds) now.
    pub fn starting_at(wall: Millis) -> Clock {
        Clock {
            wall_at_start: wall,
            start: Instant::now(),
        }
    }

    /// Unix time, in milliseconds.
    pub fn now_ms(&self) -> Millis {
        self.wall_at_start.saturating_add(millis(self.start.elapsed()))
    }

    /// Unix time, in whole seconds.
    pub fn now_s(&self) -> u64 {
        self.now_ms() / 1000
    }

    /// The tokio instant at which this clock will show `at`; in the past for a time gone by.
    pub fn instant_of(&self, at: Millis) -> Instant {
        self.start + Duration::from_millis(at.saturating_sub(self.wall_at_start))
    }
}

/// A duration in whole milliseconds.
pub fn millis(duration: Duration) -> Millis {
    Millis::try_from(duration.as_millis()).unwrap_or(Millis::MAX)
}
