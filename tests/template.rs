//! What `template.yaml` must say, whoever changes it: rules between its parts that neither AWS nor a linter checks.

use std::collections::BTreeSet;
use std::path::Path;

use sam_runner::template::Document;
use serde_json::Value;

fn read(path: &str) -> Document {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    Document::read(&path).expect("a template")
}

fn template() -> Document {
    read("template.yaml")
}

/// The names of all resources of one type.
fn names<'t>(template: &'t Document, kind: &str) -> Vec<&'t str> {
    let resources = template.entries("Resources");
    let names: Vec<_> = resources
        .filter(|(_, resource)| resource["Type"] == kind)
        .map(|(id, _)| id.as_str())
        .collect();
    assert!(!names.is_empty(), "there is no {kind}");
    names
}

/// One property of a resource, `Globals` included; null where it is not there.
fn property(template: &Document, id: &str, name: &str) -> Value {
    template.properties_of(id).remove(name).unwrap_or_default()
}

fn seconds(template: &Document, id: &str, name: &str) -> u64 {
    let seconds = property(template, id, name);
    seconds
        .as_u64()
        .unwrap_or_else(|| panic!("{id}.{name} is {seconds}"))
}

/// The properties of a function's events of one kind.
fn events(template: &Document, function: &str, kind: &str) -> Vec<Value> {
    let events = property(template, function, "Events");
    let events = events.as_object().into_iter().flatten();
    events
        .filter(|(_, event)| event["Type"] == kind)
        .map(|(_, event)| event["Properties"].clone())
        .collect()
}

/// The resource that `!GetAtt Resource.Arn` is about.
fn resource_of(arn: &Value) -> String {
    let path = arn["Fn::GetAtt"].as_str().expect("!GetAtt");
    path.strip_suffix(".Arn").expect("an ARN").to_owned()
}

#[test]
fn no_message_is_seen_again_while_it_is_worked_on() {
    let template = template();
    let mut queues = 0;
    for function in names(&template, "AWS::Serverless::Function") {
        for source in events(&template, function, "SQS") {
            let queue = resource_of(&source["Queue"]);
            let hidden = seconds(&template, &queue, "VisibilityTimeout");
            // What AWS asks for: Lambda itself may try again within.
            assert!(
                hidden >= 6 * seconds(&template, function, "Timeout"),
                "{queue} for {function}"
            );
            queues += 1;
        }
    }
    assert!(queues > 0);
}

#[test]
fn dead_letters_outlive_what_they_were() {
    let template = template();
    let mut chains = 0;
    for queue in names(&template, "AWS::SQS::Queue") {
        let redrive = property(&template, queue, "RedrivePolicy");
        if redrive.is_null() {
            continue;
        }
        // A dead letter keeps the age that it had.
        let dead = resource_of(&redrive["deadLetterTargetArn"]);
        let kept = |queue: &str| seconds(&template, queue, "MessageRetentionPeriod");
        assert!(kept(&dead) > kept(queue), "{queue} to {dead}");
        chains += 1;
    }
    assert!(chains > 0);
}

#[test]
fn every_function_ends_before_whoever_waits_for_it_gives_up() {
    let template = template();
    for function in names(&template, "AWS::Serverless::Function") {
        let timeout = seconds(&template, function, "Timeout");
        if !events(&template, function, "HttpApi").is_empty() {
            assert!(timeout < 30, "{function}: the API waits for 30 seconds");
        }
        for schedule in events(&template, function, "Schedule") {
            assert_eq!(schedule["Schedule"], "rate(1 minute)", "{function}");
            assert!(timeout < 60, "{function} overlaps its next run");
        }
    }
}

#[test]
fn every_function_is_deployed_in_steps_and_forgets_its_logs() {
    let template = template();
    let logs = names(&template, "AWS::Logs::LogGroup");
    for function in names(&template, "AWS::Serverless::Function") {
        assert_eq!(
            property(&template, function, "AutoPublishAlias"),
            "live",
            "{function}"
        );
        let steps = property(&template, function, "DeploymentPreference");
        assert_eq!(steps["Enabled"]["Ref"], "Canary", "{function}");
        let own = logs.iter().find(|logs| {
            let name = property(&template, logs, "LogGroupName");
            name["Fn::Sub"] == format!("/aws/lambda/${{{function}}}")
        });
        let own = own.unwrap_or_else(|| {
            panic!("{function} has no log group, and Lambda would make one that keeps all")
        });
        assert!(!property(&template, own, "RetentionInDays").is_null(), "{own}");
    }
}

#[test]
fn what_the_shop_lives_on_outlives_its_stack() {
    let template = template();
    for id in ["OrdersTable", "ProductsTable", "StockTable"] {
        let table = template.entries("Resources").find(|(own, _)| *own == id);
        let (_, table) = table.unwrap_or_else(|| panic!("there is no {id}"));
        assert_eq!(table["DeletionPolicy"], "RetainExceptOnCreate", "{id}");
        assert_eq!(table["UpdateReplacePolicy"], "Retain", "{id}");
        let recovery = property(&template, id, "PointInTimeRecoverySpecification");
        assert_eq!(recovery["PointInTimeRecoveryEnabled"], true, "{id}");
        let protection = property(&template, id, "DeletionProtectionEnabled");
        assert_eq!(protection["Fn::If"][0], "KeepsRealOrders", "{id}");
    }
}

/// The actions in the statements of a policy.
fn actions(policy: &Value) -> BTreeSet<String> {
    let statements = policy["Statement"].as_array().expect("statements").iter();
    let actions = statements.flat_map(|statement| match &statement["Action"] {
        Value::Array(all) => all.clone(),
        one => vec![one.clone()],
    });
    actions
        .map(|action| action.as_str().expect("an action").to_owned())
        .collect()
}

#[test]
fn the_boundary_leaves_every_role_what_it_needs() {
    let deployer = read("infra/deployer.yaml");
    let allowed = actions(&property(&deployer, "Boundary", "PolicyDocument"));
    let template = template();
    for role in names(&template, "AWS::IAM::Role") {
        for policy in property(&template, role, "Policies")
            .as_array()
            .expect("policies")
        {
            let needed = actions(&policy["PolicyDocument"]);
            // Who is deployed by the pipeline is refused the rest, and only when it is first called.
            let refused: Vec<_> = needed.difference(&allowed).collect();
            assert!(
                refused.is_empty(),
                "{role} could not {refused:?}; infra/deployer.yaml must allow it"
            );
        }
    }
}

#[test]
fn no_role_goes_past_the_boundary() {
    let template = template();
    for role in names(&template, "AWS::IAM::Role") {
        let boundary = property(&template, role, "PermissionsBoundary");
        assert_eq!(boundary["Fn::If"][1]["Ref"], "PermissionsBoundaryArn", "{role}");
    }
}

#[test]
fn the_cdn_asks_the_catalogues_function_for_all_that_is_its_own_and_the_api_for_the_rest() {
    let distribution = property(&read("infra/site.yaml"), "Distribution", "DistributionConfig");
    let behaviours = distribution["CacheBehaviors"].as_array().expect("behaviours");
    let origin = |path: &str| {
        let fits = |behaviour: &&Value| {
            let pattern = behaviour["PathPattern"].as_str().expect("a pattern");
            pattern
                .strip_suffix('*')
                .map_or(pattern == path, |start| path.starts_with(start))
        };
        behaviours.iter().find(fits).expect("a behaviour")["TargetOriginId"].clone()
    };
    let template = template();
    for function in names(&template, "AWS::Serverless::Function") {
        let own = if function == "CatalogFunction" {
            "catalogue"
        } else {
            "api"
        };
        for route in events(&template, function, "HttpApi") {
            let path = route["Path"].as_str().expect("a path");
            assert_eq!(origin(path), own, "{path}");
        }
    }
}
