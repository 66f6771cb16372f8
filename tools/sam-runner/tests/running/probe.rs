//! The function that the tests of the runner and of `kontor` run: the test binary itself, started again with one test chosen.
//!
//! An event `{"do": ".."}` (or `do` in the query of a request) tells it what to do; `PROBE_INIT` in its environment lets its start fail.

use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::time::Duration;

/// An HTTP client. The first one chooses the TLS implementation that reqwest wants, even for plain HTTP.
pub(crate) fn client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::new()
}

/// A script that becomes this test binary with the one test chosen that is the function.
pub(crate) fn executable() -> PathBuf {
    let directory = tempfile::tempdir().expect("a directory").keep();
    let path = directory.join("probe");
    let mut file = std::fs::OpenOptions::new()
        .create_new(true)
        .write(true)
        .mode(0o755)
        .open(&path)
        .expect("a script");
    let binary = std::env::current_exe().expect("this binary");
    write!(
        file,
        "#!/bin/sh\nexec '{}' --exact probe::probe --nocapture --quiet\n",
        binary.display()
    )
    .expect("written");
    path
}

/// Passes at once when it runs as a test; is the function when the local world runs it.
#[test]
fn probe() {
    if std::env::var_os("AWS_LAMBDA_RUNTIME_API").is_none() {
        return;
    }
    match std::env::var("PROBE_INIT").as_deref() {
        Ok("fail") => {
            eprintln!("no configuration");
            std::process::exit(3);
        }
        Ok("hang") => std::thread::sleep(Duration::from_mins(10)),
        _ => {}
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let ended = runtime.block_on(lambda_runtime::run(service_fn(answer)));
    std::process::exit(i32::from(ended.is_err()));
}

async fn answer(event: LambdaEvent<Value>) -> Result<Value, Error> {
    let LambdaEvent { payload, context } = event;
    let ms = || Duration::from_millis(payload["ms"].as_u64().unwrap_or(3_000));
    if let Some(records) = payload["Records"].as_array() {
        return process_batch(records).await;
    }
    if payload["source"] == "aws.events" {
        println!("tick");
    }
    let in_query = &payload["queryStringParameters"]["do"];
    match payload["do"].as_str().or(in_query.as_str()).unwrap_or_default() {
        "sleep" => tokio::time::sleep(ms()).await,
        "exit" => std::process::exit(7),
        "abort" => std::process::abort(),
        "panic" => panic!("out of beans"),
        "fail" => return Err("not today".into()),
        "say" => {
            println!("{}", payload["text"].as_str().unwrap_or_default());
        }
        "linger" => {
            // Blocks this process's only thread once the answer is on its way.
            tokio::spawn(async {
                tokio::time::sleep(Duration::from_millis(20)).await;
                std::thread::sleep(Duration::from_mins(10));
            });
        }
        "large" => return Ok(Value::String("x".repeat(7 * 1024 * 1024))),
        "environment" => return Ok(std::env::vars().collect::<BTreeMap<_, _>>().into_iter().collect()),
        "context" => {
            return Ok(json!({
                "request_id": context.request_id,
                "arn": context.invoked_function_arn,
                "deadline": context.deadline,
                "trace": context.xray_trace_id,
            }));
        }
        _ => return Ok(payload),
    }
    Ok(json!({"pid": std::process::id()}))
}

/// Processes messages as their bodies say.
async fn process_batch(records: &[Value]) -> Result<Value, Error> {
    println!("batch of {}", records.len());
    let mut failures = Vec::new();
    for record in records {
        let body = record["body"].as_str().unwrap_or_default();
        println!("got {body}");
        match body.split(' ').next().unwrap_or_default() {
            "bad" => failures.push(json!({"itemIdentifier": record["messageId"]})),
            "fail" => return Err("not today".into()),
            "exit" => {
                // Time for the line above to be read.
                tokio::time::sleep(Duration::from_millis(50)).await;
                std::process::exit(7)
            }
            "slow" => tokio::time::sleep(Duration::from_millis(100)).await,
            _ => {}
        }
    }
    Ok(json!({"batchItemFailures": failures}))
}
