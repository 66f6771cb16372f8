//! The rate limit: a bucket that holds one second's worth of calls.

use std::time::Duration;

use tokio::time::Instant;

/// The bucket, kept as the time at which it will be full again.
#[derive(Debug)]
pub(super) struct RateLimit {
    full_at: Instant,
}

impl RateLimit {
    /// A full bucket.
    pub(super) fn new() -> RateLimit {
        RateLimit {
            full_at: Instant::now(),
        }
    }

    /// Takes one call out, or says how long to wait. 0 a second means no limit.
    pub(super) fn take(&mut self, rate_per_s: u32) -> Result<(), Duration> {
        if rate_per_s == 0 {
            return Ok(());
        }
        let now = Instant::now();
        let one = Duration::from_secs(1) / rate_per_s;
        let full_at = self.full_at.max(now) + one;
        let over = full_at.saturating_duration_since(now + Duration::from_secs(1));
        if over > Duration::ZERO {
            return Err(over);
        }
        self.full_at = full_at;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_second_holds_its_number_of_calls_and_refills_evenly() {
        let mut limit = RateLimit::new();
        assert_eq!((0..100).filter(|_| limit.take(10).is_ok()).count(), 10);
        assert_eq!(limit.take(10), Err(Duration::from_millis(100)));
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!((0..100).filter(|_| limit.take(10).is_ok()).count(), 3);
        tokio::time::sleep(Duration::from_mins(1)).await;
        assert_eq!((0..100).filter(|_| limit.take(10).is_ok()).count(), 10);
    }

    #[tokio::test]
    async fn no_limit_is_no_limit() {
        let mut limit = RateLimit::new();
        assert!((0..10_000).all(|_| limit.take(0).is_ok()));
    }
}
