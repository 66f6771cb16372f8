//! The runner from outside, with a small function of its own.

mod gateway;
mod probe;
mod runtime;
mod sources;

use probe::executable;
use sam_runner::logs::{LogSink, Logs};
use sam_runner::runtime::{INIT_TIMEOUT, Runtime, RuntimeOptions};
use sam_runner::template::{Binary, Function, Role};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// A function of its own, with limits that suit most tests.
fn a_function(name: &str) -> Function {
    Function {
        id: format!("{name}Function"),
        name: format!("test-{name}"),
        binary: Binary {
            name: name.to_owned(),
            source: PathBuf::new(),
        },
        alias: Some("live".to_owned()),
        timeout: Duration::from_secs(20),
        memory_mb: 128,
        environment: BTreeMap::new(),
        role: Role::default(),
        reserved_concurrency: None,
        routes: Vec::new(),
        queues: Vec::new(),
        schedules: Vec::new(),
    }
}

/// The functions as processes of this test binary, and what they write.
async fn a_runtime(functions: Vec<Function>) -> (Runtime, Logs) {
    a_runtime_of(functions, 4).await
}

async fn a_runtime_of(functions: Vec<Function>, max_processes: usize) -> (Runtime, Logs) {
    let logs = Logs::to(LogSink::Silent);
    let executable = executable();
    let options = RuntimeOptions {
        functions: functions
            .into_iter()
            .map(|function| (function, executable.clone()))
            .collect(),
        port: 0,
        max_processes,
        init_timeout: INIT_TIMEOUT,
        environment: BTreeMap::from([("SHARED".to_owned(), "by all".to_owned())]),
        logs: logs.clone(),
    };
    (Runtime::start(options).await.expect("a runtime"), logs)
}
