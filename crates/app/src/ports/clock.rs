use jiff::Timestamp;

/// The time, as the use cases see it.
pub trait Clock: Sync {
    /// Now, in whole milliseconds: finer time would not survive being stored.
    fn now(&self) -> Timestamp;
}

impl<F: Fn() -> Timestamp + Sync> Clock for F {
    fn now(&self) -> Timestamp {
        self()
    }
}
