//! A message as it is stored, and the handle of one receive of it.

use std::collections::BTreeMap;
use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use rusqlite::Row;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::attributes::MessageAttribute;
use crate::engines::clock::{Millis, millis};
use crate::runtime::new_request_id;

/// A message, as sent and with what has happened to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message {
    /// The message id that SendMessage returned, a UUID.
    pub(super) id: String,
    pub(super) body: String,
    pub(super) attributes: BTreeMap<String, MessageAttribute>,
    /// The `AWSTraceHeader` it was sent with.
    pub(super) trace_header: Option<String>,
    /// When it was sent. Moving to a dead-letter queue doesn't change it.
    pub(super) sent_at: Millis,
    pub(super) receive_count: u32,
    pub(super) first_received_at: Option<Millis>,
    pub(super) last_received_at: Millis,
    /// Hidden until then.
    pub(super) visible_at: Millis,
    /// The queue whose dead letter it is.
    pub(super) dead_letter_of: Option<String>,
}

impl Message {
    /// A message sent at `now`, and hidden for `delay`.
    pub(super) fn new(body: String, now: Millis, delay: Duration) -> Message {
        Message {
            id: new_request_id(),
            body,
            attributes: BTreeMap::new(),
            trace_header: None,
            sent_at: now,
            receive_count: 0,
            first_received_at: None,
            last_received_at: 0,
            visible_at: now.saturating_add(millis(delay)),
            dead_letter_of: None,
        }
    }

    /// Reads a row of `messages`.
    pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Message> {
        Ok(Message {
            id: row.get("message_id")?,
            body: row.get("body")?,
            attributes: row.get::<_, Json<_>>("attributes")?.0,
            trace_header: row.get("trace_header")?,
            sent_at: row.get("sent_at")?,
            receive_count: row.get("receive_count")?,
            first_received_at: row.get("first_received_at")?,
            last_received_at: row.get("last_received_at")?,
            visible_at: row.get("visible_at")?,
            dead_letter_of: row.get("dead_letter_of")?,
        })
    }

    /// The handle of its latest receive.
    pub(super) fn receipt_handle(&self) -> String {
        let handle = format!("{MARK}{}/{}", self.id, self.receive_count);
        BASE64URL_NOPAD.encode(handle.as_bytes())
    }

    /// The system attributes that go with the message.
    pub(super) fn system_attributes(&self) -> BTreeMap<String, String> {
        let first_received_at = self.first_received_at.unwrap_or(self.sent_at);
        let always = [
            ("ApproximateReceiveCount", self.receive_count.to_string()),
            ("ApproximateFirstReceiveTimestamp", first_received_at.to_string()),
            ("SentTimestamp", self.sent_at.to_string()),
            ("SenderId", super::ACCOUNT.to_owned()),
        ];
        let trace = self.trace_header.clone().map(|trace| ("AWSTraceHeader", trace));
        let source = self.dead_letter_of.as_deref();
        let source = source.map(|queue| ("DeadLetterQueueSourceArn", super::arn(queue)));
        let attributes = always.into_iter().chain(trace).chain(source);
        attributes.map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

const MARK: &str = "kntr/";

/// The message id and receive count in a receipt handle; `None` for what no queue has ever given out.
pub(super) fn read_handle(handle: &str) -> Option<(String, u32)> {
    let bytes = BASE64URL_NOPAD.decode(handle.as_bytes()).ok()?;
    let (id, receive_count) = std::str::from_utf8(&bytes)
        .ok()?
        .strip_prefix(MARK)?
        .split_once('/')?;
    Some((id.to_owned(), receive_count.parse().ok()?))
}

/// A value stored as JSON text.
pub(super) struct Json<T>(pub(super) T);

impl<T: DeserializeOwned> FromSql for Json<T> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let value = serde_json::from_str(value.as_str()?);
        value.map(Self).map_err(|error| FromSqlError::Other(error.into()))
    }
}

impl<T: Serialize> ToSql for Json<T> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let text = serde_json::to_string(&self.0);
        text.map(ToSqlOutput::from)
            .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receipt_handle_reads_back_and_nothing_else_does() {
        let mut message = Message::new(String::new(), 0, Duration::ZERO);
        message.receive_count = 17;
        let handle = message.receipt_handle();
        assert_eq!(read_handle(&handle), Some((message.id, 17)));
        for other in ["", "nonsense", "a250cg", &handle[1..], &format!("{handle}AAAA")] {
            assert_eq!(read_handle(other), None, "{other}");
        }
    }
}
