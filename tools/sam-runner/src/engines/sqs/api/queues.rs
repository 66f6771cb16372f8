//! Queues: create, look at, purge, and move dead letters back.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::super::broker::{Broker, Queue};
use super::super::error::SqsError;
use super::super::{Core, Counts, QueueAttributes, Redrive, arn, moving};
use super::{Answer, queue_in_arn};

const LONGEST_NAME: usize = 80;
/// Queues in a page of a list.
const MOST_LISTED: usize = 1000;
/// Attributes of SQS that are kept and shown, and mean nothing here.
const WITHOUT_EFFECT: [&str; 5] = [
    "KmsDataKeyReusePeriodSeconds",
    "KmsMasterKeyId",
    "Policy",
    "RedriveAllowPolicy",
    "SqsManagedSseEnabled",
];

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Create {
    queue_name: String,
    #[serde(default)]
    attributes: BTreeMap<String, String>,
}

pub(super) fn create(core: &Core, request: &Create) -> Answer {
    let name = &request.queue_name;
    let is_allowed = |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_');
    if name.strip_suffix(".fifo").is_some() {
        return Err(SqsError::unsupported(
            "FIFO queues are not part of the local world.",
        ));
    }
    if name.is_empty() || name.len() > LONGEST_NAME || !name.chars().all(is_allowed) {
        return Err(SqsError::parameter(
            "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length",
        ));
    }
    let mut broker = core.broker();
    let existing = broker.queue(name).ok().map(|queue| queue.attributes);
    let mut attributes = existing.clone().unwrap_or_default();
    set(&mut attributes, &request.attributes, &broker)?;
    match existing {
        Some(existing) if existing != attributes => {
            return Err(SqsError::queue_exists(
                "A queue already exists with the same name and a different value for an attribute",
            ));
        }
        Some(_) => {}
        None => broker.create(name, attributes)?,
    }
    Ok(json!({ "QueueUrl": core.names(name).url }))
}

pub(super) fn list_dead_letter_sources(core: &Core, queue: &str) -> Answer {
    let broker = core.broker();
    broker.queue(queue)?;
    let sources = broker.sources_of(queue)?;
    let urls: Vec<String> = sources.iter().map(|name| core.names(name).url).collect();
    Ok(json!({ "queueUrls": urls }))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GetUrl {
    queue_name: String,
}

pub(super) fn get_url(core: &Core, request: &GetUrl) -> Answer {
    core.broker().queue(&request.queue_name)?;
    Ok(json!({ "QueueUrl": core.names(&request.queue_name).url }))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct List {
    #[serde(default)]
    queue_name_prefix: String,
    max_results: Option<usize>,
    /// The last queue of the page before.
    #[serde(default)]
    next_token: String,
}

pub(super) fn list(core: &Core, request: &List) -> Answer {
    let most = request.max_results.unwrap_or(MOST_LISTED);
    if !(1..=MOST_LISTED).contains(&most) {
        return Err(SqsError::parameter(format!(
            "Value {most} for parameter MaxResults is invalid. Reason: MaxResults must be >= 1 and <= {MOST_LISTED}."
        )));
    }
    let mut names = core.broker().names_with(&request.queue_name_prefix)?;
    names.retain(|name| *name > request.next_token);
    let goes_on = names.len() > most;
    names.truncate(most);
    let mut answer = json!({});
    if !names.is_empty() {
        answer["QueueUrls"] = names.iter().map(|name| core.names(name).url).collect();
    }
    if goes_on && request.max_results.is_some() {
        answer["NextToken"] = json!(names.last());
    }
    Ok(answer)
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GetAttributes {
    #[serde(default)]
    attribute_names: Vec<String>,
}

pub(super) fn get_attributes(core: &Core, queue: &str, request: &GetAttributes) -> Answer {
    let broker = core.broker();
    let mut attributes = shown(queue, broker.queue(queue)?, broker.counts(queue)?);
    let wanted = &request.attribute_names;
    let is_known = |name: &str| {
        attributes.contains_key(name)
            || ["All", "RedrivePolicy"].contains(&name)
            || WITHOUT_EFFECT.contains(&name)
    };
    if let Some(other) = wanted.iter().find(|name| !is_known(name)) {
        return Err(unknown_attribute(other));
    }
    attributes.retain(|name, _| wanted.iter().any(|wanted| wanted == "All" || wanted == name));
    Ok(if attributes.is_empty() {
        json!({})
    } else {
        json!({ "Attributes": attributes })
    })
}

/// The attributes as they are on the wire, all of them text. Those that were set stand above the defaults.
fn shown(name: &str, queue: Queue, counts: Counts) -> BTreeMap<String, String> {
    let set = queue.attributes;
    let seconds = |duration: Duration| duration.as_secs().to_string();
    let created = (queue.created_at / 1000).to_string();
    let redrive = set.redrive.map(|redrive| {
        let policy = json!({
            "deadLetterTargetArn": arn(&redrive.target_queue),
            "maxReceiveCount": redrive.max_receive_count,
        });
        ("RedrivePolicy", policy.to_string())
    });
    let has_own_key = set.without_effect.contains_key("KmsMasterKeyId");
    let always = [
        ("ApproximateNumberOfMessages", counts.waiting.to_string()),
        ("ApproximateNumberOfMessagesDelayed", counts.delayed.to_string()),
        (
            "ApproximateNumberOfMessagesNotVisible",
            counts.in_flight.to_string(),
        ),
        ("CreatedTimestamp", created.clone()),
        ("DelaySeconds", seconds(set.delay)),
        ("LastModifiedTimestamp", created),
        ("MaximumMessageSize", set.maximum_message_size.to_string()),
        ("MessageRetentionPeriod", seconds(set.message_retention_period)),
        ("QueueArn", arn(name)),
        (
            "ReceiveMessageWaitTimeSeconds",
            seconds(set.receive_message_wait_time),
        ),
        ("SqsManagedSseEnabled", (!has_own_key).to_string()),
        ("VisibilityTimeout", seconds(set.visibility_timeout)),
    ];
    let mut shown: BTreeMap<String, String> = always
        .into_iter()
        .chain(redrive)
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    shown.extend(set.without_effect);
    shown
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SetAttributes {
    #[serde(default)]
    attributes: BTreeMap<String, String>,
}

pub(super) fn set_attributes(core: &Core, queue: &str, request: &SetAttributes) -> Answer {
    let mut broker = core.broker();
    let mut attributes = broker.queue(queue)?.attributes;
    set(&mut attributes, &request.attributes, &broker)?;
    broker.create(queue, attributes)?;
    Ok(json!({}))
}

/// Reads attributes as they are on the wire, all of them text; an empty one takes a policy away.
fn set(
    attributes: &mut QueueAttributes,
    given: &BTreeMap<String, String>,
    broker: &Broker,
) -> Result<(), SqsError> {
    for (name, value) in given {
        let number = |least: u32, most: u32| match value.parse() {
            Ok(number) if (least..=most).contains(&number) => Ok(number),
            _ => Err(SqsError::attribute_value(format!(
                "Invalid value for the parameter {name}."
            ))),
        };
        let seconds = |least, most| number(least, most).map(|seconds| Duration::from_secs(seconds.into()));
        match name.as_str() {
            "VisibilityTimeout" => attributes.visibility_timeout = seconds(0, 43_200)?,
            "MessageRetentionPeriod" => attributes.message_retention_period = seconds(60, 1_209_600)?,
            "DelaySeconds" => attributes.delay = seconds(0, 900)?,
            "ReceiveMessageWaitTimeSeconds" => attributes.receive_message_wait_time = seconds(0, 20)?,
            "MaximumMessageSize" => {
                attributes.maximum_message_size = number(1024, QueueAttributes::largest_message())?;
            }
            "RedrivePolicy" => attributes.redrive = redrive(value, broker)?,
            other if WITHOUT_EFFECT.contains(&other) && value.is_empty() => {
                attributes.without_effect.remove(other);
            }
            other if WITHOUT_EFFECT.contains(&other) => {
                attributes.without_effect.insert(name.clone(), value.clone());
            }
            other => return Err(unknown_attribute(other)),
        }
    }
    Ok(())
}

fn unknown_attribute(name: &str) -> SqsError {
    SqsError::attribute_name(format!("Unknown Attribute {name}."))
}

/// A redrive policy: JSON in text; the count may be text again. The queue for dead letters must be there.
fn redrive(policy: &str, broker: &Broker) -> Result<Option<Redrive>, SqsError> {
    if policy.is_empty() {
        return Ok(None);
    }
    let invalid = || SqsError::attribute_value("Invalid value for the parameter RedrivePolicy.");
    let policy: Value = serde_json::from_str(policy).map_err(|_| invalid())?;
    let target = queue_in_arn(policy["deadLetterTargetArn"].as_str().ok_or_else(invalid)?)?;
    broker
        .queue(target)
        .map_err(|_| SqsError::parameter("Dead letter target does not exist."))?;
    let count = &policy["maxReceiveCount"];
    let count = count
        .as_u64()
        .or_else(|| count.as_str()?.parse().ok())
        .ok_or_else(invalid)?;
    match u32::try_from(count) {
        Ok(max_receive_count @ 1..=1000) => Ok(Some(Redrive {
            target_queue: target.to_owned(),
            max_receive_count,
        })),
        _ => Err(invalid()),
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct StartMoveTask {
    source_arn: String,
    destination_arn: Option<String>,
    max_number_of_messages_per_second: Option<usize>,
}

pub(super) fn start_move_task(core: &Arc<Core>, request: &StartMoveTask) -> Answer {
    let source = queue_in_arn(&request.source_arn)?;
    core.broker().queue(source).map_err(|_| {
        SqsError::resource_not_found(
            "The resource that you specified for the SourceArn parameter doesn't exist.",
        )
    })?;
    let destination = request.destination_arn.as_deref();
    let destination = destination.map(queue_in_arn).transpose()?;
    let pace = request.max_number_of_messages_per_second;
    if pace.is_some_and(|pace| !(1..=500).contains(&pace)) {
        return Err(SqsError::parameter(
            "MaxNumberOfMessagesPerSecond must be between 1 and 500.",
        ));
    }
    let handle = moving::start(core, source, destination, pace)?;
    Ok(json!({ "TaskHandle": handle }))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListMoveTasks {
    source_arn: String,
    #[serde(default)]
    max_results: Option<usize>,
}

pub(super) fn list_move_tasks(core: &Core, request: &ListMoveTasks) -> Answer {
    let source = queue_in_arn(&request.source_arn)?;
    Ok(json!({ "Results": moving::list(core, source, request.max_results.unwrap_or(1).clamp(1, 10)) }))
}
