//! The clock: EventBridge rules of the kind `rate(..)`.
//!
//! A run that fails is logged and not repeated: the next one comes anyway.

use super::Surroundings;
use crate::runtime::{ACCOUNT, InvokeError, REGION, Runtime, new_request_id};
use crate::template::{Function, ScheduleSource};
use bytes::Bytes;
use jiff::Timestamp;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior};

/// An event that has waited this long for room is given up.
const OLDEST_EVENT: Duration = Duration::from_mins(1);
/// Between two attempts of an event that waits for room.
const TRY_AGAIN: Duration = Duration::from_millis(50);

/// Starts the function each time the rate says so, for the first time after one whole period.
pub(super) async fn run(function: Function, source: ScheduleSource, around: Surroundings) {
    let shown: Arc<str> = function.binary.name.as_str().into();
    let mut ticks = tokio::time::interval_at(Instant::now() + source.every, source.every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    while around.cancelled.run_until_cancelled(ticks.tick()).await.is_some() {
        let event = event(&function, &source, Timestamp::now());
        let (runtime, logs) = (around.runtime.clone(), around.logs.clone());
        let (name, shown) = (function.name.clone(), Arc::clone(&shown));
        // Invoked asynchronously, as by EventBridge: the next run does not wait for this one.
        around.tasks.spawn(async move {
            if let Err(error) = invoke(&runtime, &name, event).await {
                logs.platform(&shown, 0, format!("a scheduled run failed: {error}"));
            }
        });
    }
}

/// Invokes a function as Lambda's own queue for asynchronous events does: while there is no room for it, the event waits.
pub(super) async fn invoke(runtime: &Runtime, function: &str, event: Bytes) -> Result<Bytes, InvokeError> {
    let too_old = Instant::now() + OLDEST_EVENT;
    loop {
        match runtime.invoke(function, event.clone()).await {
            Err(InvokeError::Throttled) if Instant::now() < too_old => tokio::time::sleep(TRY_AGAIN).await,
            ended => return ended,
        }
    }
}

/// The event that EventBridge sends: the template's `Input`, or the one of a scheduled rule.
pub(super) fn event(function: &Function, source: &ScheduleSource, at: Timestamp) -> Bytes {
    if let Some(input) = &source.input {
        return input.clone().into();
    }
    let rule = format!("{}{}", function.id, source.id);
    let event = json!({
        "version": "0",
        "id": new_request_id(),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": ACCOUNT,
        // Whole seconds, as EventBridge has them.
        "time": at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        "region": REGION,
        "resources": [format!("arn:aws:events:{REGION}:{ACCOUNT}:rule/{rule}")],
        "detail": {},
    });
    event.to_string().into()
}
