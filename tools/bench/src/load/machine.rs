//! Memory and processor time of the running processes.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use kontor::world::World;

use super::record::{Answers, Record};
use crate::rig::microseconds;
use crate::rig::process::{memory_of, threads, time_of};

/// The threads that send a load.
pub(super) const GENERATOR: &str = "load generator";
/// Threads of this process that have a name, and who they are; the others are the local world.
const THREADS: [(&str, &str); 2] = [(GENERATOR, GENERATOR), ("dynamodb", "DynamoDB engine")];
/// What a look at the running world shows: answers since the look before, memory of this process and of all functions'.
pub(super) const SAMPLE: &str = "at, s | answered | p99, ms | world, MB | functions, MB | processes";

/// Looks at the world at the start, in every interval, and at the end of `work`. Returns the rows of a table, and all answers.
pub(super) async fn sampled(
    world: &World,
    record: &Record,
    interval: Duration,
    work: impl Future<Output = anyhow::Result<()>>,
) -> anyhow::Result<(Vec<String>, Answers)> {
    let (started, mut rows, mut answers) = (Instant::now(), Vec::new(), Answers::default());
    let mut sample = || -> anyhow::Result<()> {
        let lately = record.take();
        let (all, at) = (lately.all(), started.elapsed().as_secs_f64());
        let functions = pids(world).map(|(_, pid)| memory_of(&pid.to_string(), "VmRSS").ok());
        let functions: Vec<Option<u64>> = functions.collect();
        let resident = [memory_of("self", "VmRSS")?, functions.iter().flatten().sum()];
        let [own, of_functions] = resident.map(|bytes| bytes / 1_000_000);
        let (answered, p99, processes) = (all.count(), all.ms(0.99), functions.len());
        let row = format!("{at:.0} | {answered} | {p99:.1} | {own} | {of_functions} | {processes}");
        eprintln!("{row}");
        rows.push(row);
        answers.add(lately);
        Ok(())
    };
    sample()?;
    tokio::pin!(work);
    loop {
        let done = tokio::time::timeout(interval, &mut work).await;
        sample()?;
        if let Ok(done) = done {
            return done.map(|()| (rows, answers));
        }
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
