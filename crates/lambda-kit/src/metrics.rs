//! Metrics for CloudWatch: lines on standard output, in its embedded metric format
//! (docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html).
//!
//! The serve loops measure duration, failures and cold starts of each operation; handlers add the figures of their trade, which are
//! never personal data and never an id. CloudWatch bills bytes, and each hour in which a metric has a value. Therefore a line has
//! two directives, by operation and of all; counts of zero are not emitted; and the duration of a warm run that has nothing else to
//! tell is gathered for a minute. The last of them may be lost with the process.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::Future;
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::{Value, json};

use crate::{clock, telemetry};

/// The most values of one metric that CloudWatch reads from a line.
const MOST_VALUES: usize = 100;
/// The longest time that durations are gathered.
const GATHERING: Duration = Duration::from_mins(1);

/// The durations that no line has yet, in milliseconds, and since when they are gathered; by operation.
static GATHERED: Mutex<BTreeMap<String, (Instant, Vec<f64>)>> = Mutex::new(BTreeMap::new());
/// Where the figures belong; without it none are written.
static NAMESPACE: OnceLock<String> = OnceLock::new();

tokio::task_local! {
    static FIGURES: RefCell<Figures>;
}

/// What a value counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "they are CloudWatch's own")]
pub enum Unit {
    Count,
    Milliseconds,
    Seconds,
    /// Something that CloudWatch has no unit for, such as money.
    None,
}

/// What was recorded in one invocation: name, unit and values of each metric.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures(Vec<(&'static str, Unit, Vec<i64>)>);

impl Figures {
    /// The values of a metric in the order of recording; none where it was not recorded.
    pub fn of(&self, name: &str) -> &[i64] {
        let figure = self.0.iter().find(|figure| figure.0 == name);
        figure.map_or(&[], |figure| &figure.2)
    }

    /// Whether nothing was recorded.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn add_outcome(&mut self, failures: usize, cold: bool) {
        for (name, count) in [("Failures", failures), ("ColdStarts", usize::from(cold))] {
            if count > 0 {
                self.add(name, Unit::Count, i64::try_from(count).unwrap_or(i64::MAX));
            }
        }
    }

    fn add(&mut self, name: &'static str, unit: Unit, value: i64) {
        match self.0.iter_mut().find(|figure| figure.0 == name) {
            None => self.0.push((name, unit, vec![value])),
            Some((_, Unit::Count, values)) => values[0] += value,
            Some((.., values)) if values.len() < MOST_VALUES => values.push(value),
            Some(_) => {}
        }
    }
}

/// Counts `times` more of something in this invocation; none at all is not emitted.
pub fn count(name: &'static str, times: u32) {
    if times > 0 {
        record(name, Unit::Count, i64::from(times));
    }
}

/// Records a value in this invocation. Counts of one name add up; of other units each value is kept, up to a hundred.
pub fn record(name: &'static str, unit: Unit, value: i64) {
    let _outside_any_invocation = FIGURES.try_with(|figures| figures.borrow_mut().add(name, unit, value));
}

/// Runs `work`, and returns what it recorded beside its output.
pub async fn collect<F: Future>(work: F) -> (F::Output, Figures) {
    let collected = async { (work.await, FIGURES.with(RefCell::take)) };
    FIGURES.scope(RefCell::default(), collected).await
}

/// From now on figures are written, under this namespace.
pub(crate) fn open(namespace: String) {
    // A second call in one process is a test's.
    let _ = NAMESPACE.set(namespace);
}

/// Runs one invocation and writes its figures. `failures` says how much of it failed.
pub(crate) async fn measured<T>(
    operation: &str,
    failures: impl FnOnce(&T) -> usize,
    work: impl Future<Output = T>,
) -> T {
    static WARM: AtomicBool = AtomicBool::new(false);
    let begun = Instant::now();
    let (outcome, mut figures) = collect(work).await;
    figures.add_outcome(failures(&outcome), !WARM.swap(true, Ordering::Relaxed));
    if let Some(namespace) = NAMESPACE.get()
        && let Some(durations) = gather(operation, begun, !figures.is_empty())
    {
        let line = line(namespace, operation, &durations, &figures);
        // What cannot be written has nowhere to say so.
        let _ = io::stdout().lock().write_all(line.as_bytes());
    }
    outcome
}

/// Adds the duration of what began then; returns all that were gathered, where they are to be written.
fn gather(operation: &str, begun: Instant, at_once: bool) -> Option<Vec<f64>> {
    let mut all = GATHERED.lock().unwrap_or_else(PoisonError::into_inner);
    let gathered = all.remove(operation);
    let (since, mut durations) = gathered.unwrap_or_else(|| (Instant::now(), Vec::new()));
    durations.push(telemetry::milliseconds(begun));
    if at_once || durations.len() == MOST_VALUES || since.elapsed() >= GATHERING {
        return Some(durations);
    }
    all.insert(operation.to_owned(), (since, durations));
    None
}

fn line(namespace: &str, operation: &str, durations: &[f64], figures: &Figures) -> String {
    let metric = |name, unit| json!({"Name": name, "Unit": unit});
    let of_all: Vec<_> = figures.0.iter().map(|it| metric(it.0, it.1)).collect();
    let mut by_operation = vec![metric("Duration", Unit::Milliseconds)];
    by_operation.extend(of_all.iter().find(|metric| metric["Name"] == "Failures").cloned());
    let directive = |dimensions: &[&str], metrics| json!({"Namespace": namespace, "Dimensions": [dimensions], "Metrics": metrics});
    let mut directives = vec![directive(&["operation"], by_operation)];
    if !of_all.is_empty() {
        directives.push(directive(&[], of_all));
    }
    let mut line = json!({
        "_aws": {"Timestamp": clock::now().as_millisecond(), "CloudWatchMetrics": directives},
        "operation": operation, "Duration": one_or_all(durations),
    });
    for (name, _, values) in &figures.0 {
        line[*name] = one_or_all(values);
    }
    format!("{line}\n")
}

fn one_or_all(values: &[impl Serialize]) -> Value {
    match values {
        [one] => json!(one),
        several => json!(several),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::block_on;

    fn recorded(work: impl FnOnce()) -> Figures {
        block_on(collect(async { work() })).1
    }

    #[test]
    fn a_line_has_a_directive_by_operation_and_one_of_all() {
        let metrics = |metrics: &[(&str, &str)]| -> Value {
            let metric = |(name, unit): &(&str, &str)| json!({"Name": name, "Unit": unit});
            metrics.iter().map(metric).collect()
        };
        let written = |mut figures: Figures, failures, cold| {
            figures.add_outcome(failures, cold);
            let line = line("shop/test", "POST /things", &[4.25], &figures);
            assert_eq!(line.matches('\n').count(), 1, "one line");
            let mut line: Value = serde_json::from_str(&line).expect("JSON");
            assert!(line["_aws"]["Timestamp"].take().is_i64());
            line
        };
        let figures = recorded(|| {
            count("Sold", 1);
            record("Revenue", Unit::None, 1_999);
        });
        let by_operation = metrics(&[("Duration", "Milliseconds"), ("Failures", "Count")]);
        let counts = ["Sold", "Failures", "ColdStarts"].map(|name| (name, "Count"));
        let of_all = metrics(&[counts[0], ("Revenue", "None"), counts[1], counts[2]]);
        let expected = json!({
            "_aws": {"Timestamp": null, "CloudWatchMetrics": [
                {"Namespace": "shop/test", "Dimensions": [["operation"]], "Metrics": by_operation},
                {"Namespace": "shop/test", "Dimensions": [[]], "Metrics": of_all},
            ]},
            "operation": "POST /things", "Duration": 4.25, "Sold": 1, "Revenue": 1_999, "Failures": 2, "ColdStarts": 1,
        });
        assert_eq!(written(figures, 2, true), expected);
        let duration = metrics(&[("Duration", "Milliseconds")]);
        let directive = json!({"Namespace": "shop/test", "Dimensions": [["operation"]], "Metrics": duration});
        let aws = json!({"Timestamp": null, "CloudWatchMetrics": [directive]});
        let expected = json!({"_aws": aws, "operation": "POST /things", "Duration": 4.25});
        // Zero counts are not emitted.
        assert_eq!(written(recorded(|| count("Sold", 0)), 0, false), expected);
    }

    #[test]
    fn counts_add_up_and_other_values_are_kept_up_to_a_hundred() {
        let figures = recorded(|| {
            for n in 0..150 {
                count("Sold", 2);
                record("Delay", Unit::Seconds, n);
            }
        });
        assert_eq!((figures.of("Sold"), figures.of("Delay").len()), (&[300][..], 100));
        count("Sold", 7);
        assert!(recorded(|| ()).is_empty(), "of another invocation");
    }

    #[test]
    fn durations_are_gathered_until_a_hundred_or_a_minute() {
        let gathered = |name: &str, at_once| gather(name, Instant::now(), at_once).map_or(0, |all| all.len());
        assert!((0..99).all(|_| gathered("GET /many", false) == 0));
        let then = [false, false, true].map(|at_once| gathered("GET /many", at_once));
        assert_eq!(then, [100, 0, 2]);
        assert_eq!(gathered("GET /other", true), 1);
        let long_ago = Instant::now().checked_sub(GATHERING).expect("a minute of uptime");
        let mut all = GATHERED.lock().expect("not poisoned");
        all.insert("GET /old".to_owned(), (long_ago, vec![1.0]));
        drop(all);
        assert_eq!(gathered("GET /old", false), 2);
    }
}
