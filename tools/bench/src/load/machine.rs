//! Memory and processor time of the running processes.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use kontor::world::World;
use serde::Serialize;

use super::record::Record;
use crate::report::table;
use crate::rig::microseconds;
use crate::rig::process::{memory_of, threads, time_of};

/// The threads that send a load.
pub(super) const GENERATOR: &str = "load generator";
/// Threads of this process that have a name, and who they are; the others are the local world.
const THREADS: [(&str, &str); 2] = [(GENERATOR, GENERATOR), ("dynamodb", "DynamoDB engine")];

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
        let functions = pids
            .iter()
            .filter_map(|pid| memory_of(&pid.to_string(), "VmRSS").ok());
        let sample = Sample {
            at_seconds: started.elapsed().as_secs_f64(),
            answered: lately.count,
            p99_ms: lately.p99_ms,
            world_bytes: memory_of("self", "VmRSS")?,
            functions_bytes: functions.sum(),
            processes: pids.len(),
        };
        eprintln!("{sample:?}");
        Ok(sample)
    };
    let mut samples = vec![sample()?];
    tokio::pin!(work);
    loop {
        let done = tokio::time::timeout(interval, &mut work).await;
        samples.push(sample()?);
        if let Ok(done) = done {
            return Ok((samples, done));
        }
    }
}

pub(super) fn samples_table(title: &str, samples: &[Sample]) -> String {
    let row = |at: &Sample| {
        let [world, functions] = [at.world_bytes, at.functions_bytes].map(|bytes| bytes / 1_000_000);
        format!(
            "{:.0} | {} | {:.1} | {world} | {functions} | {}",
            at.at_seconds, at.answered, at.p99_ms, at.processes
        )
    };
    let header = "at, s | answered | p99, ms | world, MB | functions, MB | processes";
    table(title, header, samples.iter().map(row))
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

/// Processor time so far, in microseconds, by who spent it; processes and threads that have ended are missing.
pub(super) fn processor_time(world: &World) -> anyhow::Result<BTreeMap<String, f64>> {
    let mut times: BTreeMap<String, f64> = BTreeMap::new();
    let mut add = |who: &str, time| *times.entry(who.to_owned()).or_default() += microseconds(time);
    for (name, time) in threads("self")? {
        let named = THREADS.iter().find(|(thread, _)| *thread == name);
        add(named.map_or("gateway, runtime, sandboxes", |(_, who)| who), time);
    }
    for (function, pid) in pids(world) {
        add(function, time_of(pid).unwrap_or_default());
    }
    Ok(times)
}

/// Processor time of each who spent some between two looks, for each of so many requests.
pub(super) fn spent(
    before: &BTreeMap<String, f64>,
    after: &BTreeMap<String, f64>,
    requests: f64,
) -> BTreeMap<String, f64> {
    let of = |(who, after): (&String, &f64)| {
        let spent = after - before.get(who).copied().unwrap_or_default();
        (who.clone(), spent.max(0.0) / requests.max(1.0))
    };
    after.iter().map(of).filter(|(_, spent)| *spent > 0.0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_shown_by_request_and_spender() {
        let times = |a: f64, b: f64| BTreeMap::from([("a".to_owned(), a), ("b".to_owned(), b)]);
        let spent = spent(&times(100.0, 50.0), &times(300.0, 50.0), 10.0);
        assert_eq!(spent, BTreeMap::from([("a".to_owned(), 20.0)]));
    }
}
