//! A function that does nothing: what starts slower, or answers slower, does so for what it does.

use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::{Value, json, value::RawValue};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    lambda_runtime::run(service_fn(answer)).await
}

/// Answers any event, unread.
async fn answer(_: LambdaEvent<Box<RawValue>>) -> Result<Value, Error> {
    Ok(json!({"statusCode": 200}))
}
