//! What the runtime promises: as many processes as needed, none left over, no invocation without an end.

use crate::probe::client;
use crate::{a_function, a_runtime_of};
use bytes::Bytes;
use data_encoding::BASE64;
use sam_runner::logs::{LogLine, LogSink, Logs, Origin};
use sam_runner::runtime::{INIT_TIMEOUT, InvokeError, ProcessInfo, ProcessState, Runtime, RuntimeOptions};
use sam_runner::template::Function;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A runtime and what its functions write.
struct Rig {
    runtime: Runtime,
    logs: Logs,
}

impl Rig {
    /// With one function, which tests change as they need it.
    async fn with(change: impl FnOnce(&mut Function)) -> Self {
        Self::of(4, change).await
    }

    /// With a variable in the function's environment.
    async fn set(variable: &str, value: &str) -> Self {
        let variable = (variable.to_owned(), value.to_owned());
        Self::with(|function| function.environment = [variable].into()).await
    }

    async fn of(max_processes: usize, change: impl FnOnce(&mut Function)) -> Self {
        let mut function = a_function("probe");
        change(&mut function);
        let (runtime, logs) = a_runtime_of(vec![function], max_processes).await;
        Self { runtime, logs }
    }

    async fn invoke(&self, event: Value) -> Result<Value, InvokeError> {
        invoke(&self.runtime, event).await
    }

    /// The process that works on an event for so long.
    async fn sleep(&self, ms: u32) -> Result<u64, InvokeError> {
        let answer = self.invoke(json!({"do": "sleep", "ms": ms})).await?;
        Ok(answer["pid"].as_u64().expect("a pid"))
    }

    /// Why the function does not start.
    async fn init_error(&self) -> String {
        match self.invoke(json!({})).await {
            Err(InvokeError::Init(reason)) => reason,
            other => panic!("must not start: {other:?}"),
        }
    }

    fn processes(&self) -> Vec<ProcessInfo> {
        self.runtime.processes("probe")
    }

    fn lines_with(&self, text: &str) -> usize {
        let lines = self.logs.recent();
        lines.iter().filter(|line| line.text.contains(text)).count()
    }

    async fn line(&self, text: &str) -> Arc<LogLine> {
        let line = self
            .logs
            .wait_for(Duration::from_secs(5), |line| line.text.contains(text));
        line.await.expect("a line")
    }
}

fn as_it_is(_: &mut Function) {}

async fn invoke(runtime: &Runtime, event: Value) -> Result<Value, InvokeError> {
    let answer = runtime.invoke("probe", Bytes::from(event.to_string())).await?;
    Ok(serde_json::from_slice(&answer).expect("JSON"))
}

fn is_alive(pid: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    !status.is_empty() && !status.contains(") Z")
}

fn kill(pid: u32) {
    let done = std::process::Command::new("kill")
        .args(["-9", &pid.to_string()])
        .status();
    assert!(done.expect("kill").success());
}

#[tokio::test]
async fn an_event_comes_back_from_the_function() {
    let rig = Rig::with(as_it_is).await;
    assert_eq!(rig.invoke(json!({"n": 1})).await, Ok(json!({"n": 1})));
    for name in ["probeFunction", "test-probe"] {
        let answer = rig.runtime.invoke(name, Bytes::from_static(b"{}")).await;
        assert!(answer.is_ok(), "{name}");
    }
    let unknown = rig.runtime.invoke("nobody", Bytes::new()).await;
    assert_eq!(unknown, Err(InvokeError::NoSuchFunction("nobody".into())));
    assert_eq!(rig.processes().len(), 1, "one after the other needs one process");
}

#[tokio::test]
async fn concurrent_invocations_have_a_process_each_up_to_the_limit() {
    let rig = Rig::of(3, as_it_is).await;
    let (a, b, c, d) = tokio::join!(rig.sleep(300), rig.sleep(300), rig.sleep(300), rig.sleep(300));
    let pids = BTreeSet::from([a, b, c, d].map(|pid| pid.expect("an answer")));
    assert_eq!(pids.len(), 3, "the fourth waits for one of the three");
    assert_eq!(rig.processes().len(), 3);
}

#[tokio::test]
async fn reserved_concurrency_refuses_what_is_beyond_it() {
    let rig = Rig::with(|function| function.reserved_concurrency = Some(1)).await;
    let (first, second) = tokio::join!(rig.sleep(200), rig.sleep(200));
    assert!(first.is_ok());
    assert_eq!(second, Err(InvokeError::Throttled));
    assert!(rig.sleep(200).await.is_ok(), "room again");
}

#[tokio::test]
async fn a_crash_is_told_at_once_and_the_process_replaced() {
    let rig = Rig::with(as_it_is).await;
    for (cause, says) in [("exit", "exit status: 7"), ("abort", "signal: 6")] {
        let started = Instant::now();
        let Err(InvokeError::Exited(reason)) = rig.invoke(json!({"do": cause})).await else {
            panic!("{cause} must be reported")
        };
        assert!(reason.contains(says), "{reason}");
        assert!(started.elapsed() < Duration::from_secs(5));
        assert!(rig.invoke(json!({})).await.is_ok());
    }
    assert!(rig.lines_with("ended while it worked on") > 0);
}

#[tokio::test]
async fn errors_and_panics_are_told_and_the_process_lives_on() {
    let rig = Rig::with(as_it_is).await;
    let before = rig.sleep(0).await;
    for (cause, says) in [("fail", "not today"), ("panic", "out of beans")] {
        let Err(error @ InvokeError::Function { .. }) = rig.invoke(json!({"do": cause})).await else {
            panic!("{cause} must be reported")
        };
        assert!(error.to_string().contains(says), "{error}");
    }
    assert_eq!(rig.sleep(0).await, before);
}

#[tokio::test]
async fn an_invocation_that_takes_too_long_ends_with_its_process() {
    let limit = Duration::from_millis(300);
    let rig = Rig::with(|function| function.timeout = limit).await;
    let pid = rig.sleep(1).await.expect("an answer");
    let started = Instant::now();
    assert_eq!(rig.sleep(60_000).await, Err(InvokeError::TimedOut(limit)));
    assert!(started.elapsed() < Duration::from_secs(2));
    assert_ne!(rig.sleep(0).await, Ok(pid), "a new process");
    assert!(!is_alive(u32::try_from(pid).expect("a pid")));
}

#[tokio::test]
async fn a_process_that_hangs_idle_costs_one_invocation() {
    let limit = Duration::from_millis(500);
    let rig = Rig::with(|function| function.timeout = limit).await;
    let pid = rig.invoke(json!({"do": "linger"})).await.expect("an answer")["pid"].as_u64();
    // It is idle for a moment and then takes this one with it.
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(rig.invoke(json!({})).await, Err(InvokeError::TimedOut(limit)));
    assert_ne!(rig.sleep(0).await.ok(), pid);
    assert!(rig.lines_with("Task timed out") > 0);
}

#[tokio::test]
async fn a_failed_start_is_reported_and_retried_with_back_off() {
    let rig = Rig::set("PROBE_INIT", "fail").await;
    for _ in 0..20 {
        let reason = rig.init_error().await;
        assert!(reason.contains("exit status: 3"), "{reason}");
        assert!(reason.contains("no configuration"), "{reason}");
    }
    let starts = rig.lines_with("did not start");
    assert!(starts < 10, "{starts} starts for 20 invocations");
}

#[tokio::test]
async fn a_missing_binary_is_told() {
    let logs = Logs::to(LogSink::Silent);
    let options = RuntimeOptions {
        functions: vec![(a_function("probe"), "/nowhere/probe".into())],
        port: 0,
        max_processes: 2,
        init_timeout: INIT_TIMEOUT,
        environment: BTreeMap::new(),
        logs: logs.clone(),
    };
    let runtime = Runtime::start(options).await.expect("a runtime");
    let reason = Rig { runtime, logs }.init_error().await;
    assert!(reason.contains("/nowhere/probe"), "{reason}");
}

#[tokio::test]
async fn a_process_that_hangs_at_its_start_is_given_up() {
    let rig = Rig::set("PROBE_INIT", "hang").await;
    let reason = rig.init_error().await;
    assert!(reason.contains("asked for no event within 10 s"), "{reason}");
}

#[tokio::test]
async fn a_process_killed_while_idle_is_noticed() {
    let rig = Rig::with(as_it_is).await;
    assert!(rig.invoke(json!({})).await.is_ok());
    let process = rig.processes()[0];
    assert_eq!(process.state, ProcessState::Idle);
    assert!(process.init.is_some_and(|init| init < Duration::from_secs(5)));
    kill(process.pid);
    assert_eq!(rig.line("signal: 9").await.pid, process.pid);
    assert!(rig.invoke(json!({})).await.is_ok());
}

#[tokio::test]
async fn stopping_leaves_no_process_and_no_one_waiting() {
    let rig = Rig::with(as_it_is).await;
    let stop = async {
        let is_busy = |process: &ProcessInfo| process.state == ProcessState::Busy;
        while rig.processes().into_iter().filter(is_busy).count() < 2 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let processes = rig.processes();
        rig.runtime.stop().await;
        processes
    };
    let (first, second, processes) = tokio::join!(rig.sleep(60_000), rig.sleep(60_000), stop);
    let stopping = InvokeError::Stopping;
    assert_eq!((first, second), (Err(stopping.clone()), Err(stopping.clone())));
    assert!(processes.iter().all(|process| !is_alive(process.pid)));
    assert_eq!(rig.invoke(json!({})).await, Err(stopping));
}

#[tokio::test]
async fn idle_processes_end_without_a_word() {
    let rig = Rig::with(as_it_is).await;
    for _ in 0..20 {
        let answers = [1, 2, 3].map(|n| rig.invoke(json!({"n": n})));
        futures_util::future::join_all(answers).await;
    }
    rig.runtime.stop().await;
    let mut said = rig.logs.recent();
    said.retain(|line| line.origin != Origin::Stdout);
    assert!(said.is_empty(), "{said:?}");
}

#[tokio::test]
async fn dropping_the_last_handle_ends_the_processes() {
    let rig = Rig::with(as_it_is).await;
    assert!(rig.invoke(json!({})).await.is_ok());
    let pid = rig.processes()[0].pid;
    drop(rig);
    let started = Instant::now();
    while is_alive(pid) {
        assert!(started.elapsed() < Duration::from_secs(5), "{pid} still lives");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn processes_have_lambdas_environment_and_nothing_of_ours() {
    let rig = Rig::set("OWN", "value").await;
    let environment = rig.invoke(json!({"do": "environment"})).await.expect("an answer");
    for (name, value) in [
        ("AWS_LAMBDA_FUNCTION_NAME", json!("test-probe")),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", json!("128")),
        ("AWS_REGION", json!("eu-central-1")),
        ("SHARED", json!("by all")),
        ("OWN", json!("value")),
        ("HOME", Value::Null),
        ("CARGO_MANIFEST_DIR", Value::Null),
        ("USER", Value::Null),
    ] {
        assert_eq!(environment[name], value, "{name}");
    }
}

#[tokio::test]
async fn events_carry_what_the_context_needs() {
    let rig = Rig::with(as_it_is).await;
    let context = rig.invoke(json!({"do": "context"})).await.expect("an answer");
    assert_eq!(context["request_id"].as_str().map(str::len), Some(36));
    let arn = "arn:aws:lambda:eu-central-1:000000000000:function:test-probe";
    assert_eq!(context["arn"], arn);
    let trace = context["trace"].as_str();
    assert!(trace.is_some_and(|trace| trace.starts_with("Root=1-")));
    let now = u64::try_from(jiff::Timestamp::now().as_millisecond()).expect("after 1970");
    let left = context["deadline"].as_u64().expect("a time") - now;
    assert!((10_000..=20_000).contains(&left), "{left} ms left");
}

#[tokio::test]
async fn what_a_function_writes_is_collected() {
    let rig = Rig::with(as_it_is).await;
    let said = rig.invoke(json!({"do": "say", "text": "hello"})).await;
    assert!(said.is_ok());
    assert_eq!(&*rig.line("hello").await.function, "probe");
}

#[tokio::test]
async fn payloads_beyond_lambdas_limit_are_refused() {
    let rig = Rig::with(as_it_is).await;
    let large = Bytes::from(vec![b' '; 7 * 1024 * 1024]);
    let refused = rig.runtime.invoke("probe", large).await;
    assert_eq!(refused, Err(InvokeError::RequestTooLarge));
    let refused = rig.invoke(json!({"do": "large"})).await;
    assert_eq!(refused, Err(InvokeError::ResponseTooLarge));
    let after = rig.invoke(json!({})).await;
    assert!(after.is_ok(), "and the process lives on or is replaced");
}

#[tokio::test]
async fn the_invoke_api_answers_as_lambda_does() {
    let rig = Rig::with(as_it_is).await;
    let call = async |name: &str, kind: &'static str, event: Value| {
        let url = format!("{}/2015-03-31/functions/{name}/invocations", rig.runtime.url());
        let request = client().post(url).header("X-Amz-Invocation-Type", kind);
        request.body(event.to_string()).send().await.expect("an answer")
    };
    let now = "RequestResponse";
    let answer = call("probe", now, json!({"n": 1})).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["x-amz-executed-version"], "$LATEST");
    assert_eq!(answer.text().await.expect("a body"), r#"{"n":1}"#);
    let by_arn = "arn:aws:lambda:eu-central-1:000000000000:function:test-probe";
    assert_eq!(call(by_arn, now, json!({})).await.status(), 200);
    let failed = call("probe", now, json!({"do": "fail"})).await;
    assert_eq!(failed.status(), 200);
    assert_eq!(failed.headers()["x-amz-function-error"], "Unhandled");
    let later = call("probe", "Event", json!({"do": "say", "text": "later"})).await;
    assert_eq!(later.status(), 202);
    rig.line("later").await;
    let unknown = call("nobody", now, json!({})).await;
    assert_eq!(unknown.status(), 404);
    assert_eq!(unknown.headers()["x-amzn-errortype"], "ResourceNotFoundException");
}

#[tokio::test]
async fn an_invocation_shows_its_log_and_its_version() {
    let rig = Rig::with(as_it_is).await;
    let call = async |path: &str, event: Value| {
        let url = format!("{}/2015-03-31/functions/{path}", rig.runtime.url());
        let request = client().post(url).header("X-Amz-Log-Type", "Tail");
        let answer = request.body(event.to_string()).send().await.expect("an answer");
        let header = |name: &str| {
            let value = answer.headers().get(name)?;
            Some(value.to_str().expect("text").to_owned())
        };
        (header("x-amz-executed-version"), header("x-amz-log-result"))
    };
    let say = |text: &str| json!({"do": "say", "text": text});
    call("probe/invocations", say("an earlier one")).await;
    let (version, log) = call("probe:live/invocations", say("hello")).await;
    assert_eq!(version.as_deref(), Some("1"));
    let read = |log: Option<String>| BASE64.decode(log.expect("a log").as_bytes()).expect("base64");
    assert_eq!(String::from_utf8(read(log)).expect("UTF-8"), "hello\n");
    let (version, log) = call("probe/invocations?Qualifier=1", say(&"x".repeat(5_000))).await;
    assert_eq!((version.as_deref(), read(log).len()), (Some("1"), 4096));
    let (version, log) = call("probe/invocations?Qualifier=$LATEST", json!({"do": "abort"})).await;
    assert_eq!(version.as_deref(), Some("$LATEST"));
    let log = String::from_utf8(read(log)).expect("UTF-8");
    assert!(log.contains("signal: 6"), "{log}");
    assert_eq!(call("probe:next/invocations", json!({})).await, (None, None));
}

#[tokio::test]
async fn a_functions_configuration_tells_what_it_works_with() {
    let rig = Rig::set("TABLE", "orders").await;
    let url = format!("{}/2015-03-31/functions", rig.runtime.url());
    let ask = async |name: &str| {
        let url = format!("{url}/{name}/configuration?Qualifier=live");
        client().get(url).send().await.expect("an answer")
    };
    let answer = ask("test-probe").await.text().await.expect("a body");
    let answer: Value = serde_json::from_str(&answer).expect("JSON");
    assert_eq!(answer["FunctionName"], "test-probe");
    assert_eq!(answer["Version"], "1");
    assert_eq!(answer["Environment"]["Variables"], json!({"TABLE": "orders"}));
    let unknown = ask("nobody").await;
    assert_eq!(unknown.status(), 404);
    assert_eq!(unknown.headers()["x-amzn-errortype"], "ResourceNotFoundException");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousands_of_invocations_all_come_back() {
    let (runtime, _) = a_runtime_of(vec![a_function("probe")], 2).await;
    let one_client = |client: u64| {
        let runtime = runtime.clone();
        tokio::spawn(async move {
            for number in 0..250 {
                let event = json!({"client": client, "number": number});
                assert_eq!(invoke(&runtime, event.clone()).await, Ok(event));
            }
        })
    };
    let started = Instant::now();
    let clients: Vec<_> = (0..8).map(one_client).collect();
    for client in clients {
        client.await.expect("every answer its own");
    }
    println!("{:.0} invocations/s", 2000.0 / started.elapsed().as_secs_f64());
}
