//! Figures for CloudWatch: lines on standard output, in its embedded metric format
//! (docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html).
//!
//! The serve loops measure by themselves how long each operation took, whether it failed and whether it was a cold start; a
//! handler adds the figures of its trade with [`count`] and [`record`]. A run with such figures, a failed one and a cold one write their line
//! at once; how long the others took is gathered for a minute, since a line each would cost more than their work. The last of them may be
//! lost with the process. What has no dimension and what has the operation's name are two directives of one line, since CloudWatch bills the
//! bytes; failures are in both, for whoever wants to know where and for the alarm over all. That there was none is not told, and cold starts
//! are counted over all operations: each hour in which a metric has a figure is billed. A figure is never personal data and never an id.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::Future;
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::clock;

/// The most values of one metric that CloudWatch reads from a line.
const MOST_VALUES: usize = 100;

/// The longest time that durations are gathered.
const GATHERING: Duration = Duration::from_mins(1);

/// How long runs took of which no line has told yet, by operation.
static GATHERED: Mutex<BTreeMap<String, Gathered>> = Mutex::new(BTreeMap::new());

struct Gathered {
    since: Instant,
    durations_ms: Vec<f64>,
}

/// Where the figures belong; without it none are written.
static NAMESPACE: OnceLock<String> = OnceLock::new();

tokio::task_local! {
    static FIGURES: RefCell<Figures>;
}

/// What a value counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Things.
    Count,
    /// Milliseconds.
    Milliseconds,
    /// Seconds.
    Seconds,
    /// Something that CloudWatch has no unit for, such as money.
    None,
}

impl Unit {
    const fn name(self) -> &'static str {
        match self {
            Self::Count => "Count",
            Self::Milliseconds => "Milliseconds",
            Self::Seconds => "Seconds",
            Self::None => "None",
        }
    }
}

/// What was recorded in one invocation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures(Vec<Figure>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Figure {
    name: &'static str,
    unit: Unit,
    values: Vec<i64>,
}

impl Figures {
    /// The values of a metric in the order of recording; none where it was not recorded.
    pub fn of(&self, name: &str) -> &[i64] {
        let figure = self.0.iter().find(|figure| figure.name == name);
        figure.map_or(&[], |figure| &figure.values)
    }

    /// Whether nothing was recorded.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn add(&mut self, name: &'static str, unit: Unit, value: i64) {
        let Some(figure) = self.0.iter_mut().find(|figure| figure.name == name) else {
            let values = vec![value];
            self.0.push(Figure { name, unit, values });
            return;
        };
        if unit == Unit::Count {
            figure.values[0] += value;
        } else if figure.values.len() < MOST_VALUES {
            figure.values.push(value);
        }
    }
}

/// Counts `times` more of something in this invocation. None at all is no figure: CloudWatch bills each hour in which a
/// metric has one.
pub fn count(name: &'static str, times: u32) {
    if times > 0 {
        record(name, Unit::Count, i64::from(times));
    }
}

/// Records a value in this invocation. Counts of one name add up; of other units each value is kept, up to a hundred.
pub fn record(name: &'static str, unit: Unit, value: i64) {
    let _outside_any_invocation = FIGURES.try_with(|figures| figures.borrow_mut().add(name, unit, value));
}

/// Runs `work`, and gives what it recorded besides what it came to.
pub async fn collect<F: Future>(work: F) -> (F::Output, Figures) {
    let collected = async {
        let outcome = work.await;
        (outcome, FIGURES.with(RefCell::take))
    };
    FIGURES.scope(RefCell::default(), collected).await
}

/// From now on figures are written, under this namespace.
pub(crate) fn open(namespace: String) {
    // A second call in one process is a test's.
    let _ = NAMESPACE.set(namespace);
}

/// Runs one invocation and writes its figures. `failures` tells how much of it failed.
pub(crate) async fn measured<T>(
    operation: &str,
    failures: impl FnOnce(&T) -> usize,
    work: impl Future<Output = T>,
) -> T {
    static WARM: AtomicBool = AtomicBool::new(false);
    let begun = Instant::now();
    let (outcome, figures) = collect(work).await;
    let (failures, cold) = (failures(&outcome), !WARM.swap(true, Ordering::Relaxed));
    let at_once = failures > 0 || cold || !figures.is_empty();
    if let Some(namespace) = NAMESPACE.get()
        && let Some(durations_ms) = gather(operation, begun, at_once)
    {
        let run = Run {
            operation,
            durations_ms,
            failures,
            cold,
        };
        let line = line(namespace, clock::now().as_millisecond(), &run, &figures);
        // What cannot be written has nowhere to say so.
        let _ = io::stdout().lock().write_all(line.as_bytes());
    }
    outcome
}

/// Gathers how long a run took that began then; all that was gathered, where it is time to tell.
fn gather(operation: &str, begun: Instant, at_once: bool) -> Option<Vec<f64>> {
    let now = Instant::now();
    let took_ms = (now.duration_since(begun).as_secs_f64() * 1e6).round() / 1e3;
    let mut all = GATHERED.lock().unwrap_or_else(PoisonError::into_inner);
    let mut gathered = all.remove(operation).unwrap_or_else(|| Gathered {
        since: now,
        durations_ms: Vec::new(),
    });
    gathered.durations_ms.push(took_ms);
    let is_time =
        gathered.durations_ms.len() == MOST_VALUES || now.duration_since(gathered.since) >= GATHERING;
    if at_once || is_time {
        return Some(gathered.durations_ms);
    }
    all.insert(operation.to_owned(), gathered);
    None
}

/// What is measured of every invocation; the durations of earlier ones are told with the last.
struct Run<'a> {
    operation: &'a str,
    durations_ms: Vec<f64>,
    failures: usize,
    cold: bool,
}

/// The line; `at` is in milliseconds since 1970.
fn line(namespace: &str, at: i64, run: &Run<'_>, figures: &Figures) -> String {
    let mut root = Map::from_iter([
        ("operation".to_owned(), json!(run.operation)),
        ("Duration".to_owned(), one_or_all(&run.durations_ms)),
    ]);
    let metric = |name: &str, unit: Unit| json!({"Name": name, "Unit": unit.name()});
    let mut by_operation = vec![metric("Duration", Unit::Milliseconds)];
    let mut of_all: Vec<Value> = figures
        .0
        .iter()
        .map(|figure| metric(figure.name, figure.unit))
        .collect();
    if run.failures > 0 {
        root.insert("Failures".to_owned(), json!(run.failures));
        by_operation.push(metric("Failures", Unit::Count));
        of_all.push(metric("Failures", Unit::Count));
    }
    if run.cold {
        root.insert("ColdStarts".to_owned(), json!(1));
        of_all.push(metric("ColdStarts", Unit::Count));
    }
    let mut directives =
        vec![json!({"Namespace": namespace, "Dimensions": [["operation"]], "Metrics": by_operation})];
    if !of_all.is_empty() {
        directives.push(json!({"Namespace": namespace, "Dimensions": [[]], "Metrics": of_all}));
    }
    for figure in &figures.0 {
        root.insert(figure.name.to_owned(), one_or_all(&figure.values));
    }
    root.insert(
        "_aws".to_owned(),
        json!({"Timestamp": at, "CloudWatchMetrics": directives}),
    );
    format!("{}\n", Value::Object(root))
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

    fn recorded(work: impl FnOnce()) -> Figures {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .expect("a runtime");
        runtime.block_on(collect(async { work() })).1
    }

    fn written(cold: bool, work: impl FnOnce()) -> Value {
        written_with(0, cold, work)
    }

    fn written_with(failures: usize, cold: bool, work: impl FnOnce()) -> Value {
        let run = Run {
            operation: "POST /things",
            durations_ms: vec![4.25],
            failures,
            cold,
        };
        let line = line("shop/test", 1_795_262_400_000, &run, &recorded(work));
        assert_eq!(line.matches('\n').count(), 1, "one line");
        serde_json::from_str(&line).expect("JSON")
    }

    #[test]
    fn a_line_has_a_directive_by_operation_and_one_without_dimension() {
        let line = written(true, || {
            count("Sold", 1);
            record("Revenue", Unit::None, 1_999);
        });
        let expected = json!({
            "_aws": {"Timestamp": 1_795_262_400_000_i64, "CloudWatchMetrics": [
                {"Namespace": "shop/test", "Dimensions": [["operation"]], "Metrics": [
                    {"Name": "Duration", "Unit": "Milliseconds"},
                ]},
                {"Namespace": "shop/test", "Dimensions": [[]], "Metrics": [
                    {"Name": "Sold", "Unit": "Count"}, {"Name": "Revenue", "Unit": "None"},
                    {"Name": "ColdStarts", "Unit": "Count"},
                ]},
            ]},
            "operation": "POST /things", "Duration": 4.25, "ColdStarts": 1, "Sold": 1, "Revenue": 1_999,
        });
        assert_eq!(line, expected);
    }

    #[test]
    fn failures_are_told_by_operation_and_of_all_and_only_where_there_are_some() {
        let failures = json!({"Name": "Failures", "Unit": "Count"});
        let told = |line: &Value| {
            let directives = line["_aws"]["CloudWatchMetrics"]
                .as_array()
                .expect("directives")
                .clone();
            let tells = |directive: &&Value| {
                directive["Metrics"]
                    .as_array()
                    .is_some_and(|all| all.contains(&failures))
            };
            (line["Failures"].clone(), directives.iter().filter(tells).count())
        };
        assert_eq!(told(&written_with(2, false, || {})), (json!(2), 2));
        assert_eq!(
            told(&written_with(0, true, || count("Sold", 1))),
            (Value::Null, 0)
        );
    }

    #[test]
    fn a_warm_run_with_nothing_to_tell_has_one_directive() {
        let line = written(false, || count("Sold", 0));
        let directives = line["_aws"]["CloudWatchMetrics"].as_array().expect("directives");
        assert_eq!(directives.len(), 1);
        assert!(line.get("ColdStarts").is_none() && line.get("Sold").is_none());
    }

    #[test]
    fn every_metric_of_a_directive_is_a_member_of_the_line_with_a_hundred_values_at_most() {
        let line = written(true, || {
            for n in 0..150 {
                count("Sold", 2);
                record("Delay", Unit::Seconds, n);
            }
        });
        for directive in line["_aws"]["CloudWatchMetrics"].as_array().expect("directives") {
            for metric in directive["Metrics"].as_array().expect("metrics") {
                let value = &line[metric["Name"].as_str().expect("a name")];
                let values = value.as_array().map_or(1, Vec::len);
                assert!(
                    !value.is_null() && (1..=100).contains(&values),
                    "{metric}: {value}"
                );
            }
        }
        assert_eq!(line["Sold"], 300);
    }

    #[test]
    fn durations_are_gathered_for_a_hundred_runs_a_minute_or_until_there_is_more_to_tell() {
        let now = Instant::now();
        for _ in 0..99 {
            assert_eq!(gather("GET /gathered", now, false), None);
        }
        assert_eq!(
            gather("GET /gathered", now, false).map(|all| all.len()),
            Some(100)
        );
        assert_eq!(
            gather("GET /gathered", now, false),
            None,
            "and from the beginning"
        );
        assert_eq!(gather("GET /other", now, true).map(|all| all.len()), Some(1));
        assert_eq!(gather("GET /gathered", now, true).map(|all| all.len()), Some(2));
        let long_ago = Gathered {
            since: now.checked_sub(GATHERING).expect("a minute of uptime"),
            durations_ms: vec![1.0],
        };
        GATHERED
            .lock()
            .expect("not poisoned")
            .insert("GET /old".to_owned(), long_ago);
        assert_eq!(gather("GET /old", now, false).map(|all| all.len()), Some(2));
    }

    #[test]
    fn figures_belong_to_the_invocation_in_which_they_were_recorded() {
        let first = recorded(|| count("Sold", 1));
        count("Sold", 7);
        assert_eq!(
            (first.of("Sold"), recorded(|| ()).of("Sold")),
            (&[1][..], &[][..])
        );
    }
}
