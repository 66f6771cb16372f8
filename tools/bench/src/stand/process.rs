//! One process of a function, and the Runtime API that it asks for work.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::Response;
use axum::routing::{get, post};
use bytes::Bytes;
use jiff::Timestamp;
use sam_runner::engines::server::{Server, listen};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};
use tokio::sync::{Mutex, mpsc};

use super::processor;

/// How long a function may think: callgrind makes it fifty times slower.
const PATIENCE: Duration = Duration::from_mins(2);
/// After an answer the process asks for more work, and rests; only then is its processor time settled.
const REST: Duration = Duration::from_micros(300);

/// How a process is started.
#[derive(Clone, Debug)]
pub(crate) struct Launch {
    executable: PathBuf,
    environment: BTreeMap<String, String>,
    /// A program before it, such as `valgrind`, with its arguments.
    wrapper: Vec<String>,
}

impl Launch {
    pub(crate) fn new(executable: PathBuf, environment: BTreeMap<String, String>) -> Self {
        Self {
            executable,
            environment,
            wrapper: Vec::new(),
        }
    }

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
    /// What the function answered.
    pub(crate) answer: Bytes,
    /// From the event to the answer.
    pub(crate) wall: Duration,
    /// The process's own processor time, until it rests again.
    pub(crate) cpu: Duration,
}

impl Invocation {
    /// The answer of a function behind an API, which must be a success.
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
    api: Arc<Api>,
    polls: mpsc::UnboundedReceiver<Instant>,
    answers: mpsc::UnboundedReceiver<(Instant, Result<Bytes, Bytes>)>,
    events: mpsc::UnboundedSender<Bytes>,
    written: Arc<AtomicU64>,
    init: Duration,
    _server: Server,
}

struct Api {
    polls: mpsc::UnboundedSender<Instant>,
    answers: mpsc::UnboundedSender<(Instant, Result<Bytes, Bytes>)>,
    events: Mutex<mpsc::UnboundedReceiver<Bytes>>,
    /// When the last event was handed over, in nanoseconds since `begun`.
    handed: AtomicU64,
    begun: Instant,
    number: AtomicUsize,
}

impl Process {
    /// Starts a process and waits until it asks for work.
    pub(crate) async fn start(launch: &Launch) -> anyhow::Result<Self> {
        let (polled, polls) = mpsc::unbounded_channel();
        let (answered, answers) = mpsc::unbounded_channel();
        let (events, waiting) = mpsc::unbounded_channel();
        let api = Arc::new(Api {
            polls: polled,
            answers: answered,
            events: Mutex::new(waiting),
            handed: AtomicU64::new(0),
            begun: Instant::now(),
            number: AtomicUsize::new(0),
        });
        let server = Server::start(listen("the Runtime API", 0).await?, router(Arc::clone(&api)))?;
        let mut line = launch.wrapper.clone();
        line.push(launch.executable.display().to_string());
        let mut command = Command::new(&line[0]);
        command
            .args(&line[1..])
            .env_clear()
            .envs(&launch.environment)
            .env("AWS_LAMBDA_RUNTIME_API", server.address().to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let begun = Instant::now();
        let mut child = command
            .spawn()
            .with_context(|| format!("{} cannot be started", line[0]))?;
        let written = Arc::new(AtomicU64::new(0));
        let out = child.stdout.take().context("a pipe")?;
        tokio::spawn(count(out, Arc::clone(&written)));
        let mut process = Self {
            child,
            api,
            polls,
            answers,
            events,
            written,
            init: Duration::ZERO,
            _server: server,
        };
        process.init = process.poll().await?.saturating_duration_since(begun);
        Ok(process)
    }

    /// From the start of the process to its first poll for work.
    pub(crate) fn init(&self) -> Duration {
        self.init
    }

    /// Hands over an event and waits for the answer, and until the process rests again.
    pub(crate) async fn invoke(&mut self, event: &Value) -> anyhow::Result<Invocation> {
        let before = self.cpu()?;
        self.events.send(serde_json::to_vec(event)?.into())?;
        let answer = tokio::time::timeout(PATIENCE, self.answers.recv()).await;
        let (at, answer) = answer
            .context("the function does not answer")?
            .context("it has ended")?;
        self.poll().await?;
        let handed = self.api.begun + Duration::from_nanos(self.api.handed.load(Ordering::Acquire));
        match answer {
            Ok(answer) => Ok(Invocation {
                answer,
                wall: at.saturating_duration_since(handed),
                cpu: self.cpu()?.saturating_sub(before),
            }),
            Err(error) => bail!("the function failed: {}", String::from_utf8_lossy(&error)),
        }
    }

    /// The processor time that it has had.
    pub(crate) fn cpu(&self) -> anyhow::Result<Duration> {
        processor::time_of(self.pid()?)
    }

    /// The most memory that it has had, in bytes.
    pub(crate) fn peak_memory(&self) -> anyhow::Result<u64> {
        processor::peak_memory_of(self.pid()?)
    }

    /// What it has written to its log, in bytes.
    pub(crate) fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    /// Asks it to end (SIGTERM), and gives what stood on its standard error: callgrind's sum.
    pub(crate) async fn end(mut self) -> anyhow::Result<String> {
        let mut said = String::new();
        let mut errors = self.child.stderr.take().context("a pipe")?;
        let pid = self.pid()?.to_string();
        Command::new("kill").args(["-TERM", &pid]).status().await?;
        errors.read_to_string(&mut said).await?;
        self.child.wait().await?;
        Ok(said)
    }

    fn pid(&self) -> anyhow::Result<u32> {
        self.child.id().context("the process has ended")
    }

    async fn poll(&mut self) -> anyhow::Result<Instant> {
        let polled = tokio::select! {
            polled = tokio::time::timeout(PATIENCE, self.polls.recv()) => polled,
            ended = self.child.wait() => bail!("the function ended: {}", ended?),
        };
        let polled = polled.context("the function does not ask for work")?;
        tokio::time::sleep(REST).await;
        polled.context("the Runtime API is gone")
    }
}

async fn count(mut out: impl AsyncRead + Unpin, written: Arc<AtomicU64>) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(read @ 1..) = out.read(&mut buffer).await {
        written.fetch_add(read as u64, Ordering::Relaxed);
    }
}

/// <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>
fn router(api: Arc<Api>) -> Router {
    const INVOCATION: &str = "/2018-06-01/runtime/invocation";
    Router::new()
        .route(&format!("{INVOCATION}/next"), get(next))
        .route(&format!("{INVOCATION}/{{id}}/{{outcome}}"), post(answered))
        .with_state(api)
}

async fn next(State(api): State<Arc<Api>>) -> Response<Body> {
    // Nobody listens any more where the stand is closing.
    let _ = api.polls.send(Instant::now());
    let event = api.events.lock().await.recv().await.unwrap_or_default();
    let number = api.number.fetch_add(1, Ordering::Relaxed);
    let handed = u64::try_from(api.begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
    api.handed.store(handed, Ordering::Release);
    let deadline = Timestamp::now().as_millisecond() + 600_000;
    Response::builder()
        .header("content-type", "application/json")
        .header(
            "lambda-runtime-aws-request-id",
            format!("00000000-0000-0000-0000-{number:012}"),
        )
        .header("lambda-runtime-deadline-ms", deadline.to_string())
        .header(
            "lambda-runtime-invoked-function-arn",
            "arn:aws:lambda:eu-central-1:000000000000:function:f",
        )
        .header(
            "lambda-runtime-trace-id",
            "Root=1-69203a21-2f5b1c8a4f0d4c639f534c2f;Sampled=0",
        )
        .body(Body::from(event))
        .expect("all of them are headers")
}

async fn answered(
    State(api): State<Arc<Api>>,
    Path((_, outcome)): Path<(String, String)>,
    body: Bytes,
) -> axum::http::StatusCode {
    let answer = if outcome == "response" {
        Ok(body)
    } else {
        Err(body)
    };
    let _ = api.answers.send((Instant::now(), answer));
    axum::http::StatusCode::ACCEPTED
}
