//! Chance that can be repeated: the faults of a sandbox follow from its seed.

use std::sync::Mutex;
use std::time::Duration;

/// A source of randomness; seeded, it gives the same faults for the same sequence of requests.
#[derive(Debug)]
pub(crate) struct Chance(Mutex<fastrand::Rng>);

impl Chance {
    /// Chance that differs from run to run.
    pub(crate) fn new() -> Chance {
        Chance(Mutex::new(fastrand::Rng::new()))
    }

    /// Starts over from a seed.
    pub(crate) fn seed(&self, seed: u64) {
        self.draw(|rng| rng.seed(seed));
    }

    /// Whether something of this probability (0 to 1) happens now.
    pub(crate) fn happens(&self, probability: f64) -> bool {
        probability > 0.0 && self.draw(fastrand::Rng::f64) < probability
    }

    /// A duration from nothing up to `limit`.
    pub(crate) fn up_to(&self, limit: Duration) -> Duration {
        limit.mul_f64(self.draw(fastrand::Rng::f64))
    }

    fn draw<T>(&self, draw: impl FnOnce(&mut fastrand::Rng) -> T) -> T {
        draw(&mut crate::locked(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_faults() {
        let draw = |seed| {
            let chance = Chance::new();
            chance.seed(seed);
            (0..64).map(|_| chance.happens(0.5)).collect::<Vec<_>>()
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
    }

    #[test]
    fn probability_one_always_happens_and_zero_never() {
        let chance = Chance::new();
        assert!((0..1000).all(|_| chance.happens(1.0)));
        assert!(!(0..1000).any(|_| chance.happens(0.0)));
    }
}
