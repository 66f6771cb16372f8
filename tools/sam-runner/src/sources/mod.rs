//! What starts functions besides requests: queues and the clock.

mod batch;
mod queue;
mod schedule;

use crate::engines::sqs::Sqs;
use crate::logs::Logs;
use crate::runtime::Runtime;
use crate::template::{Function, ScheduleSource};
use anyhow::Context;
use bytes::Bytes;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How long [`Sources::stop`] lets functions finish what they have begun.
const DRAIN_LIMIT: Duration = Duration::from_secs(5);

/// The running event sources. They end with [`Sources::stop`] or when this is dropped.
#[derive(Debug)]
pub struct Sources {
    schedules: Vec<(Function, ScheduleSource)>,
    runtime: Runtime,
    cancelled: CancellationToken,
    tasks: TaskTracker,
}

/// What every source needs.
#[derive(Clone)]
struct Surroundings {
    runtime: Runtime,
    logs: Logs,
    cancelled: CancellationToken,
    tasks: TaskTracker,
}

impl Sources {
    /// Starts to poll the functions' queues and to watch the clock. A queue whose mapping has no `MaximumConcurrency`
    /// starts up to `default_concurrency` invocations at once.
    pub fn start(
        functions: &[Function],
        sqs: &Sqs,
        runtime: &Runtime,
        logs: &Logs,
        default_concurrency: usize,
    ) -> Self {
        let around = Surroundings {
            runtime: runtime.clone(),
            logs: logs.clone(),
            cancelled: CancellationToken::new(),
            tasks: TaskTracker::new(),
        };
        let mut schedules = Vec::new();
        for function in functions {
            for source in &function.queues {
                let concurrency = source.maximum_concurrency.unwrap_or(default_concurrency);
                let mapping = queue::Mapping::new(function, source, sqs.clone(), around.clone());
                around.tasks.spawn(Arc::new(mapping).run(concurrency));
            }
            for source in &function.schedules {
                around
                    .tasks
                    .spawn(schedule::run(function.clone(), source.clone(), around.clone()));
                schedules.push((function.clone(), source.clone()));
            }
        }
        let Surroundings {
            runtime,
            cancelled,
            tasks,
            ..
        } = around;
        Self {
            schedules,
            runtime,
            cancelled,
            tasks,
        }
    }

    /// Starts a scheduled function now, with the event that the clock would send, and waits for its answer. `function` is
    /// its name, its id in the template or its binary's name.
    pub async fn run_schedule_now(&self, function: &str) -> anyhow::Result<Bytes> {
        let scheduled = self
            .schedules
            .iter()
            .find(|(scheduled, _)| scheduled.is_called(function));
        let (function, source) = scheduled.with_context(|| format!("no schedule starts `{function}`"))?;
        let event = schedule::event(function, source, jiff::Timestamp::now());
        Ok(schedule::invoke(&self.runtime, &function.name, event).await?)
    }

    /// Takes no more messages and waits a moment for what functions have begun.
    pub async fn stop(&self) {
        self.cancelled.cancel();
        self.tasks.close();
        let _ = tokio::time::timeout(DRAIN_LIMIT, self.tasks.wait()).await;
    }
}

impl Drop for Sources {
    fn drop(&mut self) {
        self.cancelled.cancel();
    }
}
