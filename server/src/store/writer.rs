//! The writer thread: runs the queued jobs in one transaction and answers after the commit (group commit:
//! one fsync serves all jobs of the group).
//!
//! Used by `sqlite` only. Each job runs in its own savepoint, so a failed job leaves nothing behind and
//! does not affect the others.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use anyhow::Context;
use common::refusal::Refusal;
use rusqlite::{Connection, Savepoint, TransactionBehavior};
use tokio::sync::{mpsc, oneshot};
use tracing::{error, warn};

use crate::{
    error::Error,
    failpoint::{self, Failpoint, Sabotage},
    health::{Health, Problem},
    store::{fault, files::DatabaseFiles},
};

/// The most queued writes. Further ones are refused with `unavailable`.
const QUEUE_CAPACITY: usize = 1024;

/// How long a database connection waits for a lock of another one.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a checkpoint waits for our readers. A process that copies the database may hold on longer.
const CHECKPOINT_TIMEOUT: Duration = Duration::from_millis(100);

/// The most writes in one transaction, so that the first one does not wait too long.
const MAX_GROUP: usize = 256;

/// Runs in the transaction; the returned completion runs after the commit or its failure.
type Job = Box<dyn FnOnce(&mut rusqlite::Transaction) -> Completion + Send>;
type Completion = Box<dyn FnOnce(Result<(), &anyhow::Error>)>;

/// A task for the writer thread.
enum WriterTask {
    Write(Job),
    /// Moves the write-ahead log into the database and empties it; replies whether that succeeded.
    TruncateWal(oneshot::Sender<bool>),
}

/// The sending end of the writer thread's queue.
pub(super) struct Writer {
    queue: mpsc::Sender<WriterTask>,
    /// Whether the write-ahead log holds text that was removed since.
    is_truncation_scheduled: AtomicBool,
    /// The number of commits.
    commits: Arc<AtomicU64>,
    health: Health,
}

impl Writer {
    /// Starts the thread, which ends when the writer is dropped and the queue is empty.
    /// The receiver resolves when the thread has closed its database connection.
    pub(super) fn start(
        connection: Connection,
        files: Arc<DatabaseFiles>,
        health: Health,
    ) -> anyhow::Result<(Writer, oneshot::Receiver<()>)> {
        let (queue, tasks) = mpsc::channel(QUEUE_CAPACITY);
        let (closed, on_closed) = oneshot::channel();
        let writer = Writer {
            queue,
            is_truncation_scheduled: AtomicBool::new(false),
            commits: Arc::default(),
            health: health.clone(),
        };
        let commits = writer.commits.clone();
        thread::Builder::new()
            .name("madang-writer".to_owned())
            .spawn(move || {
                let thread = WriterThread { connection, files, health: health.clone(), commits };
                health.supervise_thread("writer", || thread.write_until_closed(tasks));
                // The receiver may have been dropped.
                let _ = closed.send(());
            })
            .context("starting the writing thread")?;
        Ok((writer, on_closed))
    }

    /// Queues `work` and waits until it is durable. `committed` runs on the writer thread with the result,
    /// after the commit and before any later work is committed.
    pub(super) async fn write<T, Work, Committed>(&self, work: Work, committed: Committed) -> Result<T, Error>
    where
        T: Send + 'static,
        Work: FnOnce(&Savepoint) -> Result<T, Error> + Send + 'static,
        Committed: FnOnce(&T) + Send + 'static,
    {
        let (reply, replied) = oneshot::channel();
        let health = self.health.clone();
        let job: Job = Box::new(move |transaction| {
            let result = in_savepoint(transaction, work);
            Box::new(move |commit| {
                let result = match (result, commit) {
                    (Ok(value), Ok(())) => {
                        committed(&value);
                        Ok(value)
                    }
                    (Ok(_), Err(_)) => Err(Refusal::NotStored.into()),
                    (Err(Error::Internal(error)), _) => {
                        fault::report(&health, &error);
                        let is_temporary = fault::is_disk_error(&error);
                        Err(if is_temporary { Refusal::NotStored.into() } else { error.into() })
                    }
                    (Err(refused), _) => Err(refused),
                };
                // The caller may have been cancelled; the write stands.
                let _ = reply.send(result);
            })
        });
        self.queue.try_send(WriterTask::Write(job)).map_err(|_| Refusal::Unavailable)?;
        // The job was dropped: no transaction could be opened, or an earlier job of the group ended it. The
        // thread has logged why.
        replied.await.map_err(|_| Refusal::NotStored)?
    }

    /// Schedules a truncation of the write-ahead log, which still holds text that was edited or deleted.
    pub(super) fn schedule_wal_truncation(&self) {
        self.is_truncation_scheduled.store(true, Ordering::Relaxed);
    }

    /// Whether a truncation is scheduled.
    pub(super) fn is_truncation_scheduled(&self) -> bool {
        self.is_truncation_scheduled.load(Ordering::Relaxed)
    }

    /// The number of commits since the start.
    pub(super) fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }

    /// Empties the write-ahead log; returns whether nothing is left in it.
    pub(super) async fn truncate_wal(&self) -> bool {
        // Cleared first: text deleted from here on may miss this truncation and needs another one.
        self.is_truncation_scheduled.store(false, Ordering::Relaxed);
        let (reply, replied) = oneshot::channel();
        let _ = self.queue.send(WriterTask::TruncateWal(reply)).await;
        // If the thread has ended, closing its connection has removed the log.
        let is_empty = replied.await.unwrap_or(true);
        if !is_empty {
            self.schedule_wal_truncation();
        }
        is_empty
    }

    /// Writes a page as it is, to learn whether the disk works.
    pub(super) async fn try_disk(&self) -> Result<(), Error> {
        let rewrite = |db: &Savepoint| {
            let version: i64 =
                db.pragma_query_value(None, "user_version", |row| row.get(0)).context("reading")?;
            Ok(db.pragma_update(None, "user_version", version).context("writing")?)
        };
        self.write(rewrite, |()| ()).await
    }
}

/// Records whether the files of the database are where they were opened.
pub(super) fn report_files(health: &Health, files: &DatabaseFiles, are_present: bool) {
    let path = files.database().display();
    if are_present {
        if health.remove(Problem::DatabaseMissing) {
            warn!("the database is back at {path}");
        }
    } else if health.add(Problem::DatabaseMissing) {
        error!(
            "THE DATABASE IS GONE: {path} or its write-ahead log was deleted, moved or replaced. Nothing is \
             stored until it is back"
        );
    }
}

fn in_savepoint<T>(
    transaction: &mut rusqlite::Transaction,
    work: impl FnOnce(&Savepoint) -> Result<T, Error>,
) -> Result<T, Error> {
    let savepoint = transaction.savepoint().context("opening a savepoint")?;
    let value = work(&savepoint)?;
    savepoint.commit().context("releasing a savepoint")?;
    Ok(value)
}

/// What the thread owns.
struct WriterThread {
    connection: Connection,
    files: Arc<DatabaseFiles>,
    health: Health,
    commits: Arc<AtomicU64>,
}

impl WriterThread {
    fn write_until_closed(mut self, mut queue: mpsc::Receiver<WriterTask>) {
        let mut group = Vec::with_capacity(MAX_GROUP);
        while queue.blocking_recv_many(&mut group, MAX_GROUP) > 0 {
            failpoint::step("writer");
            let (mut jobs, mut replies) = (Vec::with_capacity(group.len()), Vec::new());
            for task in group.drain(..) {
                match task {
                    WriterTask::Write(job) => jobs.push(job),
                    WriterTask::TruncateWal(reply) => replies.push(reply),
                }
            }
            if !jobs.is_empty() && self.has_files() {
                self.write_group(jobs.into_iter());
            }
            for reply in replies {
                let truncated =
                    truncate_wal(&self.connection).inspect_err(|error| warn!("emptying the log: {error}"));
                // The receiver may have been dropped.
                let _ = reply.send(truncated.unwrap_or(false));
            }
        }
    }

    /// Whether what is written now can be found again. If not, the jobs are dropped, and their callers get
    /// `not_stored`.
    fn has_files(&self) -> bool {
        let are_present = self.files.are_present();
        report_files(&self.health, &self.files, are_present);
        are_present
    }

    fn write_group(&mut self, jobs: impl Iterator<Item = Job>) {
        let mut transaction = match self.connection.transaction_with_behavior(TransactionBehavior::Immediate)
        {
            Ok(transaction) => transaction,
            // Dropping the jobs drops the ends of their reply channels, so their callers get `not_stored`.
            Err(error) => {
                error!("opening a transaction: {error}");
                return fault::report(&self.health, &error.into());
            }
        };
        let mut completions: Vec<Completion> = Vec::with_capacity(MAX_GROUP);
        for job in jobs {
            // On a full disk SQLite rolls the transaction back; later jobs would each commit on their own.
            if transaction.is_autocommit() {
                break;
            }
            completions.push(job(&mut transaction));
        }
        if failpoint::is_active(Sabotage::AckEarly) {
            completions.drain(..).for_each(|complete| complete(Ok(())));
            thread::sleep(failpoint::SLOW_COMMIT);
        }
        failpoint::hit(Failpoint::BeforeCommit);
        let commit = transaction.commit().context("committing a transaction");
        failpoint::hit(Failpoint::AfterCommit);
        match &commit {
            Ok(()) => drop(self.commits.fetch_add(1, Ordering::Relaxed)),
            Err(error) => {
                error!("{error:#}");
                fault::report(&self.health, error);
            }
        }
        for complete in completions {
            complete(commit.as_ref().copied());
        }
    }
}

/// Returns whether the write-ahead log was emptied. Waits only briefly for readers, because writes wait
/// meanwhile; the caller tries again later.
fn truncate_wal(connection: &Connection) -> rusqlite::Result<bool> {
    connection.busy_timeout(CHECKPOINT_TIMEOUT)?;
    let is_busy = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, bool>(0));
    connection.busy_timeout(BUSY_TIMEOUT)?;
    is_busy.map(|is_busy| !is_busy)
}
