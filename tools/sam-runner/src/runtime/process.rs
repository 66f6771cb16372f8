//! Starting, watching and ending one process.

use super::pool::{Pool, ProcessNumber};
use crate::logs::{Logs, Origin};
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;
use tokio::process::{Child, Command};
use tokio::sync::Notify;
use tokio_util::task::TaskTracker;

/// How long the last lines of a process that has ended are waited for. Its own children may hold the pipe for longer.
const OUTPUT_DRAIN_LIMIT: Duration = Duration::from_millis(200);

/// Everything that starts a process of one function.
#[derive(Debug)]
pub(super) struct Launcher {
    pub(super) function: Arc<str>,
    pub(super) executable: PathBuf,
    /// The whole environment of its processes, except for the address that is each one's own.
    pub(super) environment: BTreeMap<String, String>,
    /// Where the Runtime API answers this function: `http://127.0.0.1:PORT/FUNCTION`, to which each process adds its number.
    pub(super) runtime_api: String,
    pub(super) logs: Logs,
    pub(super) tasks: TaskTracker,
}

/// How a process ended.
#[derive(Debug)]
pub(super) enum Exit {
    /// It could not be started.
    NeverStarted(String),
    /// It ended with this status; the last line it wrote to standard error, if any, often says why.
    Status(ExitStatus, Option<String>),
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NeverStarted(reason) => f.write_str(reason),
            // Lambda says "exit status: 1" and "signal: killed"; `ExitStatus` says nearly the same.
            Self::Status(status, _) => write!(f, "{status}"),
        }
    }
}

impl Exit {
    /// With the last words of the process.
    pub(super) fn explained(&self) -> String {
        match self {
            Self::Status(status, Some(last_line)) => format!("{status}: {last_line}"),
            other => other.to_string(),
        }
    }
}

impl Launcher {
    /// Starts a process and watches it until it has ended.
    pub(super) fn launch(&self, pool: Arc<Pool>, number: ProcessNumber, kill: Arc<Notify>) {
        self.tasks.spawn(async move {
            let launcher = pool.launcher();
            let exit = match launcher.spawn(number) {
                Ok(child) => {
                    pool.started(number, child.id().unwrap_or_default());
                    launcher.watch(child, &kill).await
                }
                Err(error) => Exit::NeverStarted(format!("{}: {error}", launcher.executable.display())),
            };
            pool.ended(number, &exit);
        });
    }

    /// A line about this function in the log.
    pub(super) fn log(&self, pid: u32, text: String) {
        self.logs.platform(&self.function, pid, text);
    }

    fn spawn(&self, number: ProcessNumber) -> std::io::Result<Child> {
        let mut command = Command::new(&self.executable);
        command
            .env_clear()
            .envs(&self.environment)
            .env("AWS_LAMBDA_RUNTIME_API", format!("{}/{number}", self.runtime_api))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        if let Some(directory) = self.executable.parent() {
            command.current_dir(directory);
        }
        // A group of its own, so that Ctrl-C in the terminal ends the local world in order and not each process at once.
        #[cfg(unix)]
        command.process_group(0);
        command.spawn()
    }

    async fn watch(&self, mut child: Child, kill: &Notify) -> Exit {
        let pid = child.id().unwrap_or_default();
        let stdout = child
            .stdout
            .take()
            .map(|pipe| self.read(pipe, pid, Origin::Stdout));
        let stderr = child
            .stderr
            .take()
            .map(|pipe| self.read(pipe, pid, Origin::Stderr));
        let status = tokio::select! {
            status = child.wait() => status,
            () = kill.notified() => match child.start_kill() {
                Ok(()) => child.wait().await,
                Err(error) => Err(error),
            },
        };
        for reader in [stdout, stderr].into_iter().flatten() {
            let _ = tokio::time::timeout(OUTPUT_DRAIN_LIMIT, reader).await;
        }
        match status {
            Ok(status) => Exit::Status(status, self.last_words(pid)),
            Err(error) => Exit::NeverStarted(format!("it cannot be watched: {error}")),
        }
    }

    fn read(
        &self,
        pipe: impl tokio::io::AsyncRead + Unpin + Send + 'static,
        pid: u32,
        origin: Origin,
    ) -> tokio::task::JoinHandle<()> {
        let (logs, function) = (self.logs.clone(), Arc::clone(&self.function));
        tokio::spawn(async move { logs.read(pipe, function, pid, origin).await })
    }

    fn last_words(&self, pid: u32) -> Option<String> {
        let recent = self.logs.recent();
        // A panic ends with a hint about RUST_BACKTRACE, which explains nothing.
        let explains = |text: &str| !text.starts_with("note: ") && !text.starts_with("stack backtrace");
        let mut lines = recent
            .iter()
            .rev()
            .filter(|line| line.pid == pid && line.origin == Origin::Stderr);
        lines
            .find(|line| explains(&line.text))
            .map(|line| line.text.clone())
    }
}
