//! What starts a function: a route, a queue or the clock.

use super::{Properties, Result};
use std::time::Duration;

/// A route of the HTTP API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The method it answers.
    pub method: RouteMethod,
    /// The path with its placeholders, for instance `/api/products/{sku}`; `$default` for whatever no other route answers.
    pub path: String,
}

/// The method of a route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RouteMethod {
    /// Any method.
    Any,
    /// One method, in capitals.
    Only(String),
}

/// A queue whose messages start the function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueSource {
    /// Name of the event in the template.
    pub id: String,
    /// Name of the queue.
    pub queue: String,
    /// ARN of the queue, as the template says it.
    pub queue_arn: String,
    /// Most messages an invocation gets.
    pub batch_size: usize,
    /// How long a batch may wait to fill up.
    pub window: Duration,
    /// Most invocations at once; `None` leaves it to the function's own limit.
    pub maximum_concurrency: Option<usize>,
    /// `FunctionResponseTypes: [ReportBatchItemFailures]`: the answer names the messages that failed.
    pub reports_failures: bool,
}

/// A clock that starts the function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduleSource {
    /// Name of the event in the template.
    pub id: String,
    /// Time between two starts.
    pub every: Duration,
    /// The event to send, when the template gives one (`Input`): a JSON text.
    pub input: Option<String>,
}

/// All events of a function.
#[derive(Debug, Default)]
pub(super) struct Events {
    pub(super) routes: Vec<Route>,
    pub(super) queues: Vec<QueueSource>,
    pub(super) schedules: Vec<ScheduleSource>,
}

impl Events {
    /// Reads the map under `Events`.
    pub(super) fn read(events: &Properties) -> Result<Self> {
        let mut read = Self::default();
        for id in events.names() {
            let event = events.section(id)?;
            let properties = event.section("Properties")?;
            match event.required_text("Type")?.as_str() {
                "HttpApi" => read.routes.push(route(&properties)?),
                "SQS" => read.queues.extend(queue(id, &properties)?),
                "Schedule" => read.schedules.extend(schedule(id, &properties)?),
                other => {
                    let problem = format!(
                        "the local world starts functions by HttpApi, SQS and Schedule, not by `{other}`"
                    );
                    return Err(event.fault("Type", problem));
                }
            }
        }
        Ok(read)
    }
}

fn route(properties: &Properties) -> Result<Route> {
    let method = match properties.text("Method")?.map(|method| method.to_uppercase()) {
        None => RouteMethod::Any,
        Some(method) if method == "ANY" || method == "*" || method == "X-AMAZON-APIGATEWAY-ANY-METHOD" => {
            RouteMethod::Any
        }
        Some(method) => RouteMethod::Only(method),
    };
    let path = properties.text("Path")?.unwrap_or_else(|| "$default".to_owned());
    if path != "$default" && !path.starts_with('/') {
        return Err(properties.fault("Path", format!("`{path}` must begin with a slash")));
    }
    Ok(Route { method, path })
}

fn queue(id: &str, properties: &Properties) -> Result<Option<QueueSource>> {
    if !properties.flag("Enabled", true)? {
        return Ok(None);
    }
    if properties.contains("FilterCriteria") {
        return Err(properties.fault(
            "FilterCriteria",
            "is not known to the local world; filter in the function",
        ));
    }
    let queue_arn = properties.required_text("Queue")?;
    let name = queue_arn
        .rsplit(':')
        .next()
        .filter(|_| queue_arn.starts_with("arn:aws:sqs:"));
    let queue = name
        .ok_or_else(|| properties.fault("Queue", "must be a queue's ARN: `!GetAtt TheQueue.Arn`"))?
        .to_owned();
    let window = properties
        .seconds("MaximumBatchingWindowInSeconds")?
        .unwrap_or_default();
    let batch_size = properties.number("BatchSize")?.unwrap_or(10);
    let most = if window.is_zero() { 10 } else { 10_000 };
    if !(1..=most).contains(&batch_size) {
        return Err(properties.fault(
            "BatchSize",
            format!("must be 1 to {most} (more than 10 needs a batching window)"),
        ));
    }
    let maximum_concurrency = properties
        .section("ScalingConfig")?
        .number("MaximumConcurrency")?;
    if maximum_concurrency.is_some_and(|most| !(2..=1000).contains(&most)) {
        return Err(properties.fault("ScalingConfig.MaximumConcurrency", "must be 2 to 1000"));
    }
    let reports_failures = properties
        .texts("FunctionResponseTypes")?
        .iter()
        .any(|kind| kind == "ReportBatchItemFailures");
    Ok(Some(QueueSource {
        id: id.to_owned(),
        queue,
        queue_arn,
        batch_size: batch_size as usize,
        window,
        maximum_concurrency: maximum_concurrency.map(|most| most as usize),
        reports_failures,
    }))
}

fn schedule(id: &str, properties: &Properties) -> Result<Option<ScheduleSource>> {
    let on = properties.flag("Enabled", true)? && properties.text("State")?.as_deref() != Some("DISABLED");
    if !on {
        return Ok(None);
    }
    let expression = properties.required_text("Schedule")?;
    let every = rate(&expression).ok_or_else(|| {
        properties.fault(
            "Schedule",
            format!("`{expression}`: the local world knows rate(N minutes|hours|days) only"),
        )
    })?;
    Ok(Some(ScheduleSource {
        id: id.to_owned(),
        every,
        input: properties.text("Input")?,
    }))
}

/// `rate(5 minutes)` as a duration. `EventBridge` wants the singular with 1 and the plural otherwise.
fn rate(expression: &str) -> Option<Duration> {
    let inner = expression.trim().strip_prefix("rate(")?.strip_suffix(')')?;
    let (count, unit) = inner.trim().split_once(' ')?;
    let count: u64 = count.parse().ok().filter(|count| *count > 0)?;
    let seconds = match (unit.trim(), count) {
        ("minute", 1) | ("minutes", 2..) => 60,
        ("hour", 1) | ("hours", 2..) => 3600,
        ("day", 1) | ("days", 2..) => 86400,
        _ => return None,
    };
    count.checked_mul(seconds).map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn read(events: Value) -> Result<Events> {
        let Value::Object(events) = events else {
            panic!("a map")
        };
        Events::read(&Properties::new("Events", events))
    }

    #[test]
    fn each_kind_of_event_is_read() {
        let events = read(json!({
            "List": {"Type": "HttpApi", "Properties": {"Method": "get", "Path": "/api/products"}},
            "Rest": {"Type": "HttpApi"},
            "Paid": {"Type": "SQS", "Properties": {"Queue": "arn:aws:sqs:eu-central-1:0:orders", "BatchSize": "5",
                "FunctionResponseTypes": ["ReportBatchItemFailures"], "ScalingConfig": {"MaximumConcurrency": "4"}}},
            "Off": {"Type": "SQS", "Properties": {"Queue": "arn:aws:sqs:eu-central-1:0:orders", "Enabled": false}},
            "Minute": {"Type": "Schedule", "Properties": {"Schedule": "rate(1 minute)"}},
        }))
        .expect("events");
        let route = |method, path: &str| Route {
            method,
            path: path.to_owned(),
        };
        let get = route(RouteMethod::Only("GET".into()), "/api/products");
        assert_eq!(events.routes, [get, route(RouteMethod::Any, "$default")]);
        assert_eq!(
            events.queues,
            [QueueSource {
                id: "Paid".into(),
                queue: "orders".into(),
                queue_arn: "arn:aws:sqs:eu-central-1:0:orders".into(),
                batch_size: 5,
                window: Duration::ZERO,
                maximum_concurrency: Some(4),
                reports_failures: true,
            }]
        );
        assert_eq!(events.schedules[0].every, Duration::from_mins(1));
    }

    #[test]
    fn what_lambda_would_refuse_is_refused_with_its_place() {
        let arn = "arn:aws:sqs:r:0:q";
        for (kind, properties, says) in [
            (
                "SQS",
                json!({"Queue": arn, "BatchSize": 11}),
                "E.Properties.BatchSize: must be 1 to 10 (more",
            ),
            (
                "SQS",
                json!({"Queue": arn, "ScalingConfig": {"MaximumConcurrency": 1}}),
                "must be 2 to 1000",
            ),
            (
                "SQS",
                json!({"Queue": arn, "FilterCriteria": {}}),
                "filter in the function",
            ),
            ("SQS", json!({"Queue": "http://x/q"}), "must be a queue's ARN"),
            (
                "S3",
                json!({}),
                "Events.E.Type: the local world starts functions by HttpApi, SQS and",
            ),
            ("HttpApi", json!({"Path": "api"}), "begin with a slash"),
        ] {
            let refused = read(json!({"E": {"Type": kind, "Properties": properties}}));
            let fault = refused.expect_err(says).to_string();
            assert!(fault.contains(says), "{fault}");
        }
    }

    #[test]
    fn a_rate_is_singular_with_one_and_plural_otherwise() {
        for (right, minutes) in [
            ("1 minute", 1),
            ("5 minutes", 5),
            ("1 hour", 60),
            ("2 days", 2880),
        ] {
            let every = Some(Duration::from_mins(minutes));
            assert_eq!(rate(&format!("rate({right})")), every, "{right}");
        }
        for wrong in [
            "rate(1 minutes)",
            "rate(5 minute)",
            "rate(0 minutes)",
            "rate(x)",
            "cron(0 12 * * ? *)",
            "1 minute",
        ] {
            assert_eq!(rate(wrong), None, "{wrong}");
        }
    }
}
