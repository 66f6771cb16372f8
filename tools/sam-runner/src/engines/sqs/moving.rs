//! Message move tasks: dead letters on their way back.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use serde::Serialize;

use super::error::SqsError;
use super::{Core, arn};
use crate::runtime::new_request_id;

/// Tasks remembered for each queue, as at SQS.
const REMEMBERED: usize = 10;

/// The tasks of each source queue, newest first. Only the newest can be running.
pub(super) type MoveTasks = HashMap<String, VecDeque<MoveTask>>;

/// A task as `ListMessageMoveTasks` shows it.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct MoveTask {
    status: &'static str,
    /// Shown while it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    task_handle: Option<String>,
    source_arn: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    destination_arn: Option<String>,
    /// `None`: all at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    max_number_of_messages_per_second: Option<usize>,
    approximate_number_of_messages_to_move: usize,
    approximate_number_of_messages_moved: usize,
    started_timestamp: u64,
}

/// Starts to move a dead-letter queue's messages; returns the task's handle. Without a pace it is done on return.
pub(super) fn start(
    core: &Arc<Core>,
    source: &str,
    destination: Option<&str>,
    per_second: Option<usize>,
) -> Result<String, SqsError> {
    let to_move = movable(core, source, destination)?;
    let handle = new_request_id();
    let task = MoveTask {
        status: "RUNNING",
        task_handle: Some(handle.clone()),
        source_arn: arn(source),
        destination_arn: destination.map(arn),
        max_number_of_messages_per_second: per_second,
        approximate_number_of_messages_to_move: to_move,
        approximate_number_of_messages_moved: 0,
        started_timestamp: core.clock.now_ms(),
    };
    {
        let mut moves = core.moves.lock().unwrap_or_else(PoisonError::into_inner);
        let tasks = moves.entry(source.to_owned()).or_default();
        if tasks.front().is_some_and(|newest| newest.task_handle.is_some()) {
            return Err(SqsError::unsupported(
                "There is already a task running. Only one active task is allowed for a source queue.",
            ));
        }
        tasks.push_front(task);
        tasks.truncate(REMEMBERED);
    }
    let (source, destination) = (source.to_owned(), destination.map(str::to_owned));
    if let Some(per_second) = per_second {
        let core = Arc::clone(core);
        tokio::spawn(async move {
            let mut second = tokio::time::interval(Duration::from_secs(1));
            second.tick().await;
            while go_on(&core, &source, destination.as_deref(), per_second) {
                second.tick().await;
            }
        });
    } else {
        while go_on(core, &source, destination.as_deref(), to_move) {}
    }
    Ok(handle)
}

/// How many messages a task will move.
fn movable(core: &Core, source: &str, destination: Option<&str>) -> Result<usize, SqsError> {
    let broker = core.broker();
    let to_move = broker.counts(source)?.waiting;
    if broker.sources_of(source)?.is_empty() {
        return Err(SqsError::parameter(
            "Source queue must be configured as a Dead Letter Queue.",
        ));
    }
    if let Some(destination) = destination {
        broker
            .queue(destination)
            .map_err(|_| SqsError::resource_not_found("The destination queue does not exist."))?;
    }
    Ok(to_move)
}

/// Moves the running task's next messages; returns whether more are left to move.
fn go_on(core: &Core, source: &str, destination: Option<&str>, limit: usize) -> bool {
    let mut tasks = core.moves.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(task) = tasks.get_mut(source).and_then(VecDeque::front_mut) else {
        return false;
    };
    let left = task.approximate_number_of_messages_to_move - task.approximate_number_of_messages_moved;
    let moved = core.broker().move_back(source, destination, limit.min(left));
    let moved = moved.unwrap_or_default();
    task.approximate_number_of_messages_moved += moved;
    let is_done = moved == 0 || moved >= left;
    if is_done {
        task.status = "COMPLETED";
        task.task_handle = None;
    }
    !is_done
}

/// The latest tasks of a queue, newest first.
pub(super) fn list(core: &Core, source: &str, max: usize) -> Vec<MoveTask> {
    let moves = core.moves.lock().unwrap_or_else(PoisonError::into_inner);
    moves
        .get(source)
        .map(|tasks| tasks.iter().take(max).cloned().collect())
        .unwrap_or_default()
}
