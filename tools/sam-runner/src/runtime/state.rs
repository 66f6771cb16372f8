//! What a pool knows at one moment: its processes, who waits, and what follows when one of them changes.

use super::pool::{Limits, ProcessNumber};
use super::process::Launcher;
use super::{InvokeError, ProcessInfo, ProcessState};
use bytes::Bytes;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::sync::{Notify, oneshot};

/// What an invocation comes to.
pub(super) type Answer = Result<Bytes, InvokeError>;

/// Process id of what works on an invocation, or did; 0 before that.
pub(super) type Worker = Arc<AtomicU32>;

/// An idle process goes after this long. The last one stays, so that the shop answers at once after a break.
const IDLE_LIMIT: Duration = Duration::from_mins(2);
/// A process that has answered usually asks again within this.
const USUAL_PAUSE: Duration = Duration::from_millis(50);
/// The wait after the second start that failed in a row; it doubles with each further one.
const FIRST_BACKOFF: Duration = Duration::from_millis(200);
const LONGEST_BACKOFF: Duration = Duration::from_secs(5);

/// Everything behind the pool's lock.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) processes: HashMap<ProcessNumber, Process>,
    /// Most recently used last. May hold numbers of processes that are idle no more.
    pub(super) idle: Vec<ProcessNumber>,
    pub(super) waiting: VecDeque<Waiting>,
    /// Invocations that wait or run.
    pub(super) in_flight: usize,
    pub(super) last_number: ProcessNumber,
    /// In a row.
    pub(super) failed_starts: u32,
    pub(super) last_init_error: String,
    /// After failed starts, no process is started before this.
    pub(super) not_before: Option<Instant>,
    pub(super) stopping: bool,
}

/// A process that was started and has not ended.
#[derive(Debug)]
pub(super) struct Process {
    pub(super) phase: Phase,
    /// When it entered its phase.
    pub(super) since: Instant,
    pub(super) pid: u32,
    /// From its start to its first request for an event.
    pub(super) init: Option<Duration>,
    /// Why it will not come up, if that is known.
    pub(super) init_error: Option<String>,
    pub(super) kill: Arc<Notify>,
}

/// What a process does; see the pool for when it changes.
#[derive(Debug)]
pub(super) enum Phase {
    Starting,
    Between,
    Idle(oneshot::Sender<Delivery>),
    Busy(Running),
    Ending,
}

/// An invocation in line.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) payload: Bytes,
    pub(super) since: Instant,
    pub(super) worker: Worker,
    pub(super) answer: oneshot::Sender<Answer>,
}

/// An invocation that a process works on.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) request_id: String,
    pub(super) deadline: Instant,
    pub(super) worker: Worker,
    pub(super) answer: oneshot::Sender<Answer>,
}

/// What a process gets when it asks for the next event.
#[derive(Debug)]
pub(super) struct Delivery {
    pub(super) request_id: String,
    pub(super) payload: Bytes,
    /// Milliseconds since 1970.
    pub(super) deadline_ms: u64,
}

impl State {
    /// How many processes are about to ask for an event.
    pub(super) fn coming(&self) -> usize {
        let is_coming = |process: &&Process| match process.phase {
            Phase::Starting => true,
            Phase::Between => process.since.elapsed() < USUAL_PAUSE,
            Phase::Idle(_) | Phase::Busy(_) | Phase::Ending => false,
        };
        self.processes.values().filter(is_coming).count()
    }

    /// Gives the invocation to the idle process used last; gives it back when there is none.
    pub(super) fn hand_to_idle(&mut self, mut invocation: Waiting, timeout: Duration) -> Option<Waiting> {
        while let Some(number) = self.idle.pop() {
            let Some(process) = self.processes.get_mut(&number) else {
                continue;
            };
            let idle = match std::mem::replace(&mut process.phase, Phase::Between) {
                Phase::Idle(idle) if !idle.is_closed() => idle,
                // Its connection is gone: the process ends or asks again.
                Phase::Idle(_) => continue,
                other => {
                    process.phase = other;
                    continue;
                }
            };
            match idle.send(process.begin(invocation, timeout)) {
                Ok(()) => return None,
                Err(delivery) => invocation = process.take_back(delivery)?,
            }
        }
        Some(invocation)
    }

    pub(super) fn start_failed(&mut self, reason: String) {
        self.failed_starts += 1;
        if self.failed_starts > 1 {
            let backoff = FIRST_BACKOFF * 2_u32.saturating_pow((self.failed_starts - 2).min(10));
            self.not_before = Some(Instant::now() + backoff.min(LONGEST_BACKOFF));
        }
        // While another process lives, it will come for those who wait.
        if self.processes.is_empty() {
            for waiting in std::mem::take(&mut self.waiting) {
                self.in_flight -= 1;
                let _ = waiting.answer.send(Err(InvokeError::Init(reason.clone())));
            }
        }
        self.last_init_error = reason;
    }

    pub(super) fn end_overdue(&mut self, now: Instant, limits: Limits, launcher: &Launcher) {
        let Limits { init, timeout, .. } = limits;
        for process in self.processes.values_mut() {
            match &process.phase {
                Phase::Busy(running) if now >= running.deadline => {
                    if let Phase::Busy(running) = process.enter(Phase::Ending) {
                        self.in_flight -= 1;
                        let error = InvokeError::TimedOut(timeout);
                        launcher.log(process.pid, format!("{error} ({})", running.request_id));
                        let _ = running.answer.send(Err(error));
                        process.kill.notify_one();
                    }
                }
                Phase::Starting
                    if now.duration_since(process.since) > init && process.init_error.is_none() =>
                {
                    process.init_error = Some(format!("it asked for no event within {} s", init.as_secs()));
                    process.kill.notify_one();
                }
                // It has answered and never asks again: it hangs in whatever it does after its answers.
                Phase::Between if now.duration_since(process.since) > timeout => {
                    process.enter(Phase::Ending);
                    launcher.log(process.pid, "asked for no event after its answer".to_owned());
                    process.kill.notify_one();
                }
                _ => {}
            }
        }
    }

    pub(super) fn reap_idle(&mut self, now: Instant) {
        while self.processes.len() > 1 {
            // The front of the list is what was used longest ago.
            let Some(number) = self.idle.first().copied() else {
                return;
            };
            match self.processes.get_mut(&number) {
                Some(process) if matches!(process.phase, Phase::Idle(_)) => {
                    if now.duration_since(process.since) < IDLE_LIMIT {
                        return;
                    }
                    process.enter(Phase::Ending);
                    process.kill.notify_one();
                    self.idle.remove(0);
                    return;
                }
                _ => {
                    self.idle.remove(0);
                }
            }
        }
    }
}

impl Process {
    pub(super) fn enter(&mut self, phase: Phase) -> Phase {
        self.since = Instant::now();
        std::mem::replace(&mut self.phase, phase)
    }

    pub(super) fn begin(&mut self, invocation: Waiting, timeout: Duration) -> Delivery {
        let request_id = super::new_request_id();
        let Waiting {
            payload,
            worker,
            answer,
            ..
        } = invocation;
        worker.store(self.pid, Ordering::Relaxed);
        let running = Running {
            request_id: request_id.clone(),
            deadline: Instant::now() + timeout,
            worker,
            answer,
        };
        self.enter(Phase::Busy(running));
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Delivery {
            request_id,
            payload,
            deadline_ms: u64::try_from((since_1970 + timeout).as_millis()).unwrap_or(u64::MAX),
        }
    }

    /// Undoes [`Process::begin`] when the delivery could not be handed over.
    fn take_back(&mut self, delivery: Delivery) -> Option<Waiting> {
        match self.enter(Phase::Between) {
            Phase::Busy(Running { worker, answer, .. }) => Some(Waiting {
                payload: delivery.payload,
                since: Instant::now(),
                worker,
                answer,
            }),
            _ => None,
        }
    }

    pub(super) fn info(&self) -> ProcessInfo {
        let state = match self.phase {
            Phase::Starting => ProcessState::Starting,
            Phase::Between | Phase::Idle(_) => ProcessState::Idle,
            Phase::Busy(_) => ProcessState::Busy,
            Phase::Ending => ProcessState::Ending,
        };
        ProcessInfo {
            pid: self.pid,
            state,
            init: self.init,
        }
    }
}
