//! Functions in a Lambda runtime of their own, one process of each.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Context;
use sam_runner::logs::{LogSink, Logs, Origin};
use sam_runner::runtime::{ProcessInfo, Runtime, RuntimeOptions};
use sam_runner::template::Function;
use serde_json::Value;
use tokio::process::Command;

use super::process;
use super::tally::Call;

/// How long a start or an answer may take: callgrind makes a function fifty times slower.
const TIMEOUT: Duration = Duration::from_mins(10);
/// After an answer the process polls again and goes idle; only then is its processor time settled.
const SETTLE: Duration = Duration::from_micros(300);
const CALLGRIND: &str = "exec valgrind --tool=callgrind --callgrind-out-file=/dev/null";

/// A function, its binary, and variables beside those of the template.
#[derive(Clone)]
pub(crate) struct Launch {
    pub(crate) function: Function,
    pub(crate) executable: PathBuf,
    pub(crate) environment: BTreeMap<String, String>,
}

/// Running functions. Their processes are killed when it is dropped.
pub(crate) struct Lambda {
    runtime: Runtime,
    logs: Logs,
}

/// What one invocation took.
#[derive(Clone, Debug)]
pub(crate) struct Invocation {
    pub(crate) answer: Vec<u8>,
    /// From the event to the answer; with the start of the process, where it is the first one.
    pub(crate) wall: Duration,
    /// The process's own processor time, until it is idle again.
    pub(crate) cpu: Duration,
    /// What it wrote to its log, in bytes.
    pub(crate) log_bytes: usize,
    /// From the start of the process to its first poll.
    pub(crate) init: Duration,
    /// The most memory that it has had, in bytes.
    pub(crate) peak_memory: u64,
    /// Its calls to the engines, where they are counted.
    pub(crate) calls: Vec<Call>,
}

impl Invocation {
    /// The body of a function behind an API, which must have succeeded.
    pub(crate) fn json(&self) -> anyhow::Result<Value> {
        let answer: Value = serde_json::from_slice(&self.answer)?;
        let status = answer["statusCode"].as_u64().unwrap_or_default();
        anyhow::ensure!((200..300).contains(&status), "the function answered {answer}");
        Ok(serde_json::from_str(answer["body"].as_str().unwrap_or("null"))?)
    }
}

impl Lambda {
    /// Opens a runtime for functions with their binaries. A function's process starts with its first event.
    pub(crate) async fn start(
        mut functions: Vec<(Function, PathBuf)>,
        environment: BTreeMap<String, String>,
    ) -> anyhow::Result<Self> {
        for (function, _) in &mut functions {
            function.timeout = TIMEOUT;
        }
        let logs = Logs::to(LogSink::Silent);
        let options = RuntimeOptions {
            functions,
            port: 0,
            max_processes: 1,
            init_timeout: TIMEOUT,
            environment,
            logs: logs.clone(),
        };
        let runtime = Runtime::start(options).await?;
        Ok(Self { runtime, logs })
    }

    /// Hands over an event, and waits for the answer and the next poll.
    pub(crate) async fn invoke(&self, function: &str, event: &Value) -> anyhow::Result<Invocation> {
        let process = self.runtime.processes(function).pop();
        let before = process.map_or(Ok(Duration::ZERO), |process| process::time_of(process.pid))?;
        let mut lines = self.logs.subscribe();
        let event = event.to_string().into();
        let started = Instant::now();
        let answer = self.runtime.invoke(function, event).await?;
        let wall = started.elapsed();
        let (process, cpu) = self.settled(function).await?;
        let mut log_bytes = 0;
        while let Ok(line) = lines.try_recv() {
            log_bytes += usize::from(line.origin == Origin::Stdout) * (line.text.len() + 1);
        }
        Ok(Invocation {
            answer: answer.into(),
            wall,
            cpu: cpu.saturating_sub(before),
            log_bytes,
            init: process.init.unwrap_or_default(),
            peak_memory: process::memory_of(&process.pid.to_string(), "VmHWM")?,
            calls: Vec::new(),
        })
    }

    /// The process of a function and its processor time, once it waits for the next event.
    async fn settled(&self, function: &str) -> anyhow::Result<(ProcessInfo, Duration)> {
        let mut last = None;
        loop {
            tokio::time::sleep(SETTLE).await;
            let process = self.runtime.processes(function).pop();
            let process = process.context("the function has ended")?;
            let cpu = process::time_of(process.pid)?;
            if last == Some(cpu) && process::is_asleep(process.pid)? {
                return Ok((process, cpu));
            }
            last = Some(cpu);
        }
    }

    /// Ends all processes.
    pub(crate) async fn stop(self) {
        self.runtime.stop().await;
    }
}

impl Launch {
    /// Opens a runtime for this function alone.
    pub(crate) async fn start(&self) -> anyhow::Result<Lambda> {
        let function = (self.function.clone(), self.executable.clone());
        Lambda::start(vec![function], self.environment.clone()).await
    }

    /// Instructions, counted by valgrind from the start of a process until it has answered all events: the same on a quiet machine and on a
    /// busy one. `None` where valgrind is not installed.
    pub(crate) async fn instructions(&self, events: &[Value]) -> anyhow::Result<Option<u64>> {
        let installed = Command::new("valgrind").arg("--version").output().await;
        if !installed.is_ok_and(|version| version.status.success()) {
            return Ok(None);
        }
        let (directory, name) = (tempfile::tempdir()?, &self.function.binary.name);
        let wrapper = directory.path().join(name);
        fs::write(
            &wrapper,
            format!("#!/bin/sh\n{CALLGRIND} '{}'\n", self.executable.display()),
        )?;
        fs::set_permissions(&wrapper, Permissions::from_mode(0o755))?;
        let under_callgrind = Self {
            executable: wrapper,
            ..self.clone()
        };
        let lambda = under_callgrind.start().await?;
        for event in events {
            lambda.invoke(name, event).await?;
        }
        let (process, _) = lambda.settled(name).await?;
        let pid = process.pid.to_string();
        Command::new("kill").args(["-TERM", &pid]).status().await?;
        let sum = lambda
            .logs
            .wait_for(TIMEOUT, |line| line.text.contains("Collected :"));
        let sum = sum.await.context("valgrind counted nothing")?;
        let sum = sum.text.rsplit(' ').next().unwrap_or_default();
        Ok(Some(sum.parse().context("valgrind counts otherwise")?))
    }
}
