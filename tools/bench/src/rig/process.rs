//! What the system says of a process, and quantiles of what was measured.

use std::fs;
use std::time::Duration;

use anyhow::Context;

/// The names of a process's threads, and the processor time that each has had. `process` is its number, or `self`.
pub(crate) fn threads(process: &str) -> anyhow::Result<Vec<(String, Duration)>> {
    let mut threads = Vec::new();
    for task in fs::read_dir(format!("/proc/{process}/task"))? {
        let task = task?.path();
        let read = |file| fs::read_to_string(task.join(file));
        // One that has ended meanwhile took no more.
        let (Ok(name), Ok(times)) = (read("comm"), read("schedstat")) else {
            continue;
        };
        let own = times.split(' ').next().and_then(|own| own.parse().ok());
        let time = Duration::from_nanos(own.context("schedstat has no time")?);
        threads.push((name.trim_end().to_owned(), time));
    }
    Ok(threads)
}

/// The processor time of all threads of a process.
pub(crate) fn time_of(process: u32) -> anyhow::Result<Duration> {
    Ok(threads(&process.to_string())?
        .into_iter()
        .map(|(_, time)| time)
        .sum())
}

/// Whether a process waits for something.
pub(crate) fn is_asleep(process: u32) -> anyhow::Result<bool> {
    Ok(status(&process.to_string(), "State")?.starts_with('S'))
}

/// Memory of a process in bytes: `VmRSS` is what it has, `VmHWM` the most that it had.
pub(crate) fn memory_of(process: &str, figure: &str) -> anyhow::Result<u64> {
    let text = status(process, figure)?;
    let kilobytes: u64 = text.trim_end_matches(" kB").parse()?;
    Ok(kilobytes * 1024)
}

fn status(process: &str, name: &str) -> anyhow::Result<String> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let mut members = status.lines().filter_map(|line| line.split_once(':'));
    let member = members.find(|(member, _)| *member == name);
    Ok(member.context("not in /proc/PID/status")?.1.trim().to_owned())
}

/// What half of all values stay below: one slow run on a busy machine does not move it. 0 of none.
pub(crate) fn median(values: &[f64]) -> f64 {
    tenths(values, 5)
}

/// What a tenth of all values stays below; 0 of none. Other load on the machine only ever adds to a time.
pub(crate) fn best_tenth(values: &[f64]) -> f64 {
    tenths(values, 1)
}

fn tenths(values: &[f64], tenths: usize) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(values.len() * tenths / 10).copied().unwrap_or(0.0)
}

/// A duration in microseconds.
pub(crate) fn microseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_and_a_tenth_of_the_values_are_below() {
        let hundred: Vec<f64> = (0..100).rev().map(f64::from).collect();
        for (values, half, tenth) in [
            (&[][..], 0.0, 0.0),
            (&[7.0], 7.0, 7.0),
            (&[1000.0, 1.0, 3.0], 3.0, 1.0),
            (&hundred, 50.0, 10.0),
        ] {
            assert!((median(values) - half).abs() < 1e-9, "{values:?}");
            assert!((best_tenth(values) - tenth).abs() < 1e-9, "{values:?}");
        }
    }

    #[test]
    fn a_process_has_threads_and_memory_until_it_ends() {
        let own = std::process::id();
        assert!(time_of(own).expect("threads") > Duration::ZERO && time_of(0).is_err());
        assert!(memory_of("self", "VmHWM").expect("memory") >= 1_000_000);
    }
}
