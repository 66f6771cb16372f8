//! Up to ten messages in one call, each of which succeeds or fails by itself.

use std::collections::HashSet;

use serde::Deserialize;
use serde_json::{Value, json};

use super::super::error::SqsError;
use super::super::{Core, QueueAttributes};
use super::Answer;
use super::messages::NewMessage;

const MOST_ENTRIES: usize = 10;
const LONGEST_ID: usize = 80;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Batch<T> {
    entries: Vec<Entry<T>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry<T> {
    id: String,
    #[serde(flatten)]
    payload: T,
}

impl<T> Batch<T> {
    /// What is wrong with the batch of `operation` as a whole.
    fn check(&self, operation: &str) -> Result<(), SqsError> {
        if self.entries.is_empty() {
            return Err(SqsError::empty_batch(format!(
                "There should be at least one {operation}RequestEntry in the request."
            )));
        }
        if self.entries.len() > MOST_ENTRIES {
            let found = self.entries.len();
            return Err(SqsError::too_many_entries(format!(
                "Maximum number of entries per request are {MOST_ENTRIES}. You have sent {found}."
            )));
        }
        let is_allowed =
            |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_');
        let is_id = |id: &str| !id.is_empty() && id.len() <= LONGEST_ID && id.chars().all(is_allowed);
        if !self.entries.iter().all(|entry| is_id(&entry.id)) {
            return Err(SqsError::entry_id_invalid(
                "A batch entry id can only contain alphanumeric characters, hyphens and underscores. \
                 It can be at most 80 letters long.",
            ));
        }
        let mut ids = HashSet::new();
        match self.entries.iter().find(|entry| !ids.insert(&entry.id)) {
            Some(entry) => Err(SqsError::entry_ids_not_distinct(format!(
                "Id {} repeated.",
                entry.id
            ))),
            None => Ok(()),
        }
    }

    /// Does each entry by itself, and answers for each.
    fn run(self, mut run: impl FnMut(T) -> Result<Value, SqsError>) -> Value {
        let (mut successful, mut failed) = (Vec::new(), Vec::new());
        for entry in self.entries {
            match run(entry.payload) {
                Ok(mut answer) => {
                    answer["Id"] = entry.id.into();
                    successful.push(answer);
                }
                Err(error) => failed.push(json!({
                    "Id": entry.id,
                    "SenderFault": true,
                    "Code": error.code(),
                    "Message": error.to_string(),
                })),
            }
        }
        let mut answer = json!({ "Successful": successful });
        if !failed.is_empty() {
            answer["Failed"] = failed.into();
        }
        answer
    }
}

pub(super) fn send(core: &Core, queue: &str, batch: Batch<NewMessage>) -> Answer {
    batch.check("SendMessageBatch")?;
    core.broker().queue(queue)?;
    let size: usize = batch.entries.iter().map(|entry| entry.payload.size()).sum();
    let most = QueueAttributes::largest_message();
    if size > most as usize {
        return Err(SqsError::batch_too_long(format!(
            "Batch requests cannot be longer than {most} bytes. You have sent {size} bytes."
        )));
    }
    let mut messages = Vec::new();
    let answer = batch.run(|message| {
        let (message, answer) = message.accept(core, queue)?;
        messages.push(message);
        Ok(answer)
    });
    core.broker().send(queue, &messages)?;
    Ok(answer)
}

/// Makes the call for each entry by itself.
pub(super) fn each<T>(
    core: &Core,
    queue: &str,
    operation: &str,
    batch: Batch<T>,
    call: fn(&Core, &str, &T) -> Answer,
) -> Answer {
    batch.check(operation)?;
    core.broker().queue(queue)?;
    Ok(batch.run(|entry| call(core, queue, &entry)))
}
