//! Who is woken finds what to do: every alarm of the templates has its entry in the runbook, and every entry its alarm.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use domain::JobKind;
use sam_runner::template::Document;
use serde_json::Value;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// `template.yaml` and everything in `infra`.
fn templates() -> Vec<Document> {
    let infra = std::fs::read_dir(root().join("infra")).expect("infra");
    let mut paths: Vec<_> = infra
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .collect();
    paths.push(root().join("template.yaml"));
    let read = paths.iter().map(|path| Document::read(path));
    read.collect::<Result<_, _>>().expect("templates")
}

/// Name and definition of every resource of one of these types.
fn resources(templates: &[Document], kinds: &[&str]) -> Vec<(String, Value)> {
    let all = templates
        .iter()
        .flat_map(|template| template.entries("Resources"));
    all.filter(|(_, resource)| kinds.iter().any(|kind| resource["Type"] == *kind))
        .map(|(id, resource)| (id.clone(), resource["Properties"].clone()))
        .collect()
}

/// The headings of the runbook's entries.
fn entries() -> BTreeSet<String> {
    let runbook = std::fs::read_to_string(root().join("docs/runbook.md")).expect("the runbook");
    let headings = runbook.lines().filter_map(|line| line.strip_prefix("### "));
    headings.map(str::to_owned).collect()
}

#[test]
fn alarms_and_entries_of_the_runbook_are_the_same() {
    let alarms = resources(&templates(), &["AWS::CloudWatch::Alarm", "AWS::Budgets::Budget"]);
    let names: BTreeSet<_> = alarms.into_iter().map(|(id, _)| id).collect();
    assert!(names.len() > 10, "{names:?}");
    assert_eq!(names, entries());
}

#[test]
fn an_alarm_is_called_as_its_entry_and_says_where_that_is() {
    for (id, alarm) in resources(&templates(), &["AWS::CloudWatch::Alarm"]) {
        let name = alarm["AlarmName"]["Fn::Sub"].as_str().unwrap_or_default();
        assert!(name.ends_with(&format!("-{id}")), "{id} is called {name}");
        let description = alarm["AlarmDescription"].as_str().unwrap_or_default();
        let entry = format!("docs/runbook.md#{}", id.to_lowercase());
        assert!(description.ends_with(&entry), "{id}: {description}");
        assert!(
            alarm.get("AlarmActions").is_some() && alarm.get("OKActions").is_some(),
            "{id} notifies no one"
        );
    }
}

#[test]
fn each_kind_of_due_work_has_an_alarm_when_it_is_late() {
    let alarms = resources(&templates(), &["AWS::CloudWatch::Alarm"]);
    let kinds = JobKind::KNOWN.map(|kind| kind.name().replace('_', ""));
    let others = ["unknown", "unreadable"].map(str::to_owned);
    for kind in kinds.into_iter().chain(others) {
        let alarm = alarms
            .iter()
            .find(|(id, _)| id.to_lowercase() == format!("overdue{kind}alarm"));
        let (id, alarm) = alarm.unwrap_or_else(|| panic!("no alarm for {kind}"));
        assert_eq!(alarm["MetricName"].as_str(), id.strip_suffix("Alarm"));
        // What fails is tried again up to 15 minutes later: a shorter period would be without a figure in between.
        assert!(alarm["Period"].as_i64() > Some(15 * 60), "{id}");
    }
}

/// The functions whose errors an alarm counts, by the end of their names.
fn functions_whose_errors_ring(alarm: &Value) -> BTreeSet<String> {
    let metrics = alarm["Metrics"].as_array().into_iter().flatten();
    let metrics = metrics.map(|metric| &metric["MetricStat"]["Metric"]);
    let errors = metrics.filter(|metric| metric["MetricName"] == "Errors");
    errors
        .map(|metric| {
            let name = metric["Dimensions"][0]["Value"]["Fn::Sub"].as_str();
            let name = name.and_then(|name| name.strip_prefix("${Shop}-"));
            name.expect("a function's name").to_owned()
        })
        .collect()
}

#[test]
fn the_errors_of_every_function_ring_an_alarm() {
    let templates = templates();
    let functions = resources(&templates, &["AWS::Serverless::Function"]).into_iter();
    let functions: BTreeSet<_> = functions
        .map(|(_, function)| {
            let name = function["FunctionName"]["Fn::Sub"].as_str();
            let name = name.and_then(|name| name.strip_prefix("${AWS::StackName}-"));
            name.expect("a function's name").to_owned()
        })
        .collect();
    let mut heard = BTreeSet::new();
    for (id, alarm) in resources(&templates, &["AWS::CloudWatch::Alarm"]) {
        let functions = functions_whose_errors_ring(&alarm);
        assert!(
            functions.len() <= 10,
            "{id}: CloudWatch takes ten metrics an alarm"
        );
        heard.extend(functions);
    }
    assert_eq!(heard, functions);
}

#[test]
fn the_dashboard_is_json_and_shows_every_alarm() {
    let templates = templates();
    let dashboards = resources(&templates, &["AWS::CloudWatch::Dashboard"]);
    let [(_, dashboard)] = dashboards.as_slice() else {
        panic!("one dashboard, not {}", dashboards.len())
    };
    let body = dashboard["DashboardBody"]["Fn::Sub"][0].as_str().expect("a text");
    let body: Value = serde_json::from_str(body).expect("JSON");
    let widgets = body["widgets"].as_array().expect("widgets");
    let shown = widgets
        .iter()
        .find(|widget| widget["type"] == "alarm")
        .expect("the alarms");
    let shown = shown["properties"]["alarms"].as_array().expect("a list").iter();
    let shown: BTreeSet<_> = shown.filter_map(|arn| arn.as_str()?.rsplit('-').next()).collect();
    let alarms = resources(&templates, &["AWS::CloudWatch::Alarm"]);
    assert_eq!(shown, alarms.iter().map(|(id, _)| id.as_str()).collect());
}
