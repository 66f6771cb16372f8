//! The stream records' index and their end: the engine has neither.

use std::path::Path;

use rusqlite::{Connection, params};

/// Records kept for each table: far more than any reader of a stream is behind.
const KEPT: i64 = 100_000;
/// Records deleted in one go, so that requests get their turn in between.
const AT_ONCE: i64 = 2_000;

/// Indexes the records as the engine asks for them; done once, when the first table with a stream appears.
pub(super) fn index(database: &Path) -> rusqlite::Result<()> {
    Connection::open(database)?.execute_batch(
        "CREATE INDEX IF NOT EXISTS _stream_records_by_sequence
         ON _stream_records (table_name, CAST(sequence_number AS INTEGER))",
    )
}

/// Deletes all but the newest records of each table.
pub(super) fn trim(database: &Path) -> rusqlite::Result<()> {
    let connection = Connection::open(database)?;
    let mut tables = connection.prepare("SELECT table_name FROM _tables WHERE stream_enabled = 1")?;
    let tables: Vec<String> = tables
        .query_map([], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    for table in tables {
        while delete_oldest(&connection, &table, KEPT, AT_ONCE)?
            == usize::try_from(AT_ONCE).unwrap_or_default()
        {}
    }
    Ok(())
}

/// Deletes up to `at_once` records of the table that are not among its `kept` newest; returns how many.
fn delete_oldest(connection: &Connection, table: &str, kept: i64, at_once: i64) -> rusqlite::Result<usize> {
    connection.execute(
        "DELETE FROM _stream_records WHERE id IN (
             SELECT id FROM _stream_records WHERE table_name = ?1
             ORDER BY CAST(sequence_number AS INTEGER) DESC LIMIT ?3 OFFSET ?2)",
        params![table, kept, at_once],
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_newest_records_of_a_table_are_kept() {
        let connection = Connection::open_in_memory().unwrap();
        connection
            .execute_batch(
                "CREATE TABLE _stream_records (id INTEGER PRIMARY KEY, table_name TEXT, sequence_number TEXT);
                 WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 25)
                 INSERT INTO _stream_records (table_name, sequence_number) SELECT 'Orders', i FROM n;
                 INSERT INTO _stream_records (table_name, sequence_number) VALUES ('Stock', '1');",
            )
            .unwrap();
        assert_eq!(delete_oldest(&connection, "Orders", 10, 12).unwrap(), 12);
        assert_eq!(delete_oldest(&connection, "Orders", 10, 12).unwrap(), 3);
        let (left, oldest): (i64, i64) = connection
            .query_row(
                "SELECT COUNT(*), MIN(CAST(sequence_number AS INTEGER)) FROM _stream_records WHERE table_name = 'Orders'",
                [],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .unwrap();
        assert_eq!((left, oldest), (10, 16));
        assert_eq!(delete_oldest(&connection, "Stock", 10, 12).unwrap(), 0);
    }
}
