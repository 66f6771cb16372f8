//! The time.

use jiff::{SignedDuration, Timestamp};

/// Now, in whole milliseconds: finer time would not survive being stored.
///
/// # Panics
/// Never: the milliseconds of a timestamp are a timestamp.
pub fn now() -> Timestamp {
    let now = Timestamp::now().as_millisecond();
    Timestamp::from_millisecond(now).expect("the milliseconds of a timestamp are a timestamp")
}

/// When Lambda ends a run, and how much of it is left.
#[derive(Clone, Copy, Debug)]
pub struct Deadline(Timestamp);

impl Deadline {
    /// The deadline at `at`.
    pub fn new(at: Timestamp) -> Self {
        Self(at)
    }

    /// Lambda's own words: milliseconds since 1970. Out of range, which Lambda never is, there is no time left.
    pub(crate) fn from_millisecond(milliseconds: u64) -> Self {
        let at = i64::try_from(milliseconds).ok();
        let at = at.and_then(|at| Timestamp::from_millisecond(at).ok());
        Self(at.unwrap_or(Timestamp::UNIX_EPOCH))
    }

    /// The last moment to begin something that may take `margin`.
    pub fn less(self, margin: SignedDuration) -> Timestamp {
        self.0.checked_sub(margin).unwrap_or(Timestamp::MIN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_leaves_the_margin() {
        assert_eq!(
            now().subsec_nanosecond() % 1_000_000,
            0,
            "finer time is not stored"
        );
        let last = Deadline::from_millisecond(60_000).less(SignedDuration::from_secs(5));
        assert_eq!(last.as_millisecond(), 55_000);
        assert_eq!(Deadline::from_millisecond(u64::MAX).0, Timestamp::UNIX_EPOCH);
    }
}
