//! One message at a time: send, receive, delete, change visibility.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::super::Core;
use super::super::attributes::{MessageAttribute, is_wanted, md5_of_attributes, md5_of_body};
use super::super::error::SqsError;
use super::super::message::Message;
use super::{Answer, seconds};

/// Attributes that a message may have.
const MOST_ATTRIBUTES: usize = 10;
const TRACE_HEADER: &str = "AWSTraceHeader";

/// A message to be sent, by itself or in a batch.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct NewMessage {
    message_body: String,
    #[serde(default)]
    delay_seconds: Option<i64>,
    #[serde(default)]
    message_attributes: BTreeMap<String, MessageAttribute>,
    #[serde(default)]
    message_system_attributes: BTreeMap<String, MessageAttribute>,
}

impl NewMessage {
    /// Checks the message; returns it with the answer that its sender gets.
    pub(super) fn accept(self, core: &Core, queue: &str) -> Result<(Message, Value), SqsError> {
        let set = core.broker().queue(queue)?.attributes;
        self.check(set.maximum_message_size)?;
        let delay = self
            .delay_seconds
            .map_or(Ok(set.delay), |delay| seconds("DelaySeconds", delay, 900))?;
        let mut message = Message::new(self.message_body, core.clock.now_ms(), delay);
        let mut answer = json!({ "MessageId": message.id, "MD5OfMessageBody": md5_of_body(&message.body) });
        if let Some(md5) = md5_of_attributes(&self.message_attributes) {
            answer["MD5OfMessageAttributes"] = md5.into();
        }
        if let Some(md5) = md5_of_attributes(&self.message_system_attributes) {
            answer["MD5OfMessageSystemAttributes"] = md5.into();
        }
        message.attributes = self.message_attributes;
        message.trace_header = self
            .message_system_attributes
            .get(TRACE_HEADER)
            .and_then(|attribute| attribute.string_value.clone());
        Ok((message, answer))
    }

    /// Bytes that count towards the limits.
    pub(super) fn size(&self) -> usize {
        let attributes = self
            .message_attributes
            .iter()
            .map(|(name, attribute)| attribute.size(name));
        self.message_body.len() + attributes.sum::<usize>()
    }

    /// What is wrong with the message, in a queue whose messages measure up to `most` bytes.
    fn check(&self, most: u32) -> Result<(), SqsError> {
        if self.message_body.is_empty() {
            return Err(SqsError::parameter(
                "The request must contain the parameter MessageBody.",
            ));
        }
        if self.size() > most as usize {
            return Err(SqsError::parameter(format!(
                "One or more parameters are invalid. Reason: Message must be shorter than {most} bytes."
            )));
        }
        if let Some(character) = self
            .message_body
            .chars()
            .find(|&character| !is_allowed(character))
        {
            return Err(SqsError::message_contents(format!(
                "Invalid characters found: {:#x}",
                u32::from(character)
            )));
        }
        if self.message_attributes.len() > MOST_ATTRIBUTES {
            let found = self.message_attributes.len();
            return Err(SqsError::parameter(format!(
                "Number of message attributes [{found}] exceeds the allowed maximum [{MOST_ATTRIBUTES}]."
            )));
        }
        if let Some(other) = self
            .message_system_attributes
            .keys()
            .find(|name| *name != TRACE_HEADER)
        {
            return Err(SqsError::parameter(format!(
                "Message system attribute name '{other}' is invalid."
            )));
        }
        self.message_attributes
            .iter()
            .chain(&self.message_system_attributes)
            .try_for_each(|(name, attribute)| attribute.check(name).map_err(SqsError::parameter))
    }
}

/// The characters of XML 1.0, which SQS keeps to.
fn is_allowed(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

/// Sends a message; without a trace of its own it has that of the call (`X-Amzn-Trace-Id`).
pub(super) fn send(core: &Core, queue: &str, message: NewMessage, trace: Option<&str>) -> Answer {
    let (mut message, answer) = message.accept(core, queue)?;
    message.trace_header = message.trace_header.or(trace.map(str::to_owned));
    core.broker().send(queue, &[message])?;
    Ok(answer)
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Receive {
    max_number_of_messages: Option<i64>,
    visibility_timeout: Option<i64>,
    wait_time_seconds: Option<i64>,
    /// The old name of `MessageSystemAttributeNames`.
    #[serde(default)]
    attribute_names: Vec<String>,
    #[serde(default)]
    message_system_attribute_names: Vec<String>,
    #[serde(default)]
    message_attribute_names: Vec<String>,
}

pub(super) async fn receive(core: &Core, queue: &str, request: Receive) -> Answer {
    let max = match request.max_number_of_messages.unwrap_or(1) {
        max @ 1..=10 => usize::try_from(max).unwrap_or(1),
        max => {
            return Err(SqsError::parameter(format!(
                "Value {max} for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and 10, if provided."
            )));
        }
    };
    let wait = request
        .wait_time_seconds
        .map(|wait| seconds("WaitTimeSeconds", wait, 20))
        .transpose()?;
    let visibility = request.visibility_timeout.map(visibility).transpose()?;
    let messages = core.receive(queue, max, wait, visibility).await?;
    if messages.is_empty() {
        return Ok(json!({}));
    }
    let system = [request.attribute_names, request.message_system_attribute_names].concat();
    let shown = messages
        .into_iter()
        .map(|message| show(message, &system, &request.message_attribute_names));
    Ok(json!({ "Messages": shown.collect::<Vec<_>>() }))
}

fn show(message: Message, system: &[String], custom: &[String]) -> Value {
    let attributes: BTreeMap<String, String> = message
        .system_attributes()
        .into_iter()
        .filter(|(name, _)| system.iter().any(|wanted| wanted == "All" || wanted == name))
        .collect();
    let mut shown = json!({
        "MessageId": message.id,
        "ReceiptHandle": message.receipt_handle(),
        "MD5OfBody": md5_of_body(&message.body),
        "Body": message.body,
    });
    if !attributes.is_empty() {
        shown["Attributes"] = json!(attributes);
    }
    let custom: BTreeMap<String, MessageAttribute> = message
        .attributes
        .into_iter()
        .filter(|(name, _)| is_wanted(name, custom))
        .collect();
    if let Some(md5) = md5_of_attributes(&custom) {
        shown["MD5OfMessageAttributes"] = md5.into();
        shown["MessageAttributes"] = json!(custom);
    }
    shown
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Delete {
    receipt_handle: String,
}

pub(super) fn delete(core: &Core, queue: &str, request: &Delete) -> Answer {
    core.broker().delete(queue, &request.receipt_handle)?;
    Ok(json!({}))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ChangeVisibility {
    receipt_handle: String,
    visibility_timeout: Option<i64>,
}

pub(super) fn change_visibility(core: &Core, queue: &str, request: &ChangeVisibility) -> Answer {
    let timeout = request
        .visibility_timeout
        .ok_or_else(|| SqsError::parameter("The request must contain the parameter VisibilityTimeout."))?;
    let visibility = visibility(timeout)?;
    core.broker()
        .change_visibility(queue, &request.receipt_handle, visibility)?;
    Ok(json!({}))
}

/// A visibility timeout: up to 12 hours.
fn visibility(value: i64) -> Result<Duration, SqsError> {
    seconds("VisibilityTimeout", value, 12 * 3600)
}
