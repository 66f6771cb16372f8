//! What the running processes take, as Linux tells under `/proc`.

use std::collections::BTreeMap;
use std::fs;

use anyhow::Context;
use kontor::world::World;

/// Linux tells processor time in hundredths of a second to everybody, and memory in pages of this size.
const TICK_US: f64 = 10_000.0;
/// Where a process's own processor time stands after its name, and that of its children that have ended.
const OWN_TIME: [usize; 2] = [11, 12];
const CHILDRENS_TIME: [usize; 2] = [13, 14];

/// Memory of a moment, in bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Memory {
    /// Of this very process: the local world and the generator.
    pub(super) world: u64,
    /// Of all processes of functions.
    pub(super) functions: u64,
    /// How many these are.
    pub(super) processes: usize,
}

impl Memory {
    /// What is resident now.
    pub(super) fn of(world: &World) -> anyhow::Result<Self> {
        let resident = |process: &str| resident(process).unwrap_or_default();
        let pids: Vec<u32> = pids(world).map(|(_, pid)| pid).collect();
        Ok(Self {
            world: self::resident("self").context("/proc tells no memory: this part needs Linux")?,
            functions: pids.iter().map(|pid| resident(&pid.to_string())).sum(),
            processes: pids.len(),
        })
    }
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

/// Processor time so far, in microseconds, by who spent it: everybody but threads that have ended.
pub(super) fn processor_time(world: &World) -> BTreeMap<String, f64> {
    let mut times = BTreeMap::new();
    let mut add = |who: &str, microseconds: f64| *times.entry(who.to_owned()).or_default() += microseconds;
    for thread in fs::read_dir("/proc/self/task").into_iter().flatten().flatten() {
        let Ok(stat) = fs::read_to_string(thread.path().join("stat")) else {
            continue;
        };
        let who = match name(&stat) {
            "dynamodb" => "DynamoDB engine",
            _ => "gateway, runtime, sandboxes",
        };
        add(who, time(&stat, OWN_TIME));
    }
    for (function, pid) in pids(world) {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        add(function, time(&stat, OWN_TIME));
    }
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    add("functions that have ended", time(&stat, CHILDRENS_TIME));
    times
}

/// Processor time of the thread that asks, in microseconds.
pub(super) fn of_this_thread() -> f64 {
    let stat = fs::read_to_string("/proc/thread-self/stat").unwrap_or_default();
    time(&stat, OWN_TIME)
}

/// The name stands in parentheses, and may hold some itself.
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
    fn a_process_that_has_gone_took_nothing() {
        assert_eq!(name(""), "");
        assert!(time("", OWN_TIME).abs() < 1.0);
        assert_eq!(resident("none"), None);
    }
}
