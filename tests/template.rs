//! What `template.yaml` must say, whoever changes it: rules between its parts that neither AWS nor a linter checks.

use std::collections::{BTreeMap, BTreeSet};
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
fn every_function_ends_before_its_caller_times_out() {
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

/// The log groups by their names, as they are written.
fn logs_by_name(template: &Document) -> BTreeMap<String, &str> {
    let logs = names(template, "AWS::Logs::LogGroup").into_iter();
    logs.map(|id| {
        let name = property(template, id, "LogGroupName");
        (name["Fn::Sub"].as_str().expect("!Sub").to_owned(), id)
    })
    .collect()
}

/// The name of the log group that Lambda writes a function's log to.
fn log_name(template: &Document, function: &str) -> String {
    let name = property(template, function, "FunctionName");
    format!("/aws/lambda/{}", name["Fn::Sub"].as_str().expect("!Sub"))
}

/// What is a function's own: itself, its role and its log group.
fn resources_of_function(template: &Document, function: &str) -> [String; 3] {
    let role = resource_of(&property(template, function, "Role"));
    let logs = logs_by_name(template)[&log_name(template, function)];
    [function.to_owned(), role, logs.to_owned()]
}

/// The lines of each resource as it is written, without what is between them.
fn lines_by_resource(text: &str) -> BTreeMap<&str, Vec<&str>> {
    let lines = text.lines().skip_while(|line| *line != "Resources:").skip(1);
    let mut resources: BTreeMap<_, Vec<_>> = BTreeMap::new();
    let mut name = "";
    for line in lines.take_while(|line| !line.starts_with("Outputs:")) {
        match line.strip_prefix("  ") {
            Some(own) if own.starts_with("  ") => {}
            Some(key) if !key.starts_with('#') => name = key.trim_end_matches(':'),
            // Blank, or about the next resource.
            _ => continue,
        }
        resources.entry(name).or_default().push(line);
    }
    resources
}

#[test]
fn a_function_takes_at_most_45_lines_and_copies_no_comment() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../template.yaml");
    let text = std::fs::read_to_string(path).expect("the template");
    let (template, written) = (template(), lines_by_resource(&text));
    let mut comments = BTreeSet::new();
    for function in names(&template, "AWS::Serverless::Function") {
        let own = resources_of_function(&template, function);
        let lines: Vec<_> = own.iter().flat_map(|id| &written[id.as_str()]).collect();
        // Its routes may have a limit each, in the API; HEAD has the default.
        let routes = events(&template, function, "HttpApi");
        let routes = routes.iter().filter(|route| route["Method"] != "HEAD").count();
        // Two blank lines between the three, and one after them.
        let taken = lines.len() + routes + 3;
        assert!(taken <= 45, "{function} takes {taken} lines");
        for comment in lines.iter().filter(|line| line.trim_start().starts_with('#')) {
            assert!(comments.insert(comment.trim()), "said twice: {comment}");
        }
    }
}

#[test]
fn a_capability_is_left_out_whole() {
    let template = template();
    let condition = |id: &str| {
        let resource = template.entries("Resources").find(|(own, _)| *own == id);
        resource.expect("a resource").1["Condition"].clone()
    };
    let mut left_out = BTreeSet::new();
    for function in names(&template, "AWS::Serverless::Function") {
        let own = resources_of_function(&template, function);
        let [of_function, of_role, of_logs] = own.each_ref().map(|id| condition(id));
        assert_eq!((&of_role, &of_logs), (&of_function, &of_function), "{function}");
        left_out.extend(of_function.as_str().map(str::to_owned));
    }
    let conditions = template.entries("Conditions").map(|(name, _)| name.clone());
    let capabilities: BTreeSet<_> = conditions.filter(|name| name.starts_with("Has")).collect();
    assert_eq!(
        left_out, capabilities,
        "a condition is a capability's, and each has a function"
    );
}

#[test]
fn every_capability_is_there_unless_it_is_left_out() {
    let template = template();
    let (_, parameter) = template
        .entries("Parameters")
        .find(|(name, _)| *name == "Capabilities")
        .expect("the parameter");
    let default = parameter["Default"].as_str().expect("a default");
    let asked = template
        .entries("Conditions")
        .filter(|(name, _)| name.starts_with("Has"));
    let asked = asked.map(|(_, condition)| {
        let split = &condition["Fn::Not"][0]["Fn::Equals"][0]["Fn::Join"][1]["Fn::Split"][0];
        split.as_str().expect("a name").trim_matches(',')
    });
    let asked: BTreeSet<_> = asked.collect();
    assert_eq!(default.split(',').collect::<BTreeSet<_>>(), asked);
    let known = asked.into_iter().collect::<Vec<_>>().join("|");
    assert_eq!(
        parameter["AllowedPattern"],
        format!("^(none|({known})(,({known}))*)$")
    );
}

#[test]
fn every_function_is_deployed_in_steps_and_forgets_its_logs() {
    let template = template();
    let logs = logs_by_name(&template);
    for function in names(&template, "AWS::Serverless::Function") {
        assert_eq!(
            property(&template, function, "AutoPublishAlias"),
            "live",
            "{function}"
        );
        let steps = property(&template, function, "DeploymentPreference");
        assert_eq!(steps["Enabled"]["Ref"], "Canary", "{function}");
        let own = logs.get(&log_name(&template, function)).unwrap_or_else(|| {
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

/// The actions in the statements of a policy, those that depend on a condition included.
fn actions(policy: &Value) -> BTreeSet<String> {
    let statements = policy["Statement"].as_array().expect("statements").iter();
    let statements =
        statements.map(|statement| statement.get("Fn::If").map_or(statement, |either| &either[1]));
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
fn the_forwarder_alone_enters_the_warehouses_network() {
    let template = template();
    for function in names(&template, "AWS::Serverless::Function") {
        let network = property(&template, function, "VpcConfig");
        if function == "OrderForwarderFunction" {
            assert_eq!(network["Fn::If"][0], "EntersWarehouseNetwork");
            assert_eq!(network["Fn::If"][1]["SubnetIds"]["Ref"], "WarehouseSubnets");
            assert_eq!(network["Fn::If"][2]["Ref"], "AWS::NoValue");
        } else {
            assert!(network.is_null(), "{function}");
        }
    }
    let parameter = template
        .entries("Parameters")
        .find(|(id, _)| *id == "WarehouseSubnets");
    assert_eq!(
        parameter.expect("a parameter").1["Default"],
        "",
        "none by default"
    );
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
fn the_cdn_sends_catalogue_routes_to_its_function() {
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

/// All that the pipelines run, and what fetches the tools of `.ci/run`.
fn commands_of_pipelines() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let files = ["infra/pipeline.yaml", "infra/branches.yaml", ".ci/fetch-tools"];
    let texts = files.map(|file| std::fs::read_to_string(root.join(file)).expect("a file"));
    texts
        .iter()
        .flat_map(|text| text.lines().map(str::to_owned))
        .collect()
}

#[test]
fn pipelines_install_nothing_without_its_hash() {
    let commands = commands_of_pipelines();
    let installing = commands
        .iter()
        .filter(|line| line.contains("pip") && line.contains(" install "));
    let installing: Vec<_> = installing.collect();
    assert!(installing.len() >= 4, "{installing:?}");
    for command in installing {
        assert!(command.contains("--require-hashes"), "{command}");
    }
}

#[test]
fn a_delivery_stops_at_a_known_vulnerability() {
    let asked = commands_of_pipelines()
        .into_iter()
        .any(|line| line.contains("cargo deny check") && line.contains("advisories"));
    assert!(asked);
}

#[test]
fn no_stage_has_the_addresses_of_another() {
    let template = template();
    for name in ["SiteUrl", "ErpBaseUrl"] {
        let (_, parameter) = template
            .entries("Parameters")
            .find(|(own, _)| *own == name)
            .expect("the parameter");
        assert!(parameter.get("Default").is_none(), "{name}");
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../samconfig.toml");
        let config = std::fs::read_to_string(path).expect("samconfig.toml");
        let stages = config.matches("\"Stage=").count();
        let addresses = config.lines().filter(|line| line.contains(&format!("\"{name}=")));
        let addresses: BTreeSet<_> = addresses.collect();
        assert_eq!((stages, addresses.len()), (4, 4), "{addresses:?}");
    }
}
