//! What the system says of a process, and how little of a processor one can be given.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;

/// The processor time of all threads of a process.
pub(crate) fn time_of(pid: u32) -> anyhow::Result<Duration> {
    let mut nanoseconds = 0;
    for task in fs::read_dir(format!("/proc/{pid}/task"))? {
        let text = fs::read_to_string(task?.path().join("schedstat"))?;
        let own: u64 = text
            .split(' ')
            .next()
            .and_then(|own| own.parse().ok())
            .context("schedstat")?;
        nanoseconds += own;
    }
    Ok(Duration::from_nanos(nanoseconds))
}

/// The most memory that a process has had, in bytes.
pub(crate) fn peak_memory_of(pid: u32) -> anyhow::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|rest| rest.trim().trim_end_matches(" kB").parse::<u64>().ok());
    Ok(kilobytes.context("VmHWM")? * 1024)
}

/// A share of one processor, by a control group of this program's own. It ends when dropped.
pub(crate) struct Share(PathBuf);

/// Lambda's period, as measured by others; the share is what differs.
const PERIOD_US: u64 = 20_000;
/// Where version 1 of control groups has the processor's.
const GROUPS: &str = "/sys/fs/cgroup/cpu";

impl Share {
    /// The share that a function of so much memory gets: a whole processor comes with 1,769 MB
    /// (docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html).
    ///
    /// # Errors
    /// Where this machine has no control groups, or this user may not make one.
    pub(crate) fn of_memory(megabytes: u64) -> anyhow::Result<Self> {
        let group = Path::new(GROUPS).join(format!("kontor-{}", std::process::id()));
        fs::create_dir(&group)?;
        let share = Self(group);
        fs::write(share.0.join("cpu.cfs_period_us"), PERIOD_US.to_string())?;
        fs::write(
            share.0.join("cpu.cfs_quota_us"),
            (PERIOD_US * megabytes / 1_769).to_string(),
        )?;
        Ok(share)
    }

    /// What a process is started with, so that all it ever does is within the share.
    pub(crate) fn wrapper(&self) -> Vec<String> {
        let join = format!("echo $$ > {}/tasks; exec \"$0\" \"$@\"", self.0.display());
        vec!["/bin/sh".to_owned(), "-c".to_owned(), join]
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        // A group that still has a process stays; it limits nobody else.
        let _ = fs::remove_dir(&self.0);
    }
}
