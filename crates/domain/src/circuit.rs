//! Whether an outside system that does not answer is called at all.

use jiff::{SignedDuration, Timestamp};

/// The pause before the first try on an open circuit; it doubles with each try that fails.
const FIRST_PAUSE: SignedDuration = SignedDuration::from_secs(10);
/// The longest pause between tries: an outage that ends is noticed within it.
const LONGEST_PAUSE: SignedDuration = SignedDuration::from_mins(1);

/// The circuit to an outside system: closed while it answers, open while it does not (Nygard, "Release It!", circuit breaker).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Circuit {
    /// Counts the writes; 0 where none is stored yet.
    pub version: u64,
    /// While it is open: since how many pauses, and until when nobody calls.
    pub open: Option<OpenCircuit>,
}

/// An open circuit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenCircuit {
    /// The pauses so far, this one included.
    pub pauses: u32,
    /// When one call is to be tried.
    pub retry_at: Timestamp,
}

/// Whether a caller may call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallPermit {
    /// The circuit is closed.
    Granted,
    /// One caller may: the one that stores the next pause first (half-open).
    Probe,
    /// The circuit is open.
    Denied,
}

impl Circuit {
    /// Whether a caller may call now.
    pub fn permit(&self, now: Timestamp) -> CallPermit {
        match self.open {
            None => CallPermit::Granted,
            Some(open) if open.retry_at <= now => CallPermit::Probe,
            Some(_) => CallPermit::Denied,
        }
    }

    /// Opens it for a pause, or for the next one: to be stored before the try at the end of the one before, so that a try that dies is a
    /// failed one.
    #[must_use]
    pub fn paused(self, now: Timestamp) -> Self {
        let before = self.open.map_or(0, |open| open.pauses);
        let doubled = 2_i32.saturating_pow(before.min(10));
        let open = OpenCircuit {
            pauses: before.saturating_add(1),
            retry_at: now + (FIRST_PAUSE * doubled).min(LONGEST_PAUSE),
        };
        Self {
            open: Some(open),
            ..self
        }
    }

    /// Closes it: a call was answered.
    #[must_use]
    pub fn closed(self) -> Self {
        Self { open: None, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).expect("a time")
    }

    #[test]
    fn a_closed_circuit_lets_everyone_call() {
        assert_eq!(Circuit::default().permit(at(0)), CallPermit::Granted);
        assert_eq!(
            Circuit::default().paused(at(0)).closed().permit(at(0)),
            CallPermit::Granted
        );
    }

    #[test]
    fn an_open_circuit_lets_one_call_be_tried_after_its_pause() {
        let open = Circuit::default().paused(at(0));
        assert_eq!(open.permit(at(9)), CallPermit::Denied);
        assert_eq!(open.permit(at(10)), CallPermit::Probe);
    }

    #[test]
    fn pauses_double_up_to_a_minute() {
        let mut circuit = Circuit::default();
        let mut now = at(0);
        for pause in [10, 20, 40, 60, 60] {
            circuit = circuit.paused(now);
            let retry_at = circuit.open.expect("open").retry_at;
            assert_eq!(retry_at.duration_since(now), SignedDuration::from_secs(pause));
            now = retry_at;
        }
        assert_eq!(circuit.open.expect("open").pauses, 5);
    }

    #[test]
    fn after_an_outage_pauses_begin_anew() {
        let once = Circuit::default().paused(at(0)).paused(at(10));
        let again = once.closed().paused(at(100));
        assert_eq!(again.open.expect("open").retry_at, at(110));
    }
}
