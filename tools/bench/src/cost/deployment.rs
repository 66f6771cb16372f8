//! What of the templates costs something.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, bail};
use sam_runner::template::{self, Document, Resolver, Stack, Surroundings};
use serde_json::{Map, Value};

use super::bill::{Values, values};
use crate::rig::exact;

/// X-Ray records one invocation a second of each function, and this share of the rest
/// (<https://docs.aws.amazon.com/xray/latest/devguide/xray-console-sampling.html>).
pub(crate) const SAMPLED: f64 = 0.05;

/// Counts what a resource with these properties is billed as.
type Count = fn(&Map<String, Value>) -> usize;

/// What stands in a stage: resources of a kind, and how many things each of them is billed as.
const STANDING: [(&str, &str, Count); 5] = [
    ("alarm_metrics", "AWS::CloudWatch::Alarm", metrics_of_an_alarm),
    ("keys", "AWS::KMS::Key", |_| 1),
    ("dashboards", "AWS::CloudWatch::Dashboard", |_| 1),
    ("firewalls", "AWS::WAFv2::WebACL", |_| 1),
    ("firewall_rules", "AWS::WAFv2::WebACL", |acl| {
        acl["Rules"].as_array().map_or(0, Vec::len)
    }),
];

/// An alarm over several metrics costs as much as one over each.
fn metrics_of_an_alarm(alarm: &Map<String, Value>) -> usize {
    match alarm.get("Metrics") {
        Some(Value::Array(all)) => all.iter().filter(|one| one.get("MetricStat").is_some()).count(),
        _ => 1,
    }
}

/// A function, as far as it costs.
#[derive(Clone, Debug)]
pub(crate) struct Function {
    pub(crate) memory_mb: f64,
    /// How often a process reads its secrets again.
    pub(crate) secret_reads_an_hour: f64,
    /// Routes, queues and schedules: each has metrics of its own.
    pub(crate) operations: f64,
}

/// The shop as the templates have it.
pub(crate) struct Deployment {
    /// One or zero where it is a yes or no.
    pub(crate) values: Values,
    /// By binary.
    pub(crate) functions: BTreeMap<String, Function>,
    /// What stands in these stages, whether or not anybody buys.
    pub(crate) dev: Values,
    pub(crate) prod: Values,
}

impl Deployment {
    /// Reads `template.yaml`, and the templates in `infra`. `log_value_bytes` is the length of a value in the API's log.
    pub(crate) fn read(root: &Path, log_value_bytes: f64) -> anyhow::Result<Self> {
        let template = Document::read(&root.join("template.yaml"))?;
        let infra = |file: &str| Document::read(&root.join("infra").join(file));
        let (alarms, site) = (infra("alarms.yaml")?, infra("site.yaml")?);
        let surroundings = surroundings(&template, "Stage", "dev");
        let resolver = Resolver::new(&template, &surroundings)?;
        let stack = Stack::read(&resolver)?;
        let global = |name: &str| -> anyhow::Result<Value> {
            let value = resolver.value(&entry(&template, "Globals", "Function")?[name], name)?;
            value.with_context(|| format!("the template's Globals have no {name}"))
        };
        let yes = |applies| f64::from(u8::from(applies));
        let plan = entry(&site, "Parameters", "PricingPlan")?["Default"]
            .as_str()
            .unwrap_or_default();
        let x86 = match global("Architectures")?[0].as_str() {
            Some("arm64") => 0.0,
            Some("x86_64") => 1.0,
            other => bail!("the architecture {other:?} has no price here"),
        };
        let system_logs = &global("LoggingConfig")?["SystemLogLevel"];
        let mappings = stack.functions.iter().map(|function| function.queues.len());
        let values = values([
            ("catalogue_by_api", yes(origin_of_products(&site)? == "api")),
            ("pay_as_you_go", yes(plan == "NONE")),
            ("plan_usd", usd_of_plan(plan)?),
            ("x86", x86),
            ("traced_share", yes(global("Tracing")? == "Active") * SAMPLED),
            ("platform_logs", yes(system_logs != "WARN")),
            ("access_log_bytes", access_log_bytes(&template, log_value_bytes)?),
            ("event_source_mappings", exact(mappings.sum())),
        ]);
        Ok(Self {
            values,
            functions: stack
                .functions
                .iter()
                .map(function)
                .collect::<anyhow::Result<_>>()?,
            dev: standing(&[(&template, "Stage", "dev"), (&alarms, "DataKeyArn", "")])?,
            prod: standing(&[
                (&template, "Stage", "prod"),
                (&alarms, "DataKeyArn", "a key"),
                (&infra("observability.yaml")?, "", ""),
                (&infra("edge.yaml")?, "", ""),
            ])?,
        })
    }
}

fn entry<'d>(template: &'d Document, section: &str, name: &str) -> anyhow::Result<&'d Value> {
    let mut entries = template.entries(section).filter(|(entry, _)| *entry == name);
    let found = entries.next().map(|(_, value)| value);
    found.with_context(|| format!("a template has no {section}.{name}"))
}

/// What these templates make, each with the parameter that differs from its default.
fn standing(templates: &[(&Document, &str, &str)]) -> anyhow::Result<Values> {
    let mut all = values([("idle_months", 0.0)]);
    for (template, parameter, value) in templates {
        let surroundings = surroundings(template, parameter, value);
        let resolver = Resolver::new(template, &surroundings)?;
        for (name, kind, count) in STANDING {
            let ids = resolver.resources(kind)?.into_iter();
            let counts = ids.map(|id| count(&template.properties_of(id)));
            *all.entry(name.to_owned()).or_default() += exact(counts.sum());
        }
    }
    Ok(all)
}

/// What CloudFront's flat-rate plan costs a month, firewall included; nothing where requests and rules are paid one by one. Its source is
/// decision 017.
fn usd_of_plan(plan: &str) -> anyhow::Result<f64> {
    Ok(match plan {
        "NONE" | "FREE" => 0.0,
        "PRO" => 15.0,
        "BUSINESS" => 200.0,
        other => bail!("CloudFront's plan {other} has no price here"),
    })
}

/// Where the CDN gets products from.
fn origin_of_products(site: &Document) -> anyhow::Result<String> {
    let distribution = &site.properties_of("Distribution")["DistributionConfig"];
    let mut behaviours = distribution["CacheBehaviors"].as_array().into_iter().flatten();
    let products = behaviours.find(|behaviour| behaviour["PathPattern"] == "/api/products*");
    let origin = products.and_then(|products| products["TargetOriginId"].as_str());
    let origin = origin.context("the CDN has no behaviour for /api/products*")?;
    Ok(origin.to_owned())
}

/// The API's log of a request: its format with a value in the place of each variable.
fn access_log_bytes(template: &Document, value_bytes: f64) -> anyhow::Result<f64> {
    let format = &template.properties_of("Api")["AccessLogSettings"]["Format"];
    let format = format.as_str().context("the API's log has no format")?;
    let (before, rest) = format.split_once("$context.").context("it logs no variable")?;
    let is_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '.';
    let after = |piece: &str| exact(piece.trim_start_matches(is_name).len());
    let variables = rest.split("$context.").map(|piece| value_bytes + after(piece));
    Ok(exact(before.len()) + variables.sum::<f64>())
}

fn function(function: &template::Function) -> anyhow::Result<(String, Function)> {
    // Its role says how many it has.
    let statements = function.role.statements.iter();
    let reading = statements.filter(|one| one.actions.iter().any(|action| action == "ssm:GetParameter"));
    let secrets: usize = reading.map(|one| one.resources.len()).sum();
    let max_age = &function.environment["SECRET_MAX_AGE"];
    let max_age_s: f64 = max_age.parse().context("SECRET_MAX_AGE")?;
    let own = Function {
        memory_mb: f64::from(function.memory_mb),
        secret_reads_an_hour: exact(secrets) * 3_600.0 / max_age_s,
        operations: exact(function.routes.len() + function.queues.len() + function.schedules.len()),
    };
    Ok((function.binary.name.clone(), own))
}

/// A stack of this template, with one parameter that differs from its default and those that have none.
fn surroundings(template: &Document, parameter: &str, value: &str) -> Surroundings<'static> {
    let named = [
        ("SiteUrl", "https://a"),
        ("ErpBaseUrl", "https://b"),
        (parameter, value),
    ];
    let declared = named
        .iter()
        .filter(|(name, _)| entry(template, "Parameters", name).is_ok());
    Surroundings {
        stack_name: "kontor",
        region: "eu-central-1",
        account: "000000000000",
        parameters: declared
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        queue_url: &str::to_owned,
    }
}
