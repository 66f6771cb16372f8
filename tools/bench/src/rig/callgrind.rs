//! Instructions, counted by valgrind: the same on a quiet machine and on a busy one.

use anyhow::Context;
use serde_json::Value;

use super::process::{Launch, Process};

const CALLGRIND: [&str; 3] = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"];

/// The instructions of a process from its start until it has answered all events; `None` where valgrind is not installed.
pub(crate) async fn instructions(launch: &Launch, events: &[Value]) -> anyhow::Result<Option<u64>> {
    let installed = std::process::Command::new("valgrind").arg("--version").output();
    if !installed.is_ok_and(|version| version.status.success()) {
        return Ok(None);
    }
    let mut process = Process::start(&launch.clone().within(&CALLGRIND)).await?;
    for event in events {
        process.invoke(event).await?;
    }
    let text = process.end().await?;
    let sum = text.lines().find_map(|line| line.split_once("Collected :"));
    let sum = sum.and_then(|(_, sum)| sum.trim().parse().ok());
    Ok(Some(
        sum.with_context(|| format!("valgrind counted nothing: {text}"))?,
    ))
}
