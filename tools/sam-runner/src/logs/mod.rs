//! What the functions write: read line by line, shown in the terminal, kept for tests and readers.

mod render;

pub use render::render;

use std::collections::VecDeque;
use std::io::{IsTerminal, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::sync::{broadcast, mpsc};

/// So many lines are kept for [`Logs::recent`], and a subscriber may be so many lines behind.
const KEPT: usize = 4096;

/// A line that a process of a function wrote, or that the local world wrote about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// Name of the function's binary, for instance `checkout`.
    pub function: Arc<str>,
    /// Process id on this machine; 0 when the line is about the function as a whole.
    pub pid: u32,
    /// Where it comes from.
    pub origin: Origin,
    /// The line without its end.
    pub text: String,
}

/// Where a line comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The function's standard output.
    Stdout,
    /// The function's standard error.
    Stderr,
    /// The local world, in the part of the Lambda platform: crashes, timeouts.
    Platform,
}

/// What becomes of the lines besides being kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogSink {
    /// They are shown on standard output, in colour when it is a terminal and `NO_COLOR` is not set.
    #[default]
    Terminal,
    /// Nothing.
    Silent,
}

/// The collector of all lines. Clones share one collection.
#[derive(Debug, Clone)]
pub struct Logs {
    recent: Arc<Mutex<VecDeque<Arc<LogLine>>>>,
    subscribers: broadcast::Sender<Arc<LogLine>>,
    printer: Option<mpsc::Sender<Arc<LogLine>>>,
}

impl Logs {
    /// A collector that sends its lines to `sink`.
    pub fn to(sink: LogSink) -> Self {
        Self {
            recent: Arc::default(),
            subscribers: broadcast::Sender::new(KEPT),
            printer: (sink == LogSink::Terminal).then(start_printer),
        }
    }

    /// The last lines, oldest first: 4,096 at most.
    pub fn recent(&self) -> Vec<Arc<LogLine>> {
        self.kept().iter().cloned().collect()
    }

    /// Lines as they come from now on. A subscriber that falls 4,096 lines behind loses the oldest.
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<LogLine>> {
        self.subscribers.subscribe()
    }

    /// Waits until a line, past or to come, fits; `None` when none has after `patience`.
    pub async fn wait_for(
        &self,
        patience: Duration,
        fits: impl Fn(&LogLine) -> bool,
    ) -> Option<Arc<LogLine>> {
        let mut lines = self.subscribe();
        if let Some(line) = self.recent().into_iter().find(|line| fits(line)) {
            return Some(line);
        }
        let found = async {
            loop {
                match lines.recv().await {
                    Ok(line) if fits(&line) => return Some(line),
                    Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => {}
                    Err(broadcast::error::RecvError::Closed) => return None,
                }
            }
        };
        tokio::time::timeout(patience, found).await.ok().flatten()
    }

    /// Takes a line; waits while the terminal is slower than the functions, so that memory stays bounded.
    pub async fn publish(&self, line: LogLine) {
        let line = self.keep(line);
        if let Some(printer) = &self.printer {
            // The printer ends only when standard output is closed; then nothing can be printed.
            let _ = printer.send(line).await;
        }
    }

    /// A line by the local world itself.
    pub fn platform(&self, function: &Arc<str>, pid: u32, text: String) {
        let line = self.keep(LogLine {
            function: Arc::clone(function),
            pid,
            origin: Origin::Platform,
            text,
        });
        if let Some(printer) = &self.printer {
            // These are few; one is given up rather than waited for when the terminal is thousands of lines behind.
            let _ = printer.try_send(line);
        }
    }

    /// Publishes what a process writes to one of its pipes until it closes it.
    pub async fn read(&self, pipe: impl AsyncRead + Unpin, function: Arc<str>, pid: u32, origin: Origin) {
        let mut lines = BufReader::new(pipe).split(b'\n');
        while let Ok(Some(bytes)) = lines.next_segment().await {
            let text = String::from_utf8_lossy(&bytes).trim_end().to_owned();
            if !text.is_empty() {
                self.publish(LogLine {
                    function: Arc::clone(&function),
                    pid,
                    origin,
                    text,
                })
                .await;
            }
        }
    }

    fn keep(&self, line: LogLine) -> Arc<LogLine> {
        let line = Arc::new(line);
        let mut recent = self.kept();
        if recent.len() == KEPT {
            recent.pop_front();
        }
        recent.push_back(Arc::clone(&line));
        drop(recent);
        // No subscriber is the normal case.
        let _ = self.subscribers.send(Arc::clone(&line));
        line
    }

    fn kept(&self) -> MutexGuard<'_, VecDeque<Arc<LogLine>>> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A thread that writes lines to standard output, so that a slow terminal blocks no function.
fn start_printer() -> mpsc::Sender<Arc<LogLine>> {
    let (sender, mut lines) = mpsc::channel::<Arc<LogLine>>(KEPT);
    let coloured = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    std::thread::spawn(move || {
        while let Some(line) = lines.blocking_recv() {
            let mut text = String::new();
            let mut next = Some(line);
            while let Some(line) = next {
                if let Some(rendered) = render(&line, coloured) {
                    text.push_str(&rendered);
                    text.push('\n');
                }
                next = lines.try_recv().ok();
            }
            if std::io::stdout().lock().write_all(text.as_bytes()).is_err() {
                return;
            }
        }
    });
    sender
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> LogLine {
        LogLine {
            function: "f".into(),
            pid: 1,
            origin: Origin::Stdout,
            text: text.into(),
        }
    }

    #[tokio::test]
    async fn lines_of_a_pipe_are_kept_and_told() {
        let logs = Logs::to(LogSink::Silent);
        let mut told = logs.subscribe();
        logs.read(&b"one\r\n\ntwo\xff"[..], "f".into(), 1, Origin::Stdout)
            .await;
        assert_eq!(*told.recv().await.expect("a line"), line("one"));
        assert_eq!(*told.recv().await.expect("a line"), line("two\u{fffd}"));
        assert_eq!(logs.recent().len(), 2);
    }

    #[tokio::test]
    async fn memory_is_bounded() {
        let logs = Logs::to(LogSink::Silent);
        for number in 0..=KEPT {
            logs.publish(line(&number.to_string())).await;
        }
        let recent = logs.recent();
        assert_eq!(recent.len(), KEPT);
        assert_eq!(recent[0].text, "1");
    }

    #[tokio::test]
    async fn waiting_finds_past_and_coming_lines_and_gives_up() {
        let logs = Logs::to(LogSink::Silent);
        logs.publish(line("past")).await;
        assert!(
            logs.wait_for(Duration::from_secs(5), |line| line.text == "past")
                .await
                .is_some()
        );
        let (found, ()) = tokio::join!(
            logs.wait_for(Duration::from_secs(5), |line| line.text == "coming"),
            logs.publish(line("coming"))
        );
        assert!(found.is_some());
        assert!(
            logs.wait_for(Duration::from_millis(5), |line| line.text == "never")
                .await
                .is_none()
        );
    }
}
