//! What the runtime promises: as many processes as needed, none left over, no invocation without an end.

use crate::probe::client;
use crate::{a_function, a_runtime, a_runtime_of};
use bytes::Bytes;
use sam_runner::runtime::{InvokeError, ProcessState, Runtime};
use sam_runner::template::Function;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

async fn invoke(runtime: &Runtime, event: Value) -> Result<Value, InvokeError> {
    let answer = runtime.invoke("probe", Bytes::from(event.to_string())).await?;
    Ok(serde_json::from_slice(&answer).expect("JSON"))
}

fn pid_of(answer: Result<Value, InvokeError>) -> u64 {
    answer.expect("an answer")["pid"].as_u64().expect("a pid")
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
    let (runtime, _) = a_runtime(vec![a_function("probe")]).await;
    assert_eq!(invoke(&runtime, json!({"n": 1})).await, Ok(json!({"n": 1})));
    for name in ["probeFunction", "test-probe"] {
        assert!(
            runtime.invoke(name, Bytes::from_static(b"{}")).await.is_ok(),
            "{name}"
        );
    }
    assert_eq!(
        runtime.invoke("nobody", Bytes::new()).await,
        Err(InvokeError::NoSuchFunction("nobody".into()))
    );
    assert_eq!(
        runtime.processes("probe").len(),
        1,
        "one after the other needs one process"
    );
}

#[tokio::test]
async fn concurrent_invocations_have_a_process_each_up_to_the_limit() {
    let (runtime, _) = a_runtime_of(vec![a_function("probe")], 3).await;
    let sleep = || invoke(&runtime, json!({"do": "sleep", "ms": 300}));
    let (a, b, c, d) = tokio::join!(sleep(), sleep(), sleep(), sleep());
    let pids: BTreeSet<u64> = [a, b, c, d].map(pid_of).into();
    assert_eq!(pids.len(), 3, "the fourth waits for one of the three");
    assert_eq!(runtime.processes("probe").len(), 3);
}

#[tokio::test]
async fn reserved_concurrency_refuses_what_is_beyond_it() {
    let function = Function {
        reserved_concurrency: Some(1),
        ..a_function("probe")
    };
    let (runtime, _) = a_runtime(vec![function]).await;
    let sleep = || invoke(&runtime, json!({"do": "sleep", "ms": 200}));
    let (first, second) = tokio::join!(sleep(), sleep());
    assert!(first.is_ok());
    assert_eq!(second, Err(InvokeError::Throttled));
    assert!(sleep().await.is_ok(), "room again");
}

#[tokio::test]
async fn a_crash_is_told_at_once_and_the_process_replaced() {
    let (runtime, logs) = a_runtime(vec![a_function("probe")]).await;
    for (cause, says) in [("exit", "exit status: 7"), ("abort", "signal: 6")] {
        let started = Instant::now();
        let Err(InvokeError::Exited(reason)) = invoke(&runtime, json!({"do": cause})).await else {
            panic!("{cause} must be reported")
        };
        assert!(reason.contains(says), "{reason}");
        assert!(started.elapsed() < Duration::from_secs(5));
        assert!(invoke(&runtime, json!({})).await.is_ok());
    }
    assert!(
        logs.recent()
            .iter()
            .any(|line| line.text.contains("ended while it worked on"))
    );
}

#[tokio::test]
async fn errors_and_panics_are_told_and_the_process_lives_on() {
    let (runtime, _) = a_runtime(vec![a_function("probe")]).await;
    let before = pid_of(invoke(&runtime, json!({"do": "sleep", "ms": 0})).await);
    for (cause, says) in [("fail", "not today"), ("panic", "out of beans")] {
        let Err(error @ InvokeError::Function { .. }) = invoke(&runtime, json!({"do": cause})).await else {
            panic!("{cause} must be reported")
        };
        assert!(error.to_string().contains(says), "{error}");
    }
    assert_eq!(
        pid_of(invoke(&runtime, json!({"do": "sleep", "ms": 0})).await),
        before
    );
}

#[tokio::test]
async fn an_invocation_that_takes_too_long_ends_with_its_process() {
    let function = Function {
        timeout: Duration::from_millis(300),
        ..a_function("probe")
    };
    let (runtime, _) = a_runtime(vec![function]).await;
    let pid = pid_of(invoke(&runtime, json!({"do": "sleep", "ms": 1})).await);
    let started = Instant::now();
    let late = invoke(&runtime, json!({"do": "sleep", "ms": 60_000})).await;
    assert_eq!(late, Err(InvokeError::TimedOut(Duration::from_millis(300))));
    assert!(started.elapsed() < Duration::from_secs(2));
    assert_ne!(
        pid_of(invoke(&runtime, json!({"do": "sleep", "ms": 0})).await),
        pid,
        "a new process"
    );
    assert!(!is_alive(u32::try_from(pid).expect("a pid")));
}

#[tokio::test]
async fn a_process_that_hangs_idle_costs_one_invocation() {
    let function = Function {
        timeout: Duration::from_millis(500),
        ..a_function("probe")
    };
    let (runtime, logs) = a_runtime(vec![function]).await;
    let pid = pid_of(invoke(&runtime, json!({"do": "linger"})).await);
    // It is idle for a moment and then takes this one with it.
    tokio::time::sleep(Duration::from_millis(100)).await;
    let lost = invoke(&runtime, json!({})).await;
    assert_eq!(lost, Err(InvokeError::TimedOut(Duration::from_millis(500))));
    assert_ne!(
        pid_of(invoke(&runtime, json!({"do": "sleep", "ms": 0})).await),
        pid
    );
    assert!(
        logs.recent()
            .iter()
            .any(|line| line.text.starts_with("Task timed out"))
    );
}

#[tokio::test]
async fn a_failed_start_is_reported_and_retried_with_back_off() {
    let mut function = a_function("probe");
    function.environment.insert("PROBE_INIT".into(), "fail".into());
    let (runtime, logs) = a_runtime(vec![function]).await;
    for _ in 0..20 {
        let Err(InvokeError::Init(reason)) = invoke(&runtime, json!({})).await else {
            panic!("must not start")
        };
        assert!(reason.contains("exit status: 3"), "{reason}");
        assert!(reason.contains("no configuration"), "{reason}");
    }
    let starts = logs
        .recent()
        .iter()
        .filter(|line| line.text.starts_with("did not start"))
        .count();
    assert!(starts < 10, "{starts} starts for 20 invocations");
}

#[tokio::test]
async fn a_missing_binary_is_told() {
    let logs = sam_runner::logs::Logs::to(sam_runner::logs::LogSink::Silent);
    let options = sam_runner::runtime::RuntimeOptions {
        functions: vec![(a_function("probe"), "/nowhere/probe".into())],
        port: 0,
        max_processes: 2,
        environment: std::collections::BTreeMap::new(),
        logs,
    };
    let runtime = Runtime::start(options).await.expect("a runtime");
    let Err(InvokeError::Init(reason)) = invoke(&runtime, json!({})).await else {
        panic!("must not start")
    };
    assert!(reason.contains("/nowhere/probe"), "{reason}");
}

#[tokio::test]
async fn a_process_that_hangs_at_its_start_is_given_up() {
    let mut function = a_function("probe");
    function.environment.insert("PROBE_INIT".into(), "hang".into());
    let (runtime, _) = a_runtime(vec![function]).await;
    let Err(InvokeError::Init(reason)) = invoke(&runtime, json!({})).await else {
        panic!("must not start")
    };
    assert!(reason.contains("asked for no event within 10 s"), "{reason}");
}

#[tokio::test]
async fn a_process_killed_while_idle_is_noticed() {
    let (runtime, logs) = a_runtime(vec![a_function("probe")]).await;
    assert!(invoke(&runtime, json!({})).await.is_ok());
    let process = runtime.processes("probe")[0];
    assert_eq!(process.state, ProcessState::Idle);
    assert!(process.init.is_some_and(|init| init < Duration::from_secs(5)));
    kill(process.pid);
    let told = logs
        .wait_for(Duration::from_secs(5), |line| line.text.contains("signal: 9"))
        .await;
    assert_eq!(told.expect("a line").pid, process.pid);
    assert!(invoke(&runtime, json!({})).await.is_ok());
}

#[tokio::test]
async fn stopping_leaves_no_process_and_no_one_waiting() {
    let (runtime, _) = a_runtime(vec![a_function("probe")]).await;
    let sleep = || invoke(&runtime, json!({"do": "sleep", "ms": 60_000}));
    let stop = async {
        while runtime
            .processes("probe")
            .iter()
            .filter(|process| process.state == ProcessState::Busy)
            .count()
            < 2
        {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let pids: Vec<u32> = runtime
            .processes("probe")
            .iter()
            .map(|process| process.pid)
            .collect();
        runtime.stop().await;
        pids
    };
    let (first, second, pids) = tokio::join!(sleep(), sleep(), stop);
    assert_eq!(
        (first, second),
        (Err(InvokeError::Stopping), Err(InvokeError::Stopping))
    );
    assert!(pids.into_iter().all(|pid| !is_alive(pid)));
    assert_eq!(invoke(&runtime, json!({})).await, Err(InvokeError::Stopping));
}

#[tokio::test]
async fn idle_processes_end_without_a_word() {
    let (runtime, logs) = a_runtime(vec![a_function("probe")]).await;
    for _ in 0..20 {
        let answers = [1, 2, 3].map(|n| invoke(&runtime, json!({"n": n})));
        futures_util::future::join_all(answers).await;
    }
    runtime.stop().await;
    let complaints = |line: &sam_runner::logs::LogLine| line.origin != sam_runner::logs::Origin::Stdout;
    let said: Vec<_> = logs
        .recent()
        .into_iter()
        .filter(|line| complaints(line))
        .collect();
    assert!(said.is_empty(), "{said:?}");
}

#[tokio::test]
async fn dropping_the_last_handle_ends_the_processes() {
    let (runtime, _) = a_runtime(vec![a_function("probe")]).await;
    assert!(invoke(&runtime, json!({})).await.is_ok());
    let pid = runtime.processes("probe")[0].pid;
    drop(runtime);
    let started = Instant::now();
    while is_alive(pid) {
        assert!(started.elapsed() < Duration::from_secs(5), "{pid} still lives");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn processes_have_lambdas_environment_and_nothing_of_ours() {
    let mut function = a_function("probe");
    function.environment.insert("OWN".into(), "value".into());
    let (runtime, _) = a_runtime(vec![function]).await;
    let environment = invoke(&runtime, json!({"do": "environment"}))
        .await
        .expect("an answer");
    assert_eq!(environment["AWS_LAMBDA_FUNCTION_NAME"], "test-probe");
    assert_eq!(environment["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"], "128");
    assert_eq!(environment["AWS_REGION"], "eu-central-1");
    assert_eq!(environment["SHARED"], "by all");
    assert_eq!(environment["OWN"], "value");
    for ours in ["HOME", "CARGO_MANIFEST_DIR", "USER"] {
        assert_eq!(environment[ours], Value::Null, "{ours}");
    }
}

#[tokio::test]
async fn events_carry_what_the_context_needs() {
    let (runtime, _) = a_runtime(vec![a_function("probe")]).await;
    let context = invoke(&runtime, json!({"do": "context"}))
        .await
        .expect("an answer");
    assert_eq!(context["request_id"].as_str().map(str::len), Some(36));
    assert_eq!(
        context["arn"],
        "arn:aws:lambda:eu-central-1:000000000000:function:test-probe"
    );
    assert!(
        context["trace"]
            .as_str()
            .is_some_and(|trace| trace.starts_with("Root=1-"))
    );
    let now = u64::try_from(jiff::Timestamp::now().as_millisecond()).expect("after 1970");
    let left = context["deadline"].as_u64().expect("a time") - now;
    assert!((10_000..=20_000).contains(&left), "{left} ms left");
}

#[tokio::test]
async fn what_a_function_writes_is_collected() {
    let (runtime, logs) = a_runtime(vec![a_function("probe")]).await;
    invoke(&runtime, json!({"do": "say", "text": "hello"}))
        .await
        .expect("an answer");
    let line = logs
        .wait_for(Duration::from_secs(5), |line| line.text == "hello")
        .await
        .expect("a line");
    assert_eq!(&*line.function, "probe");
}

#[tokio::test]
async fn payloads_beyond_lambdas_limit_are_refused() {
    let (runtime, _) = a_runtime(vec![a_function("probe")]).await;
    let large = Bytes::from(vec![b' '; 7 * 1024 * 1024]);
    assert_eq!(
        runtime.invoke("probe", large).await,
        Err(InvokeError::RequestTooLarge)
    );
    assert_eq!(
        invoke(&runtime, json!({"do": "large"})).await,
        Err(InvokeError::ResponseTooLarge)
    );
    assert!(
        invoke(&runtime, json!({})).await.is_ok(),
        "and the process lives on or is replaced"
    );
}

#[tokio::test]
async fn the_invoke_api_answers_as_lambda_does() {
    let (runtime, logs) = a_runtime(vec![a_function("probe")]).await;
    let client = client();
    let call = |name: &str, event: Value, kind: &'static str| {
        let url = format!("{}/2015-03-31/functions/{name}/invocations", runtime.url());
        client
            .post(url)
            .header("X-Amz-Invocation-Type", kind)
            .body(event.to_string())
            .send()
    };
    let answer = call("probe", json!({"n": 1}), "RequestResponse")
        .await
        .expect("an answer");
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.text().await.expect("a body"), r#"{"n":1}"#);
    let by_arn = "arn:aws:lambda:eu-central-1:000000000000:function:test-probe";
    assert_eq!(
        call(by_arn, json!({}), "RequestResponse")
            .await
            .expect("an answer")
            .status(),
        200
    );
    let failed = call("probe", json!({"do": "fail"}), "RequestResponse")
        .await
        .expect("an answer");
    assert_eq!(failed.status(), 200);
    assert_eq!(failed.headers()["x-amz-function-error"], "Unhandled");
    let later = call("probe", json!({"do": "say", "text": "later"}), "Event")
        .await
        .expect("an answer");
    assert_eq!(later.status(), 202);
    assert!(
        logs.wait_for(Duration::from_secs(5), |line| line.text == "later")
            .await
            .is_some()
    );
    let unknown = call("nobody", json!({}), "RequestResponse")
        .await
        .expect("an answer");
    assert_eq!(unknown.status(), 404);
    assert_eq!(unknown.headers()["x-amzn-errortype"], "ResourceNotFoundException");
}

#[tokio::test]
async fn a_functions_configuration_tells_what_it_works_with() {
    let mut function = a_function("probe");
    function.environment = [("TABLE".to_owned(), "orders".to_owned())].into();
    let (runtime, _) = a_runtime(vec![function]).await;
    let ask = async |name: &str| {
        let url = format!(
            "{}/2015-03-31/functions/{name}/configuration?Qualifier=live",
            runtime.url()
        );
        client().get(url).send().await.expect("an answer")
    };
    let answer = ask("test-probe").await.text().await.expect("a body");
    let answer: Value = serde_json::from_str(&answer).expect("JSON");
    assert_eq!(answer["FunctionName"], "test-probe");
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
