//! All queues and their messages: SQLite, in memory or in one file, so that what was acknowledged survives a kill.
//!
//! A message is *waiting* (in line, to be received), or *hidden* until a time (delayed, or received and in flight).

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use rusqlite::{Connection, OptionalExtension, params};
use tokio::sync::Notify;

use super::error::SqsError;
use super::message::{Json, Message, read_handle};
use super::{Counts, QueueAttributes};
use crate::engines::clock::{Clock, Millis, millis};
use crate::runtime::new_request_id;

/// Messages that one queue may have in flight, as at SQS.
const MOST_IN_FLIGHT: usize = 120_000;
/// A message may be in flight this long in all.
const LONGEST_IN_FLIGHT: Duration = Duration::from_hours(12);
/// A queue may be purged once in this time.
const BETWEEN_PURGES: Duration = Duration::from_mins(1);

const FILE: &str = "sqs.sqlite";

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS queues (
        name TEXT PRIMARY KEY, attributes TEXT NOT NULL, created_at INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS messages (
        number INTEGER PRIMARY KEY, queue TEXT NOT NULL, message_id TEXT NOT NULL, body TEXT NOT NULL,
        attributes TEXT NOT NULL, trace_header TEXT, sent_at INTEGER NOT NULL, receive_count INTEGER NOT NULL,
        first_received_at INTEGER, last_received_at INTEGER NOT NULL, visible_at INTEGER NOT NULL, dead_letter_of TEXT
    );
    CREATE INDEX IF NOT EXISTS messages_by_id ON messages (message_id);
    CREATE INDEX IF NOT EXISTS messages_in_line ON messages (queue, visible_at, number);
    CREATE INDEX IF NOT EXISTS messages_by_age ON messages (queue, sent_at);
    CREATE INDEX IF NOT EXISTS messages_received ON messages (queue, receive_count) WHERE receive_count > 0;";

const FORGET_OLD: &str = "
    DELETE FROM messages WHERE number IN (
        SELECT number FROM queues CROSS JOIN messages ON queue = name
            AND sent_at <= ?1 - 1000 * (queues.attributes ->> '$.message_retention_period.secs')
    )";

const BURY_DEAD: &str = "
    UPDATE messages SET dead_letter_of = queue, visible_at = ?1,
        queue = (SELECT attributes ->> '$.redrive.target_queue' FROM queues WHERE name = queue)
    WHERE number IN (
        SELECT number FROM queues CROSS JOIN messages ON queue = name AND receive_count > 0
            AND receive_count >= (queues.attributes ->> '$.redrive.max_receive_count') AND visible_at <= ?1
        WHERE queues.attributes ->> '$.redrive.target_queue' IN (SELECT name FROM queues)
    ) RETURNING *";

const IN_FLIGHT: &str = "visible_at > ?2 AND receive_count > 0";

const NEXT_IN_LINE: &str = "
    SELECT number FROM messages WHERE queue = ?1 AND visible_at <= ?2 ORDER BY visible_at, number LIMIT ?3";

const RECEIVE: &str = "
    UPDATE messages SET receive_count = receive_count + 1, first_received_at = coalesce(first_received_at, ?2),
        last_received_at = ?2, visible_at = ?3
    WHERE number = ?1 RETURNING *";

const MOVABLE: &str = "
    SELECT number, coalesce(?3, dead_letter_of) AS target FROM messages
    WHERE queue = ?1 AND visible_at <= ?2 AND target IN (SELECT name FROM queues)
    ORDER BY visible_at, number LIMIT ?4";

const MOVE: &str = "
    UPDATE messages SET queue = ?2, message_id = ?3, sent_at = ?4, visible_at = ?4, receive_count = 0,
        first_received_at = NULL, last_received_at = 0, dead_letter_of = NULL
    WHERE number = ?1";

type Result<T> = std::result::Result<T, SqsError>;

/// The queues.
pub(super) struct Broker {
    db: Connection,
    clock: Clock,
    /// Notified when messages of a queue come into line by a call, and not by time.
    arrivals: HashMap<String, Arc<Notify>>,
    purged_at: HashMap<String, Millis>,
}

/// A queue, without its messages.
#[derive(Debug, Clone)]
pub(super) struct Queue {
    pub(super) attributes: QueueAttributes,
    pub(super) created_at: Millis,
}

impl Broker {
    /// Starts empty, or with what `data` holds.
    pub(super) fn open(clock: Clock, data: Option<&Path>) -> anyhow::Result<Broker> {
        let path = data.map(|data| data.join(FILE));
        if let Some(data) = data {
            std::fs::create_dir_all(data)
                .with_context(|| format!("the data directory {} cannot be made", data.display()))?;
        }
        let open = || -> rusqlite::Result<Connection> {
            let db = path
                .as_ref()
                .map_or_else(Connection::open_in_memory, Connection::open)?;
            db.busy_timeout(Duration::from_secs(5))?;
            db.set_prepared_statement_cache_capacity(64);
            db.pragma_update(None, "journal_mode", "WAL")?;
            // A commit is in the system's hands when it returns, which a killed process doesn't undo. The disk itself
            // is only waited for at checkpoints.
            db.pragma_update(None, "synchronous", "NORMAL")?;
            db.execute_batch(SCHEMA)?;
            Ok(db)
        };
        let db = open().with_context(|| {
            let place = path.clone().unwrap_or_default();
            format!("opening the queues in {}", place.display())
        })?;
        Ok(Broker {
            db,
            clock,
            arrivals: HashMap::new(),
            purged_at: HashMap::new(),
        })
    }

    /// Lets everything happen that is due: messages die or are forgotten. Those that come back only become visible.
    pub(super) fn advance(&mut self) -> Result<()> {
        let now = self.clock.now_ms();
        self.db.prepare_cached(FORGET_OLD)?.execute([now])?;
        let dead = self
            .db
            .prepare_cached(BURY_DEAD)?
            .query_map([now], |row| Ok((row.get("queue")?, Message::read(row)?)))?
            .collect::<rusqlite::Result<Vec<(String, Message)>>>()?;
        for (queue, message) in dead {
            tracing::warn!(
                queue = message.dead_letter_of,
                dead_letter_queue = queue,
                message.id = message.id,
                receives = message.receive_count,
                "a message was received too often and is a dead letter now"
            );
            self.arrived(&queue);
        }
        Ok(())
    }

    /// Creates a queue or changes an existing one's attributes.
    pub(super) fn create(&mut self, name: &str, attributes: QueueAttributes) -> Result<()> {
        let now = self.clock.now_ms();
        self.db.execute(
            "INSERT INTO queues VALUES (?1, ?2, ?3)
                ON CONFLICT (name) DO UPDATE SET attributes = excluded.attributes",
            params![name, Json(attributes), now],
        )?;
        Ok(())
    }

    /// Removes a queue with all its messages.
    pub(super) fn remove(&mut self, name: &str) -> Result<()> {
        self.queue(name)?;
        self.purged_at.remove(name);
        self.db.execute("DELETE FROM messages WHERE queue = ?1", [name])?;
        self.db.execute("DELETE FROM queues WHERE name = ?1", [name])?;
        Ok(())
    }

    /// Puts new messages into a queue; all of them, or none if they cannot be kept.
    pub(super) fn send(&mut self, queue: &str, messages: &[Message]) -> Result<()> {
        self.queue(queue)?;
        let transaction = self.db.transaction()?;
        for message in messages {
            transaction
                .prepare_cached(
                    "INSERT INTO messages VALUES (NULL, ?1, ?2, ?3, ?4, ?5, ?6, 0, NULL, 0, ?7, NULL)",
                )?
                .execute(params![
                    queue,
                    message.id,
                    message.body,
                    Json(&message.attributes),
                    message.trace_header,
                    message.sent_at,
                    message.visible_at,
                ])?;
        }
        transaction.commit()?;
        self.arrived(queue);
        Ok(())
    }

    /// Receives up to `max` messages that are in line, hiding each for `visibility` or as long as the queue is set to.
    pub(super) fn receive(
        &mut self,
        queue: &str,
        max: usize,
        visibility: Option<Duration>,
    ) -> Result<Vec<Message>> {
        let attributes = self.queue(queue)?.attributes;
        if self.count(queue, IN_FLIGHT)? >= MOST_IN_FLIGHT {
            return Err(SqsError::over_limit("Too many messages in flight."));
        }
        let now = self.clock.now_ms();
        let visible_at = now.saturating_add(millis(visibility.unwrap_or(attributes.visibility_timeout)));
        let transaction = self.db.transaction()?;
        let numbers = transaction
            .prepare_cached(NEXT_IN_LINE)?
            .query_map(params![queue, now, max], |row| row.get(0))?
            .collect::<rusqlite::Result<Vec<i64>>>()?;
        let mut messages = Vec::with_capacity(numbers.len());
        for number in numbers {
            let mut receive = transaction.prepare_cached(RECEIVE)?;
            messages.push(receive.query_row(params![number, now, visible_at], Message::read)?);
        }
        transaction.commit()?;
        Ok(messages)
    }

    /// Deletes what a receipt handle names; a stale one deletes nothing, and that is no error.
    pub(super) fn delete(&mut self, queue: &str, receipt_handle: &str) -> Result<()> {
        self.queue(queue)?;
        let (id, receive_count) = decode(receipt_handle)?;
        self.db
            .prepare_cached(
                "DELETE FROM messages WHERE message_id = ?1 AND queue = ?2 AND receive_count = ?3",
            )?
            .execute(params![id, queue, receive_count])?;
        Ok(())
    }

    /// Changes how long a message in flight stays hidden, counted from now.
    pub(super) fn change_visibility(
        &mut self,
        queue: &str,
        receipt_handle: &str,
        visibility: Duration,
    ) -> Result<()> {
        self.queue(queue)?;
        let (id, _) = decode(receipt_handle)?;
        let message = self
            .db
            .prepare_cached("SELECT * FROM messages WHERE message_id = ?1 AND queue = ?2")?
            .query_row(params![id, queue], Message::read)
            .optional()?
            .ok_or_else(|| {
                SqsError::parameter(
                    "Value for parameter ReceiptHandle is invalid. Reason: Message does not exist or is not available \
                     for visibility timeout change.",
                )
            })?;
        let now = self.clock.now_ms();
        // Any receipt of a message in flight will do, as at SQS.
        if message.visible_at <= now {
            return Err(SqsError::message_not_in_flight(
                "The specified message isn't in flight.",
            ));
        }
        let visible_at = now.saturating_add(millis(visibility));
        if visible_at > message.last_received_at.saturating_add(millis(LONGEST_IN_FLIGHT)) {
            return Err(SqsError::parameter(
                "Total VisibilityTimeout for the message is beyond the limit [43200 seconds]",
            ));
        }
        self.db
            .prepare_cached("UPDATE messages SET visible_at = ?2 WHERE message_id = ?1")?
            .execute(params![id, visible_at])?;
        self.advance()?;
        self.arrived(queue);
        Ok(())
    }

    /// Drops all messages of a queue, at most once a minute.
    pub(super) fn purge(&mut self, queue: &str) -> Result<()> {
        self.queue(queue)?;
        let now = self.clock.now_ms();
        let last = self.purged_at.get(queue);
        if last.is_some_and(|last| now < last + millis(BETWEEN_PURGES)) {
            return Err(SqsError::purge_in_progress(format!(
                "Only one PurgeQueue operation on {queue} is allowed every 60 seconds."
            )));
        }
        self.purged_at.insert(queue.to_owned(), now);
        self.db
            .execute("DELETE FROM messages WHERE queue = ?1", [queue])?;
        Ok(())
    }

    /// Moves up to `limit` messages in line out of a dead-letter queue: to `destination`, or each to where it came from.
    /// As at SQS they are new messages then: a new id, sent now, never received. Returns how many moved.
    pub(super) fn move_back(
        &mut self,
        queue: &str,
        destination: Option<&str>,
        limit: usize,
    ) -> Result<usize> {
        let now = self.clock.now_ms();
        let transaction = self.db.transaction()?;
        let movable = transaction
            .prepare_cached(MOVABLE)?
            .query_map(params![queue, now, destination, limit], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })?
            .collect::<rusqlite::Result<Vec<(i64, String)>>>()?;
        for (number, target) in &movable {
            let mut moving = transaction.prepare_cached(MOVE)?;
            moving.execute(params![number, target, new_request_id(), now])?;
        }
        transaction.commit()?;
        for (_, target) in &movable {
            self.arrived(target);
        }
        Ok(movable.len())
    }

    /// Queues whose dead letters go to `queue`.
    pub(super) fn sources_of(&self, queue: &str) -> Result<Vec<String>> {
        self.names("attributes ->> '$.redrive.target_queue' = ?1", queue)
    }

    /// Queues whose names begin with `prefix`.
    pub(super) fn names_with(&self, prefix: &str) -> Result<Vec<String>> {
        self.names("substr(name, 1, length(?1)) = ?1", prefix)
    }

    fn names(&self, condition: &str, argument: &str) -> Result<Vec<String>> {
        let query = format!("SELECT name FROM queues WHERE {condition} ORDER BY name");
        let mut query = self.db.prepare_cached(&query)?;
        let names = query.query_map([argument], |row| row.get(0))?;
        Ok(names.collect::<rusqlite::Result<_>>()?)
    }

    pub(super) fn queue(&self, name: &str) -> Result<Queue> {
        self.db
            .prepare_cached("SELECT attributes, created_at FROM queues WHERE name = ?1")?
            .query_row([name], |row| {
                Ok(Queue {
                    attributes: row.get::<_, Json<_>>(0)?.0,
                    created_at: row.get(1)?,
                })
            })
            .optional()?
            .ok_or_else(SqsError::queue_does_not_exist)
    }

    /// How many messages a queue holds, by state.
    pub(super) fn counts(&self, queue: &str) -> Result<Counts> {
        self.queue(queue)?;
        Ok(Counts {
            waiting: self.count(queue, "visible_at <= ?2")?,
            in_flight: self.count(queue, IN_FLIGHT)?,
            delayed: self.count(queue, "visible_at > ?2 AND receive_count = 0")?,
        })
    }

    /// How many messages of a queue fulfil a condition, in which `?2` is now.
    fn count(&self, queue: &str, condition: &str) -> Result<usize> {
        let query = format!("SELECT count(*) FROM messages WHERE queue = ?1 AND {condition}");
        let mut query = self.db.prepare_cached(&query)?;
        Ok(query.query_row(params![queue, self.clock.now_ms()], |row| row.get(0))?)
    }

    /// What is notified when a call brings messages of this queue into line.
    pub(super) fn arrivals(&mut self, queue: &str) -> Arc<Notify> {
        self.arrivals.entry(queue.to_owned()).or_default().clone()
    }

    fn arrived(&self, queue: &str) {
        if let Some(arrivals) = self.arrivals.get(queue) {
            arrivals.notify_waiters();
        }
    }

    /// When the next hidden message of any queue is due: a dead letter of one is an arrival in another.
    pub(super) fn next_due(&self) -> Result<Option<Millis>> {
        let mut query = self.db.prepare_cached(
            "SELECT min((SELECT min(visible_at) FROM messages WHERE queue = name AND visible_at > ?1)) FROM queues",
        )?;
        Ok(query.query_row([self.clock.now_ms()], |row| row.get(0))?)
    }
}

fn decode(receipt_handle: &str) -> Result<(String, u32)> {
    read_handle(receipt_handle)
        .ok_or_else(|| SqsError::receipt_handle_invalid("The input receipt handle is invalid."))
}
