//! Queues and messages on disk: one SQLite file, written in step with memory and read at start.

use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use rusqlite::{Connection, Row, params};

use super::queue::{Message, Number, QueueAttributes};
use crate::engines::clock::Millis;

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
    CREATE INDEX IF NOT EXISTS messages_by_queue ON messages (queue);";

const PUT: &str =
    "INSERT OR REPLACE INTO messages VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";

const SEEN: &str = "UPDATE messages SET receive_count = ?2, first_received_at = ?3, last_received_at = ?4,
    visible_at = ?5 WHERE number = ?1";

/// Something that happened, to be written down.
#[derive(Debug)]
pub(super) enum Change {
    /// A queue is there, with these attributes.
    Queue(String, QueueAttributes, Millis),
    QueueGone(String),
    /// A message is in this queue; it may have been in another.
    Put(String, Number, Box<Message>),
    /// A message was received, or its visibility changed.
    Seen {
        number: Number,
        receive_count: u32,
        first_received_at: Option<Millis>,
        last_received_at: Millis,
        visible_at: Millis,
    },
    Gone(Number),
    /// A queue lost all its messages.
    Purged(String),
}

impl Change {
    pub(super) fn put(queue: &str, number: Number, message: &Message) -> Change {
        Change::Put(queue.to_owned(), number, Box::new(message.clone()))
    }

    pub(super) fn seen(number: Number, message: &Message) -> Change {
        Change::Seen {
            number,
            receive_count: message.receive_count,
            first_received_at: message.first_received_at,
            last_received_at: message.last_received_at,
            visible_at: message.visible_at,
        }
    }
}

/// Everything that was on disk.
#[derive(Debug, Default)]
pub(super) struct Loaded {
    pub(super) queues: Vec<(String, QueueAttributes, Millis)>,
    /// In the order in which they were sent.
    pub(super) messages: Vec<(String, Number, Message)>,
}

/// The file.
pub(super) struct Store {
    connection: Connection,
}

impl Store {
    /// Opens or creates the file in `data`.
    pub(super) fn open(data: &Path) -> anyhow::Result<Store> {
        std::fs::create_dir_all(data)
            .with_context(|| format!("the data directory {} cannot be made", data.display()))?;
        let path = data.join(FILE);
        let open = || -> rusqlite::Result<Connection> {
            let connection = Connection::open(&path)?;
            connection.busy_timeout(Duration::from_secs(5))?;
            connection.pragma_update(None, "journal_mode", "WAL")?;
            // A commit is in the system's hands when it returns, which a killed process doesn't undo. The disk itself
            // is only waited for at checkpoints.
            connection.pragma_update(None, "synchronous", "NORMAL")?;
            connection.execute_batch(SCHEMA)?;
            Ok(connection)
        };
        let connection = open().with_context(|| format!("opening the queues in {}", path.display()))?;
        Ok(Store { connection })
    }

    /// Reads everything.
    pub(super) fn load(&mut self) -> anyhow::Result<Loaded> {
        let mut loaded = Loaded::default();
        let mut queues = self
            .connection
            .prepare("SELECT name, attributes, created_at FROM queues")?;
        let rows = queues.query_map([], |row| {
            Ok((row.get(0)?, row.get::<_, String>(1)?, unsigned(row, 2)?))
        })?;
        for row in rows {
            let (name, attributes, created_at) = row?;
            loaded
                .queues
                .push((name, serde_json::from_str(&attributes)?, created_at));
        }
        let mut messages = self
            .connection
            .prepare("SELECT * FROM messages ORDER BY number")?;
        let mut rows = messages.query([])?;
        while let Some(row) = rows.next()? {
            let message = Message {
                id: row.get(2)?,
                body: row.get(3)?,
                attributes: serde_json::from_str(&row.get::<_, String>(4)?)?,
                trace_header: row.get(5)?,
                sent_at: unsigned(row, 6)?,
                receive_count: row.get(7)?,
                first_received_at: row.get::<_, Option<i64>>(8)?.map(i64::cast_unsigned),
                last_received_at: unsigned(row, 9)?,
                visible_at: unsigned(row, 10)?,
                dead_letter_of: row.get(11)?,
            };
            loaded.messages.push((row.get(1)?, unsigned(row, 0)?, message));
        }
        Ok(loaded)
    }

    /// Writes changes down in one transaction.
    pub(super) fn write(&mut self, changes: Vec<Change>) -> anyhow::Result<()> {
        let transaction = self.connection.transaction()?;
        for change in changes {
            apply(&transaction, change)?;
        }
        transaction.commit()?;
        Ok(())
    }
}

fn apply(connection: &Connection, change: Change) -> anyhow::Result<()> {
    let execute =
        |sql: &str, params: &[&dyn rusqlite::ToSql]| connection.prepare_cached(sql)?.execute(params);
    match change {
        Change::Queue(name, attributes, created_at) => execute(
            "INSERT OR REPLACE INTO queues VALUES (?1, ?2, ?3)",
            params![
                name,
                serde_json::to_string(&attributes)?,
                created_at.cast_signed()
            ],
        )?,
        Change::QueueGone(name) => execute("DELETE FROM queues WHERE name = ?1", params![name])?,
        Change::Put(queue, number, message) => execute(
            PUT,
            params![
                number.cast_signed(),
                queue,
                message.id,
                message.body,
                serde_json::to_string(&message.attributes)?,
                message.trace_header,
                message.sent_at.cast_signed(),
                message.receive_count,
                message.first_received_at.map(u64::cast_signed),
                message.last_received_at.cast_signed(),
                message.visible_at.cast_signed(),
                message.dead_letter_of,
            ],
        )?,
        Change::Seen {
            number,
            receive_count,
            first_received_at,
            last_received_at,
            visible_at,
        } => execute(
            SEEN,
            params![
                number.cast_signed(),
                receive_count,
                first_received_at.map(u64::cast_signed),
                last_received_at.cast_signed(),
                visible_at.cast_signed()
            ],
        )?,
        Change::Gone(number) => execute(
            "DELETE FROM messages WHERE number = ?1",
            params![number.cast_signed()],
        )?,
        Change::Purged(queue) => execute("DELETE FROM messages WHERE queue = ?1", params![queue])?,
    };
    Ok(())
}

fn unsigned(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    row.get::<_, i64>(column).map(i64::cast_unsigned)
}
