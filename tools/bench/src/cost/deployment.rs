//! What of the templates costs something.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, bail};
use sam_runner::template::{Document, Resolver, Stack, Surroundings};
use serde_json::Value;

/// The processors of the functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Architecture {
    Arm64,
    X86,
}

/// Which invocations X-Ray records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tracing {
    Off,
    /// One a second of each function and a share of the rest.
    Sampled,
    Everything,
}

/// A function, as far as it costs.
#[derive(Clone, Debug)]
pub(crate) struct Function {
    pub(crate) memory_mb: f64,
    /// How old the secret may become, in seconds, where it reads one.
    pub(crate) secret_max_age_s: Option<f64>,
    /// Routes, queues and schedules: each has metrics of its own.
    pub(crate) operations: f64,
}

/// What a stage has whether or not anybody buys.
#[derive(Clone, Debug, Default)]
pub(crate) struct Standing {
    /// Metrics that alarms look at, counted once an alarm.
    pub(crate) alarm_metrics: f64,
    /// Keys of its own.
    pub(crate) keys: f64,
    pub(crate) dashboards: f64,
    pub(crate) firewalls: f64,
    pub(crate) firewall_rules: f64,
}

/// The stage `dev` as the template has it, with the choices that can be compared.
#[derive(Clone, Debug)]
pub(crate) struct Deployment {
    /// A REST API in the place of the HTTP API, for comparison.
    pub(crate) rest_api: bool,
    /// Whether the CDN asks the API for products, and not their function.
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
    /// Queues that Lambda polls for functions.
    pub(crate) event_source_mappings: f64,
    pub(crate) dev: Standing,
    pub(crate) prod: Standing,
}

impl Deployment {
    /// Reads `template.yaml`, and the templates in `infra`.
    pub(crate) fn read(root: &Path) -> anyhow::Result<Self> {
        let template = Document::read(&root.join("template.yaml"))?;
        let surroundings = surroundings("Stage", "dev");
        let resolver = Resolver::new(&template, &surroundings)?;
        let stack = Stack::read(&resolver)?;
        let mut globals = template.entries("Globals");
        let globals = globals.find(|(name, _)| *name == "Function");
        let globals = globals.context("the template has no Globals.Function")?.1;
        let global = |name: &str| -> anyhow::Result<Value> {
            let value = resolver.value(&globals[name], name)?;
            value.with_context(|| format!("the template's Globals have no {name}"))
        };
        let infra = |file: &str| Document::read(&root.join("infra").join(file));
        let (observability, edge) = (infra("observability.yaml")?, infra("edge.yaml")?);
        let (site, alarms) = (infra("site.yaml")?, infra("alarms.yaml")?);
        let dev = [(&template, "Stage", "dev"), (&alarms, "DataKeyArn", "")];
        let prod = [
            (&template, "Stage", "prod"),
            (&alarms, "DataKeyArn", "a key"),
            (&observability, "", ""),
        ];
        let mappings = stack.functions.iter().map(|function| function.queues.len());
        Ok(Self {
            rest_api: false,
            catalogue_by_api: origin_of_products(&site)? == "api",
            architecture: match global("Architectures")?[0].as_str() {
                Some("arm64") => Architecture::Arm64,
                Some("x86_64") => Architecture::X86,
                other => bail!("the architecture {other:?} has no price here"),
            },
            tracing: match global("Tracing")?.as_str() {
                Some("Active") => Tracing::Sampled,
                _ => Tracing::Off,
            },
            platform_logs: global("LoggingConfig")?["SystemLogLevel"] != "WARN",
            more_log_bytes: 0.0,
            access_log_bytes: access_log_bytes(&template)?,
            event_source_mappings: count(mappings.sum()),
            dev: Standing::read(&dev)?,
            prod: Standing::read(&prod)?.with_firewall(&edge),
            functions: stack
                .functions
                .iter()
                .map(function)
                .collect::<anyhow::Result<_>>()?,
        })
    }
}

impl Standing {
    /// What these templates make, each with the parameter that differs from its default.
    fn read(templates: &[(&Document, &str, &str)]) -> anyhow::Result<Self> {
        let mut standing = Self::default();
        for (template, parameter, value) in templates {
            let surroundings = surroundings(parameter, value);
            let resolver = Resolver::new(template, &surroundings)?;
            let alarms = resolver.resources("AWS::CloudWatch::Alarm")?;
            // An alarm over several metrics costs as much as one over each.
            let metrics = alarms
                .iter()
                .map(|id| match &template.properties_of(id).get("Metrics") {
                    Some(Value::Array(all)) => all
                        .iter()
                        .filter(|metric| metric.get("MetricStat").is_some())
                        .count(),
                    _ => 1,
                });
            standing.alarm_metrics += count(metrics.sum());
            standing.keys += count(resolver.resources("AWS::KMS::Key")?.len());
            standing.dashboards += count(resolver.resources("AWS::CloudWatch::Dashboard")?.len());
        }
        Ok(standing)
    }

    fn with_firewall(mut self, edge: &Document) -> Self {
        for (_, resource) in edge.entries("Resources") {
            if resource["Type"] == "AWS::WAFv2::WebACL" {
                self.firewalls += 1.0;
                let rules = resource["Properties"]["Rules"].as_array();
                self.firewall_rules += count(rules.map_or(0, Vec::len));
            }
        }
        self
    }
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

/// The API's log of a request, with values of the usual length.
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
    let mut line = format.as_str().context("the API's log has no format")?.to_owned();
    for (name, value) in VALUES {
        line = line.replace(name, value);
    }
    if let Some((_, rest)) = line.split_once("$context.") {
        bail!("the API logs something whose length is not known here: {rest}");
    }
    Ok(count(line.len()))
}

fn function(function: &sam_runner::template::Function) -> anyhow::Result<(String, Function)> {
    // Every function has the variable; its role says whether it may read the secret.
    let mut actions = function.role.statements.iter().flat_map(|one| &one.actions);
    let reads = actions.any(|action| action == "secretsmanager:GetSecretValue");
    let age = function.environment.get("SECRET_MAX_AGE").filter(|_| reads);
    let own = Function {
        memory_mb: f64::from(function.memory_mb),
        secret_max_age_s: age.map(|age| age.parse()).transpose().context("SECRET_MAX_AGE")?,
        operations: count(function.routes.len() + function.queues.len() + function.schedules.len()),
    };
    Ok((function.binary.name.clone(), own))
}

/// A stack with one parameter; none where it has no name.
fn surroundings(parameter: &str, value: &str) -> Surroundings<'static> {
    let parameter = (!parameter.is_empty()).then(|| (parameter.to_owned(), value.to_owned()));
    Surroundings {
        stack_name: "kontor",
        region: "eu-central-1",
        account: "000000000000",
        parameters: parameter.into_iter().collect(),
        queue_url: &str::to_owned,
    }
}

/// A small number, to be multiplied.
pub(crate) fn count(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}
