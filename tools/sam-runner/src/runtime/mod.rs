//! Lambda on this machine: unchanged function binaries, as many processes of each as the load asks for.
//!
//! [`Runtime::invoke`] hands an event to an idle process of the function, or starts one. A process that crashes or takes
//! too long is ended and replaced, and the invoker gets the error that Lambda would return.

mod api;
mod environment;
mod error;
mod pool;
mod process;
mod state;

pub use environment::{ACCOUNT, REGION, environment};
pub use error::InvokeError;

use crate::logs::Logs;
use crate::template::Function;
use anyhow::Context;
use axum::http::HeaderValue;
use axum::serve::ListenerExt;
use bytes::Bytes;
use pool::{Limits, Pool};
use process::Launcher;
use serde_json::{Value, json};
use state::{Answer, Worker};
use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::sync::broadcast::error::TryRecvError;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

/// Lambda gives a process this long to ask for its first event.
pub const INIT_TIMEOUT: Duration = Duration::from_secs(10);
/// How often deadlines are looked at; an invocation is ended at most so much late.
const SWEEP_EVERY: Duration = Duration::from_millis(20);
/// A process's lines come by pipes of their own, at most so much later than its answer.
const LOG_DELAY: Duration = Duration::from_millis(100);
/// The version that is published of every function.
const PUBLISHED: &str = "1";
/// How long [`Runtime::stop`] waits for killed processes to be gone.
const STOP_LIMIT: Duration = Duration::from_secs(5);

/// What the runtime runs, and where.
#[derive(Debug)]
pub struct RuntimeOptions {
    /// The functions, each with its built binary.
    pub functions: Vec<(Function, PathBuf)>,
    /// Port of the Runtime and Invoke APIs on the loopback interface; 0 is any free one.
    pub port: u16,
    /// Most processes of one function, unless a queue of its own starts more of it at once. More invocations than that wait for their
    /// turn.
    pub max_processes: usize,
    /// How long a process may take until it asks for its first event: [`INIT_TIMEOUT`], or more where something slows it down.
    pub init_timeout: Duration,
    /// Environment variables that all functions get, for instance the addresses of the engines.
    pub environment: BTreeMap<String, String>,
    /// Where the functions' output goes.
    pub logs: Logs,
}

/// A process of a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProcessInfo {
    /// Process id on this machine; 0 while it is not yet started.
    pub pid: u32,
    /// What it does at the moment.
    pub state: ProcessState,
    /// Time from its start to its first request for an event; `None` until then.
    pub init: Option<Duration>,
}

/// What a process does at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProcessState {
    /// It has asked for no event yet.
    Starting,
    /// It waits for an event.
    Idle,
    /// It works on an event.
    Busy,
    /// It is being killed.
    Ending,
}

/// The running functions. Clones share them; they end with [`Runtime::stop`] or with the last clone.
#[derive(Debug, Clone)]
pub struct Runtime {
    shared: Arc<Shared>,
    /// Ends the server and the sweeper with the last clone outside of them.
    _guard: Option<Arc<DropGuard>>,
}

#[derive(Debug)]
struct Shared {
    functions: Vec<Hosted>,
    /// Names, ids and binary names to the index of the function.
    names: HashMap<String, usize>,
    url: String,
    tasks: TaskTracker,
    cancelled: CancellationToken,
}

/// A function and its processes.
#[derive(Debug)]
struct Hosted {
    pool: Arc<Pool>,
    arn: HeaderValue,
    /// As GetFunctionConfiguration shows it.
    configuration: Value,
    /// What the template publishes the function under.
    alias: Option<String>,
}

impl Hosted {
    /// The version that a qualifier stands for: the local world publishes one, under the function's alias.
    fn version(&self, qualifier: Option<&str>) -> Option<&'static str> {
        match (qualifier, self.alias.as_deref()) {
            (None | Some("$LATEST"), _) => Some("$LATEST"),
            (Some(asked), Some(alias)) if asked == alias || asked == PUBLISHED => Some(PUBLISHED),
            _ => None,
        }
    }

    /// Sends an event to the function; its answer, and all that the process wrote meanwhile.
    async fn invoke_with_log(&self, payload: Bytes) -> (Answer, String) {
        let mut lines = self.pool.launcher().logs.subscribe();
        let worker = Worker::default();
        let answer = self.pool.invoke(payload, Arc::clone(&worker)).await;
        tokio::time::sleep(LOG_DELAY).await;
        let pid = worker.load(Ordering::Relaxed);
        let mut log = String::new();
        loop {
            match lines.try_recv() {
                Ok(line) if line.pid == pid => {
                    log.push_str(&line.text);
                    log.push('\n');
                }
                Ok(_) | Err(TryRecvError::Lagged(_)) => {}
                Err(TryRecvError::Empty | TryRecvError::Closed) => return (answer, log),
            }
        }
    }
}

impl Runtime {
    /// Opens the Runtime API. Processes are started when they are needed.
    pub async fn start(options: RuntimeOptions) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", options.port))
            .await
            .with_context(|| format!("the Runtime API cannot listen on port {}", options.port))?;
        let url = format!("http://{}", listener.local_addr()?);
        let shared = Arc::new(Shared::new(options, url)?);
        // The server must not keep the functions alive: its clone of the runtime carries no guard.
        let for_server = Self {
            shared: Arc::clone(&shared),
            _guard: None,
        };
        let cancelled = shared.cancelled.clone();
        let listener = listener.tap_io(|stream| {
            // Answers are small and awaited: waiting for more to send would cost up to 40 ms each.
            let _ = stream.set_nodelay(true);
        });
        tokio::spawn(async move {
            let server = axum::serve(listener, api::router(for_server));
            let _ = cancelled.run_until_cancelled(server.into_future()).await;
        });
        tokio::spawn(sweep(Arc::clone(&shared)));
        let guard = Arc::new(shared.cancelled.clone().drop_guard());
        Ok(Self {
            shared,
            _guard: Some(guard),
        })
    }

    /// Sends an event to a function and waits for its answer. `function` is its name, its id in the template or its
    /// binary's name.
    pub async fn invoke(&self, function: &str, payload: Bytes) -> Result<Bytes, InvokeError> {
        if payload.len() > api::LARGEST_PAYLOAD {
            return Err(InvokeError::RequestTooLarge);
        }
        match self.called(function) {
            Some(function) => function.pool.invoke(payload, Worker::default()).await,
            None => Err(InvokeError::NoSuchFunction(function.to_owned())),
        }
    }

    /// The processes of a function as they are now, oldest first; none for an unknown function.
    pub fn processes(&self, function: &str) -> Vec<ProcessInfo> {
        self.called(function)
            .map(|function| function.pool.processes())
            .unwrap_or_default()
    }

    /// Where the Invoke API answers: the `--endpoint-url` of `aws lambda invoke`.
    pub fn url(&self) -> &str {
        &self.shared.url
    }

    /// Ends every process and waits until they are gone. Pending invocations end with an error.
    pub async fn stop(&self) {
        self.shared.stop();
        self.shared.tasks.close();
        let _ = tokio::time::timeout(STOP_LIMIT, self.shared.tasks.wait()).await;
    }

    /// Ends every process without waiting until they are gone.
    pub fn kill(&self) {
        self.shared.stop();
    }

    /// The function with this name, id or binary name.
    fn called(&self, function: &str) -> Option<&Hosted> {
        self.function(*self.shared.names.get(function)?)
    }

    fn function(&self, index: usize) -> Option<&Hosted> {
        self.shared.functions.get(index)
    }
}

impl Shared {
    fn new(options: RuntimeOptions, url: String) -> anyhow::Result<Self> {
        let tasks = TaskTracker::new();
        let (mut functions, mut names) = (Vec::new(), HashMap::new());
        for (index, (function, executable)) in options.functions.into_iter().enumerate() {
            let arn = format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:{}", function.name);
            let configuration = configuration(&function, &arn);
            let arn = HeaderValue::try_from(arn)
                .with_context(|| format!("`{}` is no function name", function.name))?;
            let launcher = Launcher {
                function: function.binary.name.as_str().into(),
                environment: environment(&function, &executable, &options.environment),
                executable,
                runtime_api: format!("{url}/{index}"),
                logs: options.logs.clone(),
                tasks: tasks.clone(),
            };
            let reserved = function.reserved_concurrency;
            // A queue's consumers wait for a slow backend: as many processes as the mapping starts.
            let started_by_queues = function
                .queues
                .iter()
                .filter_map(|source| source.maximum_concurrency);
            let most = started_by_queues.fold(options.max_processes, usize::max);
            let limits = Limits {
                init: options.init_timeout,
                timeout: function.timeout,
                processes: reserved.unwrap_or(usize::MAX).min(most).max(1),
                reserved_concurrency: reserved,
            };
            functions.push(Hosted {
                pool: Arc::new(Pool::new(limits, launcher)),
                arn,
                configuration,
                alias: function.alias,
            });
            for name in [function.name, function.id, function.binary.name] {
                names.insert(name, index);
            }
        }
        Ok(Self {
            functions,
            names,
            url,
            tasks,
            cancelled: CancellationToken::new(),
        })
    }

    fn stop(&self) {
        for function in &self.functions {
            function.pool.stop();
        }
        self.cancelled.cancel();
    }
}

/// The part of a function's configuration that the template has: <https://docs.aws.amazon.com/lambda/latest/api/API_GetFunctionConfiguration.html>.
fn configuration(function: &Function, arn: &str) -> Value {
    json!({
        "FunctionName": function.name,
        "FunctionArn": arn,
        "Environment": { "Variables": function.environment },
        "MemorySize": function.memory_mb,
        "Timeout": function.timeout.as_secs(),
    })
}

async fn sweep(shared: Arc<Shared>) {
    let mut ticks = tokio::time::interval(SWEEP_EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    while shared.cancelled.run_until_cancelled(ticks.tick()).await.is_some() {
        let now = Instant::now();
        for function in &shared.functions {
            function.pool.sweep(now);
        }
    }
    // The last handle may be gone without `stop`; the processes go with it.
    shared.stop();
}

/// A request id as Lambda writes them: a random UUID, version 4.
pub(crate) fn new_request_id() -> String {
    uuid::Uuid::new_v4().to_string()
}
