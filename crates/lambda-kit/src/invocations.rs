//! Runs a function on `lambda_runtime`, one invocation after the other.
//!
//! `lambda_runtime` reads events, answers, reports errors and catches panics; only the loop that polls is ours. Its own one
//! (1.5) writes each trace id into the environment, where glibc keeps every value for good.

use std::cell::RefCell;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use futures_util::FutureExt;
use http_body_util::BodyExt;
use lambda_runtime::tower::ServiceExt;
use lambda_runtime::tower::layer::layer_fn;
use lambda_runtime::{
    Config, Context, Diagnostic, LambdaEvent, LambdaInvocation, Runtime, Service, service_fn,
};
use lambda_runtime_api_client::body::Body;
use lambda_runtime_api_client::{PooledClient, build_request};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::{Error, telemetry, trace};

/// Hands `function` one event after the other, until Lambda ends the process.
///
/// # Errors
/// Where Lambda's own interface fails. Never between an answer and the next poll, which would fail that invocation.
pub(crate) async fn run<R: Serialize>(
    function: impl AsyncFn(&str, Context) -> Result<R, Diagnostic>,
) -> Result<(), Error> {
    let function = &function;
    let handler = service_fn(move |event: LambdaEvent<Box<RawValue>>| async move {
        // Boxed: what a function does is a deep and large future.
        Box::pin(function(event.payload.get(), event.context)).await
    });
    // Takes the service out of the runtime that built it, and which does not run.
    let taken = RefCell::new(None);
    drop(Runtime::new(handler).layer(layer_fn(|service| {
        taken.replace(Some(service));
        service_fn(async |_: LambdaInvocation| Ok::<_, Error>(()))
    })));
    let mut service = taken.take().ok_or("a runtime has a service")?;
    let (lambda, config) = (PooledClient::builder().build(), Arc::new(Config::from_env()));
    loop {
        let invocation = next(&lambda, &config).await?;
        let trace = invocation.context.xray_trace_id.clone();
        let answered = service.ready().await?.call(invocation);
        if let Err(error) = trace::scope(trace, answered).await {
            tracing::error!(error = error.to_string(), "an answer did not reach Lambda");
        }
    }
}

async fn next(lambda: &PooledClient, config: &Arc<Config>) -> Result<LambdaInvocation, Error> {
    let ask = build_request().uri("/2018-06-01/runtime/invocation/next");
    let (parts, body) = lambda.call(ask.body(Body::empty())?).await?.into_parts();
    let body = body.collect().await?.to_bytes();
    let id = parts.headers.get("lambda-runtime-aws-request-id");
    let id = id.ok_or_else(|| format!("Lambda answers {} and no request id", parts.status))?;
    let context = Context::new(id.to_str()?, Arc::clone(config), &parts.headers)?;
    Ok(LambdaInvocation { parts, body, context })
}

/// Runs one piece of work, whose panic is its own failure and nobody else's; and how many milliseconds it took.
///
/// Boxed: a use case is a deep and large future. Nothing of it is seen after a panic but what is behind its own locks.
pub(crate) async fn guarded<F: Future>(work: Pin<Box<F>>) -> (Result<F::Output, Error>, f64) {
    let begun = Instant::now();
    let outcome = AssertUnwindSafe(work).catch_unwind().await;
    let outcome = outcome.map_err(|_| "a panic".into());
    (outcome, telemetry::milliseconds(begun))
}

/// Reads an event. What is wrong is reported by its place and never by its text, which may hold anything.
pub(crate) fn read<P: DeserializeOwned>(event: &str) -> Result<P, Diagnostic> {
    serde_json::from_str(event).map_err(|error| {
        let column = error.column();
        tracing::error!(column, "an event that cannot be read");
        failed(
            "Unreadable",
            format!("the event cannot be read from column {column} on"),
        )
    })
}

/// What Lambda is told of an invocation that failed.
pub(crate) fn failed(kind: &str, error_message: impl Into<String>) -> Diagnostic {
    let (error_type, error_message) = (kind.to_owned(), error_message.into());
    Diagnostic {
        error_type,
        error_message,
    }
}
