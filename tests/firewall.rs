//! What the firewall before the CDN counts and lets pass, evaluated as AWS WAF does for the statements that `infra/edge.yaml` uses.

use std::path::Path;

use percent_encoding::percent_decode_str;
use sam_runner::template::Document;
use serde_json::Value;

/// The rules of `infra/edge.yaml`; in the plan FREE without those of `HasManyRules`.
fn rules(plan: &str) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../infra/edge.yaml");
    let edge = Document::read(&path).expect("a template");
    let rules = edge.properties_of("Firewall")["Rules"].clone();
    let rules = rules.as_array().expect("rules").iter();
    rules
        .filter_map(|rule| match &rule["Fn::If"] {
            Value::Null => Some(rule.clone()),
            chosen => (plan != "FREE").then(|| chosen[1].clone()),
        })
        .collect()
}

/// The path after the transformations, in their order.
fn transformed(path: &str, transformations: &Value) -> String {
    let transformations = transformations.as_array().expect("transformations").iter();
    transformations.fold(path.to_owned(), |path, step| match step["Type"].as_str() {
        Some("NONE") => path,
        Some("URL_DECODE") => percent_decode_str(&path).decode_utf8_lossy().into_owned(),
        Some("NORMALIZE_PATH") => normalised(&path),
        other => panic!("the transformation {other:?}"),
    })
}

/// Without `//`, `.` and `..`.
fn normalised(path: &str) -> String {
    let mut kept = Vec::new();
    for part in path.split('/').skip(1) {
        match part {
            ".." => drop(kept.pop()),
            "" | "." => {}
            part => kept.push(part),
        }
    }
    let end = if path.ends_with('/') && !kept.is_empty() {
        "/"
    } else {
        ""
    };
    format!("/{}{end}", kept.join("/"))
}

fn matches(statement: &Value, path: &str) -> bool {
    let (kind, statement) = statement
        .as_object()
        .and_then(|all| all.iter().next())
        .expect("a statement");
    match kind.as_str() {
        "AndStatement" => {
            let all = statement["Statements"].as_array().expect("statements");
            all.iter().all(|statement| matches(statement, path))
        }
        "NotStatement" => !matches(&statement["Statement"], path),
        "ByteMatchStatement" => {
            let path = transformed(path, &statement["TextTransformations"]);
            let wanted = statement["SearchString"].as_str().expect("a text");
            match statement["PositionalConstraint"].as_str() {
                Some("EXACTLY") => path == wanted,
                Some("STARTS_WITH") => path.starts_with(wanted),
                other => panic!("the constraint {other:?}"),
            }
        }
        other => panic!("the statement {other}"),
    }
}

/// The names of the rules that count a request by its address.
fn counted_by(path: &str) -> Vec<String> {
    let counting = rules("FREE").into_iter().filter(|rule| {
        let counted = &rule["Statement"]["RateBasedStatement"]["ScopeDownStatement"];
        !counted.is_null() && matches(counted, path)
    });
    let names = counting.map(|rule| rule["Name"].as_str().expect("a name").to_owned());
    names.collect()
}

#[test]
fn a_path_is_compared_as_the_api_understands_it() {
    for path in [
        "/api/checkout",
        "/api/%63heckout",
        "/api//checkout",
        "/api/./checkout",
        "/api/webhooks/../checkout",
        "/%61pi/%2e%2e/api/checkout",
    ] {
        assert_eq!(
            counted_by(path),
            ["orders-from-one-address", "requests-from-one-address"],
            "{path}"
        );
    }
}

#[test]
fn every_request_to_the_api_has_a_limit() {
    assert_eq!(counted_by("/api/products"), ["requests-from-one-address"]);
    assert_eq!(counted_by("/api/webhooks/stripe"), ["webhooks-from-one-address"]);
    assert_eq!(
        counted_by("/api/%77ebhooks/stripe"),
        ["webhooks-from-one-address"]
    );
    assert!(counted_by("/js/main.js").is_empty());
}

#[test]
fn the_provider_may_send_more_than_the_shop_can_cause() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let default = |file: &str, name: &str| {
        let template = Document::read(&root.join(file)).expect("a template");
        let (_, parameter) = template
            .entries("Parameters")
            .find(|(own, _)| *own == name)
            .expect(name);
        parameter["Default"].as_u64().expect("a number")
    };
    let orders = default("template.yaml", "WarehouseOrdersPerMinute");
    // Two events an order, all from one of the provider's addresses, for the five minutes of the window.
    assert!(default("infra/edge.yaml", "WebhooksPerAddress") > 5 * 2 * orders);
}

#[test]
fn the_free_plan_gets_the_five_rules_that_it_takes() {
    let names: Vec<_> = rules("FREE").iter().map(|rule| rule["Name"].clone()).collect();
    assert_eq!(names.len(), 5, "{names:?}");
    let priorities: Vec<_> = rules("NONE")
        .iter()
        .map(|rule| rule["Priority"].as_u64())
        .collect();
    assert!(priorities.is_sorted(), "{priorities:?}");
    assert_eq!(rules("NONE").len(), 7);
}
