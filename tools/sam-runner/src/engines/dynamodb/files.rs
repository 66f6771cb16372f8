//! Where the database's files live, and who may use them.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use tempfile::TempDir;

const DATABASE: &str = "dynamodb.sqlite";
const LOCK: &str = "dynamodb.lock";
const THROW_AWAY_PREFIX: &str = "kontor-dynamodb-";
/// A directory younger than this may not have its lock yet.
const SETTLED_AFTER: Duration = Duration::from_mins(1);

/// The database's file, locked for this process while the value lives.
#[derive(Debug)]
pub(super) struct Files {
    database: PathBuf,
    _lock: File,
    /// Removed with everything in it when the value is dropped.
    _throw_away: Option<TempDir>,
}

impl Files {
    /// Takes `data` (created where missing), or a new throw-away directory.
    pub(super) fn open(data: Option<&Path>) -> anyhow::Result<Files> {
        let throw_away = if data.is_none() {
            Some(throw_away_directory()?)
        } else {
            None
        };
        let directory = match (&throw_away, data) {
            (Some(directory), _) => directory.path(),
            (None, Some(data)) => data,
            (None, None) => bail!("no directory for the database"),
        };
        std::fs::create_dir_all(directory)
            .with_context(|| format!("the data directory {} cannot be made", directory.display()))?;
        let lock = File::create(directory.join(LOCK))
            .with_context(|| format!("the data directory {} cannot be written", directory.display()))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                bail!(
                    "the data directory {} is in use by another running shop",
                    directory.display()
                )
            }
            Err(TryLockError::Error(error)) => {
                return Err(error).with_context(|| format!("locking {}", directory.display()));
            }
        }
        Ok(Files {
            database: directory.join(DATABASE),
            _lock: lock,
            _throw_away: throw_away,
        })
    }

    /// The database's main file.
    pub(super) fn database(&self) -> &Path {
        &self.database
    }
}

/// A new directory in shared memory, or where the system keeps temporary files.
fn throw_away_directory() -> anyhow::Result<TempDir> {
    let shared_memory = PathBuf::from("/dev/shm");
    for parent in [shared_memory, std::env::temp_dir()] {
        remove_left_over(&parent);
        if let Ok(directory) = tempfile::Builder::new()
            .prefix(THROW_AWAY_PREFIX)
            .tempdir_in(&parent)
        {
            return Ok(directory);
        }
    }
    bail!(
        "no place for a temporary database: neither shared memory nor the temporary directory can be written"
    )
}

/// Removes databases that killed processes left in shared memory.
fn remove_left_over(parent: &Path) {
    let Ok(entries) = parent.read_dir() else { return };
    for entry in entries.flatten() {
        if entry.file_name().to_string_lossy().starts_with(THROW_AWAY_PREFIX) && is_left_over(&entry.path()) {
            std::fs::remove_dir_all(entry.path()).ok();
        }
    }
}

/// Whether the directory's lock is free and the directory is not being created right now.
fn is_left_over(directory: &Path) -> bool {
    let settled = directory
        .metadata()
        .and_then(|metadata| metadata.modified())
        .is_ok_and(|at| at.elapsed().is_ok_and(|age| age > SETTLED_AFTER));
    settled && File::open(directory.join(LOCK)).is_ok_and(|lock| lock.try_lock().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_data_directory_belongs_to_one_process_at_a_time() {
        let data = tempfile::tempdir().unwrap();
        let first = Files::open(Some(data.path())).unwrap();
        let error = Files::open(Some(data.path())).unwrap_err().to_string();
        assert!(error.ends_with("is in use by another running shop"), "{error}");
        drop(first);
        Files::open(Some(data.path())).unwrap();
    }

    #[test]
    fn a_throw_away_database_leaves_nothing_behind() {
        let files = Files::open(None).unwrap();
        let directory = files.database().parent().unwrap().to_owned();
        assert!(directory.exists());
        drop(files);
        assert!(!directory.exists());
    }
}
