//! `DynamoDB`: the engine is `dynoxide`, run with its own threads and files, and kept fast.
//!
//! Five properties of the engine shape this module. It blocks the thread that serves a request, so it gets a runtime of
//! its own. It does one thing at a time, so that those who list have an engine of their own on the same file: SQLite lets them read
//! while others write. It syncs every commit to disk, so that the throw-away database lives in shared memory where there is such a
//! thing. It appends stream records to a table with no index that it never shortens, so that both are done here, through one more
//! connection to the same file, which is why the throw-away database is a file, too. And it deletes expired items only on request.

mod files;
mod streams;
mod table;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, anyhow};
use dynoxide::Database;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_util::sync::{CancellationToken, DropGuard};

use self::files::Files;

/// Threads that answer requests for items. The engine runs one statement at a time; a second thread parses and writes meanwhile.
const THREADS: usize = 2;
/// Threads that list.
const LISTING_THREADS: usize = 1;
/// How often expired items and old stream records are cleared away.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(20);
/// How long [`DynamoDb::shutdown`] waits for requests that are still running.
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(5);

/// A `DynamoDB` on loopback. It stops when dropped; [`DynamoDb::shutdown`] also waits for it.
pub struct DynamoDb {
    address: SocketAddr,
    listing_address: SocketAddr,
    database: Database,
    duties: Arc<Duties>,
    stop: Option<DropGuard>,
    /// Ends with the last engine.
    stopped: mpsc::Receiver<()>,
    files: Files,
}

/// What the upkeep has to look after; switched on by the tables that need it.
#[derive(Debug, Default)]
struct Duties {
    expiry: AtomicBool,
    streams: AtomicBool,
}

impl DynamoDb {
    /// Starts the engine on a loopback port (0 for any free one).
    ///
    /// With `data`, tables live in that directory, every acknowledged write survives a kill, and the directory is
    /// locked against a second process. Without it, nothing outlives the process.
    pub async fn start(port: u16, data: Option<&Path>) -> anyhow::Result<DynamoDb> {
        let (listener, address) = listen(port).await?;
        let (listing_listener, listing_address) = listen(0).await?;
        let files = Files::open(data)?;
        let path = files
            .database()
            .to_str()
            .context("the data directory's path is not valid UTF-8")?;
        let open = || Database::new(path).map_err(|error| anyhow!("opening {path}: {error}"));
        let (database, listing) = (open()?, open()?);
        if data.is_none() {
            // Named after what usually comes before it: from now on only checkpoints are synced.
            database
                .disable_bulk_loading()
                .map_err(|error| anyhow!("preparing {path}: {error}"))?;
        }
        let duties = Arc::new(Duties::default());
        let stop = CancellationToken::new();
        let (done, stopped) = mpsc::channel(1);
        for (listener, database, threads) in [
            (listener, database.clone(), THREADS),
            (listing_listener, listing, LISTING_THREADS),
        ] {
            let engine = Engine {
                listener,
                database,
                threads,
            };
            let (stop, done) = (stop.clone(), done.clone());
            std::thread::Builder::new()
                .name("dynamodb".into())
                .spawn(move || {
                    if let Err(error) = engine.run(stop) {
                        tracing::error!(%error, "DynamoDB stopped");
                    }
                    drop(done);
                })
                .context("no thread for DynamoDB")?;
        }
        let upkeep = keep_up(database.clone(), duties.clone(), path.into());
        tokio::spawn(stop.clone().run_until_cancelled_owned(upkeep));
        Ok(DynamoDb {
            address,
            listing_address,
            database,
            duties,
            stop: Some(stop.drop_guard()),
            stopped,
            files,
        })
    }

    /// The endpoint for SDKs and the AWS CLI: `http://127.0.0.1:PORT`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where it answers.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it answers `Query` and `Scan` without holding up anybody else.
    pub(crate) fn listing_address(&self) -> SocketAddr {
        self.listing_address
    }

    /// Creates a table from the resolved `Properties` of an `AWS::DynamoDB::Table` with its `TableName`.
    ///
    /// A table that exists (from an earlier run on the same data) is kept as it is, if its keys and indexes are those asked for;
    /// otherwise the error says so. Properties that mean nothing here (backups, tags, encryption, capacity alarms) are
    /// ignored.
    pub fn create_table(&self, properties: &Value) -> anyhow::Result<()> {
        let table = table::Table::from_properties(properties)?;
        table.create(&self.database)?;
        if table.has_expiry() {
            self.duties.expiry.store(true, Ordering::Relaxed);
        }
        if table.has_stream() && !self.duties.streams.swap(true, Ordering::Relaxed) {
            streams::index(self.files.database()).context("preparing the table's stream")?;
        }
        Ok(())
    }

    /// Stops the engine: no new connections, running requests finish. Waits for at most 5 seconds.
    pub async fn shutdown(&mut self) {
        self.stop.take();
        if tokio::time::timeout(SHUTDOWN_LIMIT, self.stopped.recv())
            .await
            .is_err()
        {
            tracing::warn!("DynamoDB still has requests running; not waiting for them");
        }
    }
}

async fn listen(port: u16) -> anyhow::Result<(std::net::TcpListener, SocketAddr)> {
    let listener = super::server::listen("DynamoDB", port).await?;
    let address = listener.local_addr().context("the listener has no address")?;
    let listener = listener.into_std().context("the listener cannot change hands")?;
    Ok((listener, address))
}

/// What an engine's thread owns.
struct Engine {
    listener: std::net::TcpListener,
    database: Database,
    threads: usize,
}

impl Engine {
    fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        let Engine {
            listener,
            database,
            threads,
        } = self;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(threads)
            .thread_name("dynamodb")
            .enable_all()
            .build()?;
        let served = runtime.block_on(async move {
            let listener = TcpListener::from_std(listener)?;
            dynoxide::server::serve_with_shutdown(listener, database, stop.cancelled_owned())
                .await
                .map_err(|error| anyhow!(error))
        });
        runtime.shutdown_timeout(Duration::from_millis(100));
        served
    }
}

/// The upkeep, round after round.
async fn keep_up(database: Database, duties: Arc<Duties>, path: PathBuf) {
    let mut rounds = tokio::time::interval(UPKEEP_INTERVAL);
    loop {
        rounds.tick().await;
        let (database, duties, path) = (database.clone(), duties.clone(), path.clone());
        tokio::task::spawn_blocking(move || look_after(&database, &duties, &path))
            .await
            .ok();
    }
}

/// One round of upkeep: expired items and old stream records go.
fn look_after(database: &Database, duties: &Duties, path: &Path) {
    if duties.expiry.load(Ordering::Relaxed)
        && let Err(error) = database.sweep_ttl()
    {
        tracing::warn!(%error, "expired items stay a little longer");
    }
    if duties.streams.load(Ordering::Relaxed)
        && let Err(error) = streams::trim(path)
    {
        tracing::warn!(%error, "old stream records stay a little longer");
    }
}

#[cfg(test)]
mod tests;
