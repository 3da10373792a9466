//! The writer thread: runs the queued jobs in one transaction and answers after the commit (group commit:
//! one fsync serves all jobs of the group).
//!
//! Used by `sqlite` only. Each job runs in its own savepoint, so a failed job leaves nothing behind and
//! does not affect the others.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use anyhow::Context;
use common::refusal::Refusal;
use rusqlite::{Connection, ErrorCode, Savepoint, TransactionBehavior};
use tokio::{
    sync::{mpsc, oneshot},
    time::sleep,
};
use tracing::{error, warn};

use crate::{
    error::Error,
    failpoint::{self, Failpoint, Sabotage},
    health::Health,
};

/// The most queued writes. Further ones are refused with `unavailable`.
const QUEUE_CAPACITY: usize = 1024;

/// How long a database connection waits for a lock of another one.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a checkpoint waits for our readers. A process that copies the database may hold on longer.
const CHECKPOINT_TIMEOUT: Duration = Duration::from_millis(100);

/// How long deleted text may stay in the write-ahead log.
const WAL_TRUNCATE_DELAY: Duration = Duration::from_secs(2);

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
    /// Whether a task that empties the write-ahead log is scheduled.
    is_truncation_scheduled: AtomicBool,
}

impl Writer {
    /// Starts the thread, which ends when the writer is dropped and the queue is empty.
    /// The receiver resolves when the thread has closed its database connection.
    pub(super) fn start(
        connection: Connection,
        health: Health,
    ) -> anyhow::Result<(Writer, oneshot::Receiver<()>)> {
        let (queue, tasks) = mpsc::channel(QUEUE_CAPACITY);
        let (closed, on_closed) = oneshot::channel();
        thread::Builder::new()
            .name("madang-writer".to_owned())
            .spawn(move || {
                health.supervise_thread("writer", || write_until_closed(connection, tasks));
                // The receiver may have been dropped.
                let _ = closed.send(());
            })
            .context("starting the writing thread")?;
        Ok((Writer { queue, is_truncation_scheduled: AtomicBool::new(false) }, on_closed))
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
        let job: Job = Box::new(move |transaction| {
            let result = in_savepoint(transaction, work);
            Box::new(move |commit| {
                let result = match (result, commit) {
                    (Ok(value), Ok(())) => {
                        committed(&value);
                        Ok(value)
                    }
                    (Ok(_), Err(_)) => Err(Refusal::NotStored.into()),
                    (Err(Error::Internal(error)), _) if is_disk_error(&error) => {
                        error!("the disk is full or broken: {error:#}");
                        Err(Refusal::NotStored.into())
                    }
                    (Err(error), _) => Err(error),
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
    /// Further calls before it share it.
    pub(super) fn schedule_wal_truncation(self: &Arc<Self>) {
        if self.is_truncation_scheduled.swap(true, Ordering::Relaxed) {
            return;
        }
        let writer = Arc::downgrade(self);
        tokio::spawn(async move {
            loop {
                sleep(WAL_TRUNCATE_DELAY).await;
                let Some(writer) = writer.upgrade() else { return };
                if writer.truncate_wal().await || writer.is_truncation_scheduled.swap(true, Ordering::Relaxed)
                {
                    return;
                }
            }
        });
    }

    /// Returns whether nothing is left to truncate.
    async fn truncate_wal(&self) -> bool {
        // Cleared first: text deleted from here on may miss this truncation and needs another one.
        self.is_truncation_scheduled.store(false, Ordering::Relaxed);
        let (reply, replied) = oneshot::channel();
        let _ = self.queue.send(WriterTask::TruncateWal(reply)).await;
        // If the thread has ended, closing its connection has removed the log.
        replied.await.unwrap_or(true)
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

/// Whether the disk is the cause. It may recover, so the same request may succeed later.
fn is_disk_error(error: &anyhow::Error) -> bool {
    let code = error.downcast_ref::<rusqlite::Error>().and_then(rusqlite::Error::sqlite_error_code);
    matches!(
        code,
        Some(ErrorCode::DiskFull | ErrorCode::SystemIoFailure | ErrorCode::ReadOnly | ErrorCode::CannotOpen)
    )
}

fn write_until_closed(mut connection: Connection, mut queue: mpsc::Receiver<WriterTask>) {
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
        if !jobs.is_empty() {
            write_group(&mut connection, jobs.into_iter());
        }
        for reply in replies {
            let truncated = truncate_wal(&connection).inspect_err(|error| warn!("emptying the log: {error}"));
            // The receiver may have been dropped.
            let _ = reply.send(truncated.unwrap_or(false));
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

fn write_group(connection: &mut Connection, jobs: impl Iterator<Item = Job>) {
    let mut transaction = match connection.transaction_with_behavior(TransactionBehavior::Immediate) {
        Ok(transaction) => transaction,
        // Dropping the jobs drops the ends of their reply channels, so their callers get `not_stored`.
        Err(error) => return error!("opening a transaction: {error}"),
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
    if let Err(error) = &commit {
        error!("{error:#}");
    }
    for complete in completions {
        complete(commit.as_ref().copied());
    }
}
