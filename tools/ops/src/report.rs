//! What a command answers.

use std::fmt::Display;
use std::process::ExitCode;

use comfy_table::{Table, presets};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

/// How a command ended, for scripts. An error of AWS is exit code 1, a wrong command line 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Done, and nothing needs attention: exit code 0.
    Well,
    /// Something needs attention: exit code 3.
    Attention,
    /// Nothing was done, since it would be wrong or there is no such order: exit code 4.
    Refused,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Well => Self::SUCCESS,
            Outcome::Attention => Self::from(3),
            Outcome::Refused => Self::from(4),
        }
    }
}

/// A command's answer: its `Display` is for people, its `Serialize` for scripts. Times are RFC 3339, ages whole seconds, amounts minor units.
pub trait Report: Display + Serialize {
    /// How the command ended.
    fn outcome(&self) -> Outcome;
}

/// An amount in minor units, in the form of the shop's public interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Amount {
    amount: i64,
    currency: &'static str,
}

impl From<domain::Money> for Amount {
    fn from(money: domain::Money) -> Self {
        Self {
            amount: money.minor(),
            currency: money.currency().code(),
        }
    }
}

impl Display for Amount {
    /// In the whole units of a currency that has a hundred minor ones, as the shop's has.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (whole, minor) = (self.amount / 100, self.amount.unsigned_abs() % 100);
        write!(f, "{whole}.{minor:02} {}", self.currency)
    }
}

/// A table with these headings.
pub(crate) fn table<const N: usize>(headings: [impl ToString; N]) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::UTF8_FULL_CONDENSED)
        .set_header(headings.map(|heading| heading.to_string()));
    table
}

/// Whole seconds from `since` to `now`; none below zero.
pub(crate) fn seconds(since: Timestamp, now: Timestamp) -> i64 {
    now.duration_since(since).max(SignedDuration::ZERO).as_secs()
}

/// An age as people say it: its two largest units.
pub(crate) fn age(seconds: i64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, _) => format!("{minutes}m {}s", seconds % 60),
        (0, _, _) => format!("{hours}h {}m", minutes % 60),
        _ => format!("{days}d {}h", hours % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_told_in_its_two_largest_units() {
        let ages = [0, 59, 60, 3_599, 3_600, 86_399, 86_400, 200_000].map(age);
        assert_eq!(
            ages,
            [
                "0s", "59s", "1m 0s", "59m 59s", "1h 0m", "23h 59m", "1d 0h", "2d 7h"
            ]
        );
    }

    #[test]
    fn what_is_not_yet_has_no_age() {
        let now = Timestamp::UNIX_EPOCH;
        assert_eq!(seconds(now + SignedDuration::from_secs(5), now), 0);
    }
}
