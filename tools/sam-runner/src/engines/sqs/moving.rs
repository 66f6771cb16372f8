//! Message move tasks: dead letters on their way back.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};

use super::error::SqsError;
use super::{Core, arn};

/// Tasks remembered for each queue, as at SQS.
const REMEMBERED: usize = 10;

/// A task, running or done.
#[derive(Debug, Clone)]
pub(super) struct MoveTask {
    handle: String,
    source: String,
    destination: Option<String>,
    /// `None`: all at once.
    per_second: Option<usize>,
    to_move: usize,
    moved: usize,
    started_at: u64,
    is_running: bool,
}

impl MoveTask {
    /// The task as `ListMessageMoveTasks` shows it.
    fn shown(&self) -> Value {
        let mut shown = json!({
            "Status": if self.is_running { "RUNNING" } else { "COMPLETED" },
            "SourceArn": arn(&self.source),
            "ApproximateNumberOfMessagesMoved": self.moved,
            "ApproximateNumberOfMessagesToMove": self.to_move,
            "StartedTimestamp": self.started_at,
        });
        if self.is_running {
            shown["TaskHandle"] = self.handle.as_str().into();
        }
        if let Some(destination) = &self.destination {
            shown["DestinationArn"] = arn(destination).into();
        }
        if let Some(per_second) = self.per_second {
            shown["MaxNumberOfMessagesPerSecond"] = per_second.into();
        }
        shown
    }
}

/// Starts to move a dead-letter queue's messages; returns the task's handle. Without a pace it is done on return.
pub(super) fn start(
    core: &Arc<Core>,
    source: &str,
    destination: Option<String>,
    per_second: Option<usize>,
) -> Result<String, SqsError> {
    let mut task = {
        let broker = core.broker();
        let to_move = broker.counts(source)?.waiting;
        if broker.sources_of(source).is_empty() {
            return Err(SqsError::parameter(
                "Source queue must be configured as a Dead Letter Queue.",
            ));
        }
        if let Some(destination) = &destination {
            broker
                .queue(destination)
                .map_err(|_| SqsError::resource_not_found("The destination queue does not exist."))?;
        }
        let handle = super::ids::message_id();
        let (source, started_at) = (source.to_owned(), core.clock.now_ms());
        MoveTask {
            handle,
            source,
            destination,
            per_second,
            to_move,
            moved: 0,
            started_at,
            is_running: true,
        }
    };
    if tasks(core, source, |tasks| tasks.iter().any(|task| task.is_running)) {
        return Err(SqsError::unsupported(
            "There is already a task running. Only one active task is allowed for a source queue.",
        ));
    }
    let handle = task.handle.clone();
    if let Some(per_second) = per_second {
        remember(core, task.clone());
        tokio::spawn(pace(core.clone(), task, per_second));
    } else {
        task.moved = core
            .broker()
            .move_back(source, task.destination.as_deref(), task.to_move)?;
        task.is_running = false;
        remember(core, task);
    }
    Ok(handle)
}

/// The latest tasks of a queue, newest first.
pub(super) fn list(core: &Core, source: &str, max: usize) -> Vec<Value> {
    tasks(core, source, |tasks| {
        tasks.iter().rev().take(max).map(|task| task.shown()).collect()
    })
}

async fn pace(core: Arc<Core>, mut task: MoveTask, per_second: usize) {
    let mut second = tokio::time::interval(Duration::from_secs(1));
    while task.is_running {
        second.tick().await;
        let limit = per_second.min(task.to_move - task.moved);
        let moved = core
            .broker()
            .move_back(&task.source, task.destination.as_deref(), limit)
            .unwrap_or_default();
        task.moved += moved;
        task.is_running = moved > 0 && task.moved < task.to_move;
        remember(&core, task.clone());
    }
}

fn tasks<T>(core: &Core, source: &str, look: impl FnOnce(&[&MoveTask]) -> T) -> T {
    let tasks = core.moves.lock().unwrap_or_else(PoisonError::into_inner);
    look(
        &tasks
            .iter()
            .filter(|task| task.source == source)
            .collect::<Vec<_>>(),
    )
}

fn remember(core: &Core, task: MoveTask) {
    let mut tasks = core.moves.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = tasks.iter_mut().find(|known| known.handle == task.handle) {
        *known = task;
        return;
    }
    let of_this_source = tasks.iter().filter(|known| known.source == task.source).count();
    if of_this_source >= REMEMBERED
        && let Some(oldest) = tasks
            .iter()
            .position(|known| known.source == task.source && !known.is_running)
    {
        tasks.remove(oldest);
    }
    tasks.push(task);
}
