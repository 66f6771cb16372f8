//! Memory and processor time of the running processes, from `/proc`.

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

use anyhow::Context;
use kontor::world::World;
use serde::Serialize;

use super::record::Record;
use crate::report::table;

/// Linux counts processor time in hundredths of a second.
const TICK_US: f64 = 10_000.0;
/// Fields after the name: a process's own time, and that of its children that have ended.
const OWN_TIME: [usize; 2] = [11, 12];
const CHILDRENS_TIME: [usize; 2] = [13, 14];

/// One look at the running world.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Sample {
    /// From the start.
    at_seconds: f64,
    /// Requests answered since the look before.
    answered: u64,
    p99_ms: f64,
    /// Resident memory of this process: the local world and the generator.
    world_bytes: u64,
    /// Resident memory of all processes of functions.
    functions_bytes: u64,
    processes: usize,
}

/// Looks at the world at the start, in every interval, and at the end of `work`.
pub(super) async fn sampled<T>(
    world: &World,
    record: &Record,
    interval: Duration,
    work: impl Future<Output = T>,
) -> anyhow::Result<(Vec<Sample>, T)> {
    let started = Instant::now();
    let sample = || -> anyhow::Result<Sample> {
        let lately = record.since_last();
        let pids: Vec<u32> = pids(world).map(|(_, pid)| pid).collect();
        let functions = pids.iter().filter_map(|pid| resident(&pid.to_string()));
        let sample = Sample {
            at_seconds: started.elapsed().as_secs_f64(),
            answered: lately.count,
            p99_ms: lately.p99_ms,
            world_bytes: resident("self").context("/proc has no memory: this part needs Linux")?,
            functions_bytes: functions.sum(),
            processes: pids.len(),
        };
        eprintln!("{sample:?}");
        Ok(sample)
    };
    let mut samples = vec![sample()?];
    tokio::pin!(work);
    loop {
        match tokio::time::timeout(interval, &mut work).await {
            Err(_) => samples.push(sample()?),
            Ok(done) => {
                samples.push(sample()?);
                return Ok((samples, done));
            }
        }
    }
}

pub(super) fn samples_table(title: &str, samples: &[Sample]) -> String {
    let megabytes = |bytes: u64| (bytes / 1_000_000).to_string();
    table(
        title,
        samples,
        &[
            ("at, s", &|at| format!("{:.0}", at.at_seconds)),
            ("answered", &|at| at.answered.to_string()),
            ("p99, ms", &|at| format!("{:.1}", at.p99_ms)),
            ("world, MB", &|at| megabytes(at.world_bytes)),
            ("functions, MB", &|at| megabytes(at.functions_bytes)),
            ("processes", &|at| at.processes.to_string()),
        ],
    )
}

/// The processes of functions, with their binaries' names.
fn pids(world: &World) -> impl Iterator<Item = (&str, u32)> {
    let functions = world.stack().functions.iter();
    functions.flat_map(|function| {
        let processes = world.processes(&function.name).into_iter();
        let pids = processes.map(|process| process.pid).filter(|pid| *pid != 0);
        pids.map(|pid| (function.binary.name.as_str(), pid))
    })
}

fn resident(process: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

/// Processor time so far, in microseconds, by who spent it; threads that have ended are missing.
pub(super) fn processor_time(world: &World) -> BTreeMap<String, f64> {
    let mut times = BTreeMap::new();
    let mut add = |who: &str, path: &str, fields| {
        let stat = fs::read_to_string(path).unwrap_or_default();
        let who = if name(&stat) == "dynamodb" {
            "DynamoDB engine"
        } else {
            who
        };
        *times.entry(who.to_owned()).or_default() += time(&stat, fields);
    };
    for thread in fs::read_dir("/proc/self/task").into_iter().flatten().flatten() {
        let stat = thread.path().join("stat").display().to_string();
        add("gateway, runtime, sandboxes", &stat, OWN_TIME);
    }
    for (function, pid) in pids(world) {
        add(function, &format!("/proc/{pid}/stat"), OWN_TIME);
    }
    add("functions that have ended", "/proc/self/stat", CHILDRENS_TIME);
    times
}

/// Processor time of the calling thread, in microseconds.
pub(super) fn of_this_thread() -> f64 {
    let stat = fs::read_to_string("/proc/thread-self/stat").unwrap_or_default();
    time(&stat, OWN_TIME)
}

/// The name stands in parentheses, and may have some itself.
fn name(stat: &str) -> &str {
    let name = stat.split_once('(').and_then(|(_, rest)| rest.rsplit_once(')'));
    name.map_or("", |(name, _)| name)
}

fn time(stat: &str, fields: [usize; 2]) -> f64 {
    let rest = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let all: Vec<&str> = rest.split_whitespace().collect();
    let ticks = |field: usize| all.get(field).and_then(|ticks| ticks.parse::<f64>().ok());
    fields.into_iter().filter_map(ticks).sum::<f64>() * TICK_US
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAT: &str = "42 (tokio-rt (1) x) S 1 42 42 0 -1 4194560 100 0 0 0 7 3 20 5 20 0 1 0 100 1000 10";

    #[test]
    fn a_threads_name_and_times_are_read_whatever_the_name() {
        assert_eq!(name(STAT), "tokio-rt (1) x");
        assert!((time(STAT, OWN_TIME) - 100_000.0).abs() < 1.0);
        assert!((time(STAT, CHILDRENS_TIME) - 250_000.0).abs() < 1.0);
    }

    #[test]
    fn a_process_that_has_ended_took_nothing() {
        assert_eq!(name(""), "");
        assert!(time("", OWN_TIME).abs() < 1.0);
        assert_eq!(resident("none"), None);
    }
}
