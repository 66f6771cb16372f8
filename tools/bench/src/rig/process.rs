//! One process of a function, and the Runtime API that it polls.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use jiff::Timestamp;
use sam_runner::engines::server::{Server, listen};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};
use tokio::sync::{Mutex, mpsc};

use super::processor;

/// How long an answer may take: callgrind makes a function fifty times slower.
const TIMEOUT: Duration = Duration::from_mins(2);
/// After an answer the process polls again and goes idle; only then is its processor time settled.
const SETTLE: Duration = Duration::from_micros(300);
/// <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>
const INVOCATION: &str = "/2018-06-01/runtime/invocation";

/// How a process is started.
#[derive(Clone, Debug)]
pub(crate) struct Launch {
    pub(crate) executable: PathBuf,
    pub(crate) environment: BTreeMap<String, String>,
    /// A program before it, such as `valgrind`, with its arguments.
    pub(crate) wrapper: Vec<String>,
}

impl Launch {
    /// With a variable more.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.environment.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Within another program.
    pub(crate) fn within(mut self, wrapper: &[impl ToString]) -> Self {
        self.wrapper = wrapper.iter().map(ToString::to_string).collect();
        self
    }
}

/// What one invocation took.
#[derive(Clone, Debug)]
pub(crate) struct Invocation {
    pub(crate) answer: Bytes,
    /// From the event to the answer.
    pub(crate) wall: Duration,
    /// The process's own processor time, until it is idle again.
    pub(crate) cpu: Duration,
    /// What it wrote to its log, in bytes.
    pub(crate) log_bytes: u64,
}

impl Invocation {
    /// The body of a function behind an API, which must have succeeded.
    pub(crate) fn json(&self) -> anyhow::Result<Value> {
        let answer: Value = serde_json::from_slice(&self.answer)?;
        let status = answer["statusCode"].as_u64().unwrap_or_default();
        if !(200..300).contains(&status) {
            bail!("the function answered {answer}");
        }
        Ok(serde_json::from_str(answer["body"].as_str().unwrap_or("null"))?)
    }
}

/// A running process. It is killed when dropped.
pub(crate) struct Process {
    child: Child,
    polls: mpsc::UnboundedReceiver<Instant>,
    answers: mpsc::UnboundedReceiver<Answer>,
    events: mpsc::UnboundedSender<Bytes>,
    written: Arc<AtomicU64>,
    /// From the start of the process to its first poll.
    pub(crate) init: Duration,
    _server: Server,
}

/// What the function answered, whether as a response or as an error, and how long it took.
struct Answer {
    body: Bytes,
    is_response: bool,
    took: Duration,
}

struct RuntimeApi {
    polls: mpsc::UnboundedSender<Instant>,
    answers: mpsc::UnboundedSender<Answer>,
    events: Mutex<mpsc::UnboundedReceiver<Bytes>>,
    handed: std::sync::Mutex<Instant>,
    number: AtomicUsize,
}

impl Process {
    /// Starts a process and waits for its first poll.
    pub(crate) async fn start(launch: &Launch) -> anyhow::Result<Self> {
        let (polled, polls) = mpsc::unbounded_channel();
        let (answered, answers) = mpsc::unbounded_channel();
        let (events, waiting) = mpsc::unbounded_channel();
        let router = router(RuntimeApi {
            polls: polled,
            answers: answered,
            events: Mutex::new(waiting),
            handed: std::sync::Mutex::new(Instant::now()),
            number: AtomicUsize::new(0),
        });
        let server = Server::start(listen("the Runtime API", 0).await?, router)?;
        let mut line = launch.wrapper.clone();
        line.push(launch.executable.display().to_string());
        let mut command = Command::new(&line[0]);
        command.args(&line[1..]).env_clear().envs(&launch.environment);
        command.env("AWS_LAMBDA_RUNTIME_API", server.address().to_string());
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let begun = Instant::now();
        let child = command.kill_on_drop(true).spawn();
        let mut child = child.with_context(|| format!("{} cannot be started", line[0]))?;
        let written = Arc::new(AtomicU64::new(0));
        let out = child.stdout.take().context("a pipe")?;
        tokio::spawn(count(out, Arc::clone(&written)));
        let mut process = Self {
            child,
            polls,
            answers,
            events,
            written,
            init: Duration::ZERO,
            _server: server,
        };
        process.init = process.polled().await?.saturating_duration_since(begun);
        Ok(process)
    }

    /// Hands over an event, and waits for the answer and the next poll.
    pub(crate) async fn invoke(&mut self, event: &Value) -> anyhow::Result<Invocation> {
        let (cpu, written) = (self.cpu()?, self.written.load(Ordering::Relaxed));
        self.events.send(serde_json::to_vec(event)?.into())?;
        let answer = tokio::time::timeout(TIMEOUT, self.answers.recv()).await;
        let answer = answer
            .context("the function does not answer")?
            .context("it has ended")?;
        self.polled().await?;
        if !answer.is_response {
            bail!("the function failed: {}", String::from_utf8_lossy(&answer.body));
        }
        Ok(Invocation {
            answer: answer.body,
            wall: answer.took,
            cpu: self.cpu()?.saturating_sub(cpu),
            log_bytes: self.written.load(Ordering::Relaxed) - written,
        })
    }

    /// The processor time that it has had.
    pub(crate) fn cpu(&self) -> anyhow::Result<Duration> {
        processor::time_of(self.pid()?)
    }

    /// The most memory that it has had, in bytes.
    pub(crate) fn peak_memory(&self) -> anyhow::Result<u64> {
        processor::peak_memory_of(self.pid()?)
    }

    /// Ends it (SIGTERM) and gives its standard error: callgrind's sum.
    pub(crate) async fn end(mut self) -> anyhow::Result<String> {
        let mut text = String::new();
        let mut errors = self.child.stderr.take().context("a pipe")?;
        let pid = self.pid()?.to_string();
        Command::new("kill").args(["-TERM", &pid]).status().await?;
        errors.read_to_string(&mut text).await?;
        self.child.wait().await?;
        Ok(text)
    }

    fn pid(&self) -> anyhow::Result<u32> {
        self.child.id().context("the process has ended")
    }

    async fn polled(&mut self) -> anyhow::Result<Instant> {
        let polled = tokio::select! {
            polled = tokio::time::timeout(TIMEOUT, self.polls.recv()) => polled,
            ended = self.child.wait() => bail!("the function ended: {}", ended?),
        };
        tokio::time::sleep(SETTLE).await;
        polled
            .context("the function does not poll")?
            .context("the Runtime API is gone")
    }
}

async fn count(mut out: impl AsyncRead + Unpin, written: Arc<AtomicU64>) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(read @ 1..) = out.read(&mut buffer).await {
        written.fetch_add(read as u64, Ordering::Relaxed);
    }
}

fn router(api: RuntimeApi) -> Router {
    Router::new()
        .route(&format!("{INVOCATION}/next"), get(next))
        .route(&format!("{INVOCATION}/{{id}}/{{outcome}}"), post(answered))
        .with_state(Arc::new(api))
}

async fn next(State(api): State<Arc<RuntimeApi>>) -> impl IntoResponse {
    // There is no receiver where the rig is closing.
    let _ = api.polls.send(Instant::now());
    let event = api.events.lock().await.recv().await.unwrap_or_default();
    let number = api.number.fetch_add(1, Ordering::Relaxed);
    let deadline = Timestamp::now().as_millisecond() + 600_000;
    let headers = [
        ("content-type", "application/json".to_owned()),
        (
            "lambda-runtime-aws-request-id",
            format!("00000000-0000-0000-0000-{number:012}"),
        ),
        ("lambda-runtime-deadline-ms", deadline.to_string()),
        ("lambda-runtime-invoked-function-arn", FUNCTION_ARN.to_owned()),
        ("lambda-runtime-trace-id", TRACE_ID.to_owned()),
    ];
    *api.handed.lock().expect("nothing panics under this lock") = Instant::now();
    (headers, event)
}

const FUNCTION_ARN: &str = "arn:aws:lambda:eu-central-1:000000000000:function:f";
const TRACE_ID: &str = "Root=1-69203a21-2f5b1c8a4f0d4c639f534c2f;Sampled=0";

async fn answered(
    State(api): State<Arc<RuntimeApi>>,
    Path((_, outcome)): Path<(String, String)>,
    body: Bytes,
) -> StatusCode {
    let handed = *api.handed.lock().expect("nothing panics under this lock");
    let _ = api.answers.send(Answer {
        body,
        is_response: outcome == "response",
        took: handed.elapsed(),
    });
    StatusCode::ACCEPTED
}
