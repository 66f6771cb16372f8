//! Instructions, counted by valgrind: the same on a quiet machine and on a busy one.

use anyhow::Context;
use serde_json::Value;

use super::process::{Launch, Process};

const CALLGRIND: [&str; 3] = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"];

/// Whether valgrind is there.
pub(crate) fn is_there() -> bool {
    let asked = std::process::Command::new("valgrind").arg("--version").output();
    asked.is_ok_and(|answer| answer.status.success())
}

/// The instructions of a process from its start until it has answered all events.
pub(crate) async fn instructions(launch: &Launch, events: &[Value]) -> anyhow::Result<u64> {
    let mut process = Process::start(&launch.clone().within(&CALLGRIND)).await?;
    for event in events {
        process.invoke(event).await?;
    }
    let said = process.end().await?;
    let sum = said.lines().find_map(|line| line.split_once("Collected :"));
    let sum = sum.and_then(|(_, sum)| sum.trim().parse().ok());
    sum.with_context(|| format!("valgrind counted nothing: {said}"))
}
