//! What of the template costs something.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, bail};
use sam_runner::template::{Document, Resolver, Stack, Surroundings};
use serde_json::{Map, Value};

/// Which API stands before the functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Api {
    /// As it is.
    Http,
    /// Its elder, for comparison.
    Rest,
}

/// The processors of the functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Architecture {
    Arm64,
    X86,
}

/// Which invocations are traced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tracing {
    /// None, as nobody before them decides.
    Off,
    /// One a second of each function and a share of the rest.
    Sampled,
    /// All, for comparison.
    Everything,
}

/// A function, as far as it costs.
#[derive(Clone, Debug)]
pub(crate) struct Function {
    /// In MB; the processor's share follows.
    pub(crate) memory_mb: f64,
    /// How old the secret may become, in seconds, where it reads one.
    pub(crate) secret_max_age_s: Option<f64>,
    /// Routes, queues and clocks: each has figures of its own.
    pub(crate) operations: f64,
}

/// What stands in a stage beside what runs.
#[derive(Clone, Debug)]
pub(crate) struct Standing {
    /// Metrics that alarms look at, each counted once an alarm.
    pub(crate) alarm_metrics: f64,
    /// Keys of its own.
    pub(crate) keys: f64,
    /// The CDN's firewall: rules; none without a CDN.
    pub(crate) firewall_rules: f64,
    /// Dashboards.
    pub(crate) dashboards: f64,
}

/// What of the template costs something, of the stage for trying, and the choices that can be compared.
#[derive(Clone, Debug)]
pub(crate) struct Deployment {
    pub(crate) api: Api,
    /// Whether the CDN asks the API for products, too, and not their function.
    pub(crate) catalogue_by_api: bool,
    pub(crate) architecture: Architecture,
    pub(crate) tracing: Tracing,
    /// Whether the platform logs each invocation.
    pub(crate) platform_logs: bool,
    /// What each invocation logs besides, in bytes: for comparison.
    pub(crate) more_log_bytes: f64,
    /// The API's log of a request, in bytes.
    pub(crate) access_log_bytes: f64,
    /// By binary.
    pub(crate) functions: BTreeMap<String, Function>,
    /// Queues that functions work off.
    pub(crate) mappings: f64,
    /// The stage for trying.
    pub(crate) dev: Standing,
    /// The stage for shoppers.
    pub(crate) prod: Standing,
}

impl Deployment {
    /// Reads `template.yaml` and what stands around it in `infra`.
    pub(crate) fn read(root: &Path) -> anyhow::Result<Self> {
        let template = Document::read(&root.join("template.yaml"))?;
        let around = surroundings(Some(("Stage", "dev")));
        let resolver = Resolver::new(&template, &around)?;
        let stack = Stack::read(&resolver)?;
        let globals = template.entries("Globals").find(|(name, _)| *name == "Function");
        let globals = globals.context("the template has no Globals.Function")?.1;
        let of_all = |name: &str| -> anyhow::Result<Value> {
            let value = resolver.value(&globals[name], name)?;
            value.with_context(|| format!("the template's Globals have no {name}"))
        };
        let architecture = match of_all("Architectures")?[0].as_str() {
            Some("arm64") => Architecture::Arm64,
            Some("x86_64") => Architecture::X86,
            other => bail!("the architecture {other:?} has no price here"),
        };
        let tracing = match of_all("Tracing")?.as_str() {
            Some("Active") => Tracing::Sampled,
            _ => Tracing::Off,
        };
        let level = of_all("LoggingConfig")?["SystemLogLevel"].clone();
        let infra = |file: &str| Document::read(&root.join("infra").join(file));
        let (observability, edge) = (infra("observability.yaml")?, infra("edge.yaml")?);
        let (site, alarms) = (infra("site.yaml")?, infra("alarms.yaml")?);
        let stage = |stage| (&template, Some(("Stage", stage)));
        let alarms = |key| (&alarms, Some(("DataKeyArn", key)));
        let functions = &stack.functions;
        Ok(Self {
            api: Api::Http,
            catalogue_by_api: origin_of_products(&site)? == "api",
            architecture,
            tracing,
            platform_logs: level != "WARN",
            more_log_bytes: 0.0,
            access_log_bytes: access_log_bytes(&template)?,
            mappings: count(functions.iter().map(|function| function.queues.len()).sum()),
            dev: Standing::read(&[stage("dev"), alarms("")])?,
            prod: Standing {
                firewall_rules: count(firewall_rules(&edge)),
                ..Standing::read(&[stage("prod"), alarms("a key"), (&observability, None)])?
            },
            functions: functions.iter().map(function).collect::<anyhow::Result<_>>()?,
        })
    }
}

impl Standing {
    /// What stands by these templates, each with the parameter that is not as by default.
    fn read(templates: &[(&Document, Option<(&str, &str)>)]) -> anyhow::Result<Self> {
        let mut standing = Self {
            alarm_metrics: 0.0,
            keys: 0.0,
            firewall_rules: 0.0,
            dashboards: 0.0,
        };
        for (template, parameter) in templates {
            let around = surroundings(*parameter);
            let resolver = Resolver::new(template, &around)?;
            let metrics = |id: &&str| metrics_of(&template.properties_of(id));
            let alarms = resolver.resources("AWS::CloudWatch::Alarm")?;
            standing.alarm_metrics += count(alarms.iter().map(metrics).sum());
            standing.keys += count(resolver.resources("AWS::KMS::Key")?.len());
            standing.dashboards += count(resolver.resources("AWS::CloudWatch::Dashboard")?.len());
        }
        Ok(standing)
    }
}

/// An alarm over several metrics costs as much as one over each.
fn metrics_of(alarm: &Map<String, Value>) -> usize {
    match alarm.get("Metrics").and_then(Value::as_array) {
        Some(metrics) => metrics
            .iter()
            .filter(|metric| metric.get("MetricStat").is_some())
            .count(),
        None => 1,
    }
}

fn firewall_rules(edge: &Document) -> usize {
    let acls = edge
        .entries("Resources")
        .filter(|(_, resource)| resource["Type"] == "AWS::WAFv2::WebACL");
    acls.filter_map(|(_, acl)| acl["Properties"]["Rules"].as_array())
        .map(Vec::len)
        .sum()
}

/// Where the CDN gets products from.
fn origin_of_products(site: &Document) -> anyhow::Result<String> {
    let distribution = &site.properties_of("Distribution")["DistributionConfig"];
    let mut behaviours = distribution["CacheBehaviors"].as_array().into_iter().flatten();
    let products = behaviours.find(|behaviour| behaviour["PathPattern"] == "/api/products*");
    let origin = products.and_then(|products| products["TargetOriginId"].as_str());
    origin
        .map(str::to_owned)
        .context("the CDN knows nothing of /api/products*")
}

/// The API's line for a request, with values as they are mostly.
fn access_log_bytes(template: &Document) -> anyhow::Result<f64> {
    const VALUES: [(&str, &str); 9] = [
        ("$context.requestId", "JKJaXmPLvHcESHA="),
        ("$context.requestTimeEpoch", "1795262400000"),
        ("$context.routeKey", "GET /api/products/{sku}"),
        ("$context.status", "200"),
        ("$context.responseLatency", "12"),
        ("$context.integrationLatency", "10"),
        ("$context.responseLength", "2500"),
        ("$context.error.responseType", "-"),
        ("$context.integration.error", "-"),
    ];
    let format = &template.properties_of("Api")["AccessLogSettings"]["Format"];
    let format = format.as_str().context("the API's log has no format")?;
    let line = VALUES
        .iter()
        .fold(format.to_owned(), |line, (name, value)| line.replace(name, value));
    if let Some((_, rest)) = line.split_once("$context.") {
        bail!("the API logs something whose length is not known here: {rest}");
    }
    Ok(count(line.len()))
}

fn function(function: &sam_runner::template::Function) -> anyhow::Result<(String, Function)> {
    // Every function is told of the secret; its role says whether it reads it.
    let mut statements = function.role.statements.iter();
    let reads = statements.any(|statement| {
        let mut actions = statement.actions.iter();
        actions.any(|action| action == "secretsmanager:GetSecretValue")
    });
    let age = function.environment.get("SECRET_MAX_AGE").filter(|_| reads);
    let secret_max_age_s = age.map(|age| age.parse()).transpose().context("SECRET_MAX_AGE")?;
    let own = Function {
        memory_mb: f64::from(function.memory_mb),
        secret_max_age_s,
        operations: count(function.routes.len() + function.queues.len() + function.schedules.len()),
    };
    Ok((function.binary.name.clone(), own))
}

fn surroundings(parameter: Option<(&str, &str)>) -> Surroundings<'static> {
    Surroundings {
        stack_name: "kontor",
        region: "eu-central-1",
        account: "000000000000",
        parameters: parameter
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into_iter()
            .collect(),
        queue_url: &str::to_owned,
    }
}

/// A small number, to be multiplied.
pub(crate) fn count(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}
