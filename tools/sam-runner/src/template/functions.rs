//! The functions of the template.

use super::events::Events;
use super::{Properties, QueueSource, Resolver, Result, Role, Route, ScheduleSource, TemplateError};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What SAM assumes when neither the function nor `Globals` says it.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(3);
const DEFAULT_MEMORY_MB: u32 = 128;
/// Lambda refuses more.
const LONGEST_TIMEOUT_S: u64 = 900;

/// A Lambda function as the template describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    /// Logical id in the template.
    pub id: String,
    /// Name in the account, for instance `kontor-checkout`.
    pub name: String,
    /// The binary that it runs.
    pub binary: Binary,
    /// What each deployment publishes it under, such as `live` (`AutoPublishAlias`).
    pub alias: Option<String>,
    /// How long one invocation may take.
    pub timeout: Duration,
    /// Memory in MB. Passed to the function; not enforced here.
    pub memory_mb: u32,
    /// Its own environment variables, all resolved.
    pub environment: BTreeMap<String, String>,
    /// What it may do.
    pub role: Role,
    /// Most invocations at once, when the template reserves some.
    pub reserved_concurrency: Option<usize>,
    /// Routes that it answers.
    pub routes: Vec<Route>,
    /// Queues that it works off.
    pub queues: Vec<QueueSource>,
    /// Clocks that start it.
    pub schedules: Vec<ScheduleSource>,
}

/// The binary of a function, before it is built.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Binary {
    /// Name of the cargo binary target (`Metadata.BuildProperties.Binary`).
    pub name: String,
    /// Directory of its package or of the workspace (`CodeUri`), absolute if the template's is.
    pub source: PathBuf,
}

impl Function {
    pub(super) fn read(resolver: &Resolver<'_>, id: &str) -> Result<Self> {
        let properties = resolver.properties(
            id,
            &[
                "AutoPublishAlias",
                "CodeUri",
                "Environment",
                "Events",
                "MemorySize",
                "ReservedConcurrentExecutions",
                "Runtime",
                "Timeout",
            ],
        )?;
        check_runtime(&properties)?;
        let timeout = properties.seconds("Timeout")?.unwrap_or(DEFAULT_TIMEOUT);
        if timeout.is_zero() || timeout.as_secs() > LONGEST_TIMEOUT_S {
            return Err(properties.fault("Timeout", "must be 1 to 900 seconds"));
        }
        let Events {
            routes,
            queues,
            schedules,
        } = Events::read(&properties.section("Events")?)?;
        Ok(Self {
            id: id.to_owned(),
            name: resolver.physical_name(id, properties.place())?,
            binary: binary(resolver, id, &properties)?,
            alias: properties.text("AutoPublishAlias")?,
            timeout,
            memory_mb: properties.number("MemorySize")?.unwrap_or(DEFAULT_MEMORY_MB),
            environment: environment(&properties)?,
            role: Role::of_function(resolver, id)?,
            reserved_concurrency: properties
                .number("ReservedConcurrentExecutions")?
                .map(|most| most as usize),
            routes,
            queues,
            schedules,
        })
    }

    /// Whether `name` is this function's name, its id in the template or its binary's name.
    pub fn is_called(&self, name: &str) -> bool {
        [&self.name, &self.id, &self.binary.name]
            .into_iter()
            .any(|own| own == name)
    }
}

fn check_runtime(properties: &Properties) -> Result<()> {
    let runtime = properties.text("Runtime")?.unwrap_or_default();
    if runtime.starts_with("provided.") {
        return Ok(());
    }
    Err(properties.fault(
        "Runtime",
        format!("must be provided.al2023 (a binary of its own), not `{runtime}`"),
    ))
}

fn binary(resolver: &Resolver<'_>, id: &str, properties: &Properties) -> Result<Binary> {
    let place = format!("Resources.{id}.Metadata");
    let metadata = resolver
        .document()
        .entry("Resources", id)
        .and_then(|resource| resource.get("Metadata"));
    let metadata = match metadata
        .map(|metadata| resolver.value(metadata, &place))
        .transpose()?
        .flatten()
    {
        Some(Value::Object(metadata)) => metadata,
        _ => Map::new(),
    };
    let metadata = Properties::new(&place, metadata);
    match metadata.text("BuildMethod")?.as_deref() {
        Some("rust-cargolambda") => {}
        _ => {
            return Err(TemplateError::at(
                place,
                "must say `BuildMethod: rust-cargolambda`, so that it can be built",
            ));
        }
    }
    let source = resolver
        .document()
        .directory()
        .join(properties.required_text("CodeUri")?);
    let name = match metadata.section("BuildProperties")?.text("Binary")? {
        Some(name) => name,
        None => folder_name(&source).ok_or_else(|| {
            TemplateError::at(&place, "must name its binary: `BuildProperties: {Binary: name}`")
        })?,
    };
    Ok(Binary { name, source })
}

fn folder_name(path: &Path) -> Option<String> {
    Some(path.file_name()?.to_str()?.to_owned())
}

fn environment(properties: &Properties) -> Result<BTreeMap<String, String>> {
    let variables = properties.section("Environment")?.section("Variables")?;
    let read = |name: &str| Ok((name.to_owned(), variables.required_text(name)?));
    variables.names().map(read).collect()
}
