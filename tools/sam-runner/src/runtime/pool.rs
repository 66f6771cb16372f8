//! The processes of one function and the invocations that wait for them.
//!
//! A process is *starting* until it first asks for an event; then it is *idle* (its request for the next event is held
//! open), *busy* with one invocation, or *between* (it has answered and not yet asked again). As on Lambda, a process has
//! one invocation at a time, and the most recently used idle one is taken first, so that surplus ones stay idle and go.

use super::process::{Exit, Launcher};
use super::state::{Answer, Delivery, Phase, Process, State, Waiting, Worker};
use super::{InvokeError, ProcessInfo};
use bytes::Bytes;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{Notify, oneshot};

/// Number of a process within its function; never used twice.
pub(super) type ProcessNumber = u64;

/// More waiting invocations than this are refused: their callers would have given up long before their turn.
const LONGEST_LINE: usize = 10_000;

/// What one function may use.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// For a process to ask for its first event. An invocation that found no process after twice as long is refused.
    pub(super) init: Duration,
    pub(super) timeout: Duration,
    pub(super) processes: usize,
    pub(super) reserved_concurrency: Option<usize>,
}

/// The processes and the line of one function.
#[derive(Debug)]
pub(super) struct Pool {
    limits: Limits,
    launcher: Launcher,
    state: Mutex<State>,
}

/// Whether the process that asks is one of ours, and what it gets.
pub(super) enum Next {
    Event(Delivery),
    Later(oneshot::Receiver<Delivery>),
    Unknown,
}

impl Pool {
    pub(super) fn new(limits: Limits, launcher: Launcher) -> Self {
        Self {
            limits,
            launcher,
            state: Mutex::default(),
        }
    }

    pub(super) fn launcher(&self) -> &Launcher {
        &self.launcher
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No code panics while it holds the lock; were it to, the state would still be whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs one invocation to its end; `worker` says who works on it.
    pub(super) async fn invoke(self: &Arc<Self>, payload: Bytes, worker: Worker) -> Answer {
        let (answer, result) = oneshot::channel();
        self.admit(Waiting {
            payload,
            since: Instant::now(),
            worker,
            answer,
        })?;
        result.await.unwrap_or(Err(InvokeError::Stopping))
    }

    fn admit(self: &Arc<Self>, invocation: Waiting) -> Result<(), InvokeError> {
        let mut state = self.state();
        if state.stopping {
            return Err(InvokeError::Stopping);
        }
        let reserved = self.limits.reserved_concurrency;
        if reserved.is_some_and(|most| state.in_flight >= most) || state.waiting.len() >= LONGEST_LINE {
            return Err(InvokeError::Throttled);
        }
        if state.processes.is_empty() && state.not_before.is_some_and(|time| time > Instant::now()) {
            return Err(InvokeError::Init(state.last_init_error.clone()));
        }
        state.in_flight += 1;
        if let Some(invocation) = state.hand_to_idle(invocation, self.limits.timeout) {
            state.waiting.push_back(invocation);
            self.grow(&mut state);
        }
        Ok(())
    }

    /// Starts a process when more invocations wait than processes are about to ask.
    fn grow(self: &Arc<Self>, state: &mut State) {
        if state.waiting.len() <= state.coming()
            || state.processes.len() >= self.limits.processes
            || state.stopping
        {
            return;
        }
        if state.not_before.is_some_and(|time| time > Instant::now()) {
            return;
        }
        state.last_number += 1;
        let number = state.last_number;
        let kill = Arc::new(Notify::new());
        let process = Process {
            phase: Phase::Starting,
            since: Instant::now(),
            pid: 0,
            init: None,
            init_error: None,
            kill: Arc::clone(&kill),
        };
        state.processes.insert(number, process);
        self.launcher.launch(Arc::clone(self), number, kill);
    }

    /// The process `number` asks for its next event.
    pub(super) fn next(self: &Arc<Self>, number: ProcessNumber) -> Next {
        let mut guard = self.state();
        let state = &mut *guard;
        let Some(process) = state.processes.get_mut(&number) else {
            return Next::Unknown;
        };
        match std::mem::replace(&mut process.phase, Phase::Between) {
            Phase::Starting => {
                process.init = Some(process.since.elapsed());
                state.failed_starts = 0;
                state.not_before = None;
            }
            Phase::Busy(running) => {
                state.in_flight -= 1;
                let problem = format!(
                    "it asked for the next event before it answered {}",
                    running.request_id
                );
                let _ = running.answer.send(Err(InvokeError::Exited(problem)));
            }
            Phase::Ending => {
                process.phase = Phase::Ending;
                return Next::Unknown;
            }
            Phase::Between | Phase::Idle(_) => {}
        }
        while let Some(invocation) = state.waiting.pop_front() {
            if invocation.answer.is_closed() {
                state.in_flight -= 1;
                continue;
            }
            return Next::Event(process.begin(invocation, self.limits.timeout));
        }
        let (sender, receiver) = oneshot::channel();
        process.enter(Phase::Idle(sender));
        state.idle.push(number);
        Next::Later(receiver)
    }

    /// The process `number` answers. False when it has no such invocation (any more).
    pub(super) fn answer(&self, number: ProcessNumber, request_id: &str, answer: Answer) -> bool {
        let mut guard = self.state();
        let state = &mut *guard;
        let Some(process) = state.processes.get_mut(&number) else {
            return false;
        };
        if !matches!(&process.phase, Phase::Busy(running) if running.request_id == request_id) {
            return false;
        }
        if let Phase::Busy(running) = process.enter(Phase::Between) {
            state.in_flight -= 1;
            drop(guard);
            // The invoker may have gone; the function's work is done all the same.
            let _ = running.answer.send(answer);
        }
        true
    }

    /// The process `number` reports why it cannot start. It will end by itself, and then this is the reason.
    pub(super) fn init_failed(&self, number: ProcessNumber, report: &Bytes) {
        if let Some(process) = self.state().processes.get_mut(&number) {
            process.init_error = Some(InvokeError::reported(report.clone()).to_string());
        }
    }

    /// The process `number` has got its process id.
    pub(super) fn started(&self, number: ProcessNumber, pid: u32) {
        if let Some(process) = self.state().processes.get_mut(&number) {
            process.pid = pid;
        }
    }

    /// The process `number` is gone, or never came.
    pub(super) fn ended(self: &Arc<Self>, number: ProcessNumber, exit: &Exit) {
        let mut guard = self.state();
        let state = &mut *guard;
        let Some(process) = state.processes.remove(&number) else {
            return;
        };
        match process.phase {
            Phase::Starting => {
                let reason = process.init_error.unwrap_or_else(|| exit.explained());
                self.launcher.log(process.pid, format!("did not start: {reason}"));
                state.start_failed(reason);
            }
            Phase::Busy(running) => {
                state.in_flight -= 1;
                self.launcher.log(
                    process.pid,
                    format!("ended while it worked on {}: {exit}", running.request_id),
                );
                let _ = running.answer.send(Err(InvokeError::Exited(exit.to_string())));
            }
            Phase::Idle(_) | Phase::Between if !state.stopping => {
                self.launcher.log(process.pid, format!("ended: {exit}"));
            }
            Phase::Idle(_) | Phase::Between | Phase::Ending => {}
        }
        self.grow(state);
    }

    /// Ends what is over time: invocations, starts, waits and long idle processes. Called many times a second.
    pub(super) fn sweep(self: &Arc<Self>, now: Instant) {
        let mut guard = self.state();
        let state = &mut *guard;
        state.end_overdue(now, self.limits, &self.launcher);
        state.reap_idle(now);
        while state
            .waiting
            .front()
            .is_some_and(|first| now.duration_since(first.since) > 2 * self.limits.init)
        {
            if let Some(waiting) = state.waiting.pop_front() {
                state.in_flight -= 1;
                let _ = waiting.answer.send(Err(InvokeError::Throttled));
            }
        }
        self.grow(state);
    }

    /// Refuses whatever comes or waits, and kills every process.
    pub(super) fn stop(&self) {
        let mut state = self.state();
        state.stopping = true;
        for waiting in std::mem::take(&mut state.waiting) {
            let _ = waiting.answer.send(Err(InvokeError::Stopping));
        }
        for process in state.processes.values_mut() {
            if let Phase::Busy(running) = process.enter(Phase::Ending) {
                let _ = running.answer.send(Err(InvokeError::Stopping));
            }
            process.kill.notify_one();
        }
        state.in_flight = 0;
    }

    /// The processes as they are now, oldest first.
    pub(super) fn processes(&self) -> Vec<ProcessInfo> {
        let state = self.state();
        let mut processes: Vec<_> = state.processes.iter().collect();
        processes.sort_by_key(|(number, _)| **number);
        processes.into_iter().map(|(_, process)| process.info()).collect()
    }
}
