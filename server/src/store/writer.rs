//! The one thread that writes: it takes what is queued, does it all in one transaction, and answers
//! everybody after the commit (group commit, so that a fsync is shared by all who wait for one).
//!
//! Used by `sqlite` only. Each job runs in a savepoint of its own, so one that fails leaves nothing
//! behind and harms no other.

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
    failure::Failure,
    fault::{self, Point, Sabotage},
};

/// How many writes may wait. More are refused with `unavailable`.
const QUEUE: usize = 1024;

/// How long one of our connections waits for another before it gives up.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// How long our readers may take to let go of the write-ahead log; whoever copies the database may
/// take longer.
const READERS_PASS: Duration = Duration::from_millis(100);

/// How long what was taken back may stand in the write-ahead log.
const LOG_EMPTIED_AFTER: Duration = Duration::from_secs(2);

/// The most writes one transaction holds, so that the first in it does not wait too long.
const GROUP: usize = 256;

/// Runs in the transaction; what it returns runs after the commit, or learns that there was none.
type Job = Box<dyn FnOnce(&mut rusqlite::Transaction) -> Done + Send>;
type Done = Box<dyn FnOnce(Result<(), &anyhow::Error>)>;

/// What the thread is asked for.
enum Order {
    Write(Job),
    /// To put all of the write-ahead log into the database and empty it; answers whether that was done.
    EmptyLog(oneshot::Sender<bool>),
}

/// The queue in front of the writing thread.
pub(super) struct Writer {
    queue: mpsc::Sender<Order>,
    /// Somebody has taken it upon them to empty the write-ahead log.
    is_emptying: AtomicBool,
}

impl Writer {
    /// Starts the thread, which ends when the writer is dropped and the queue is empty.
    /// The receiver resolves when it has closed its connection.
    pub(super) fn start(connection: Connection) -> anyhow::Result<(Writer, oneshot::Receiver<()>)> {
        let (queue, orders) = mpsc::channel(QUEUE);
        let (closed, on_closed) = oneshot::channel();
        thread::Builder::new()
            .name("madang-writer".to_owned())
            .spawn(move || {
                write_until_closed(connection, orders);
                // Nobody may be waiting for the end, and that is fine.
                let _ = closed.send(());
            })
            .context("starting the writing thread")?;
        Ok((Writer { queue, is_emptying: AtomicBool::new(false) }, on_closed))
    }

    /// Queues `work` and waits until it is durable. `committed` runs on the writing thread with the
    /// result, after the commit and before anybody else's later work is committed.
    pub(super) async fn write<T, Work, Committed>(
        &self,
        work: Work,
        committed: Committed,
    ) -> Result<T, Failure>
    where
        T: Send + 'static,
        Work: FnOnce(&Savepoint) -> Result<T, Failure> + Send + 'static,
        Committed: FnOnce(&T) + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |transaction| {
            let result = in_savepoint(transaction, work);
            Box::new(move |commit| {
                let result = match (result, commit) {
                    (Ok(value), Ok(())) => {
                        committed(&value);
                        Ok(value)
                    }
                    (Ok(_), Err(_)) => Err(Refusal::NotStored.into()),
                    (Err(Failure::Internal(error)), _) if is_disk_trouble(&error) => {
                        error!("the disk is full or broken: {error:#}");
                        Err(Refusal::NotStored.into())
                    }
                    (Err(failure), _) => Err(failure),
                };
                // Who asked may have gone; what was written stays written.
                let _ = answer.send(result);
            })
        });
        self.queue.try_send(Order::Write(job)).map_err(|_| Refusal::Unavailable)?;
        // Not even tried: there was no transaction to try it in, and the thread has said why.
        answered.await.map_err(|_| Refusal::NotStored)?
    }

    /// Empties the write-ahead log in a moment, in which still stands what was taken back. All that is
    /// taken back until then goes with it.
    pub(super) fn empty_log_soon(self: &Arc<Self>) {
        if self.is_emptying.swap(true, Ordering::Relaxed) {
            return;
        }
        let writer = Arc::downgrade(self);
        tokio::spawn(async move {
            loop {
                sleep(LOG_EMPTIED_AFTER).await;
                let Some(writer) = writer.upgrade() else { return };
                if writer.empty_log().await || writer.is_emptying.swap(true, Ordering::Relaxed) {
                    return;
                }
            }
        });
    }

    /// Whether nothing is left to be done.
    async fn empty_log(&self) -> bool {
        // What is taken back from here on may come too late for this time.
        self.is_emptying.store(false, Ordering::Relaxed);
        let (answer, answered) = oneshot::channel();
        let _ = self.queue.send(Order::EmptyLog(answer)).await;
        // A thread that has ended has left no log behind.
        answered.await.unwrap_or(true)
    }
}

fn in_savepoint<T>(
    transaction: &mut rusqlite::Transaction,
    work: impl FnOnce(&Savepoint) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let savepoint = transaction.savepoint().context("opening a savepoint")?;
    let value = work(&savepoint)?;
    savepoint.commit().context("releasing a savepoint")?;
    Ok(value)
}

/// Whether the disk is why: it may have room again later, and what was asked may be asked again.
fn is_disk_trouble(error: &anyhow::Error) -> bool {
    let code = error.downcast_ref::<rusqlite::Error>().and_then(rusqlite::Error::sqlite_error_code);
    matches!(
        code,
        Some(ErrorCode::DiskFull | ErrorCode::SystemIoFailure | ErrorCode::ReadOnly | ErrorCode::CannotOpen)
    )
}

fn write_until_closed(mut connection: Connection, mut queue: mpsc::Receiver<Order>) {
    let mut group = Vec::with_capacity(GROUP);
    while queue.blocking_recv_many(&mut group, GROUP) > 0 {
        let (mut jobs, mut answers) = (Vec::with_capacity(group.len()), Vec::new());
        for order in group.drain(..) {
            match order {
                Order::Write(job) => jobs.push(job),
                Order::EmptyLog(answer) => answers.push(answer),
            }
        }
        if !jobs.is_empty() {
            write_group(&mut connection, jobs.into_iter());
        }
        for answer in answers {
            let emptied = empty_log(&connection).inspect_err(|error| warn!("emptying the log: {error}"));
            // Nobody may want to know, and that is fine.
            let _ = answer.send(emptied.unwrap_or(false));
        }
    }
}

/// Whether the write-ahead log is empty now. Who writes does not wait for long for somebody who reads:
/// it is tried again later.
fn empty_log(connection: &Connection) -> rusqlite::Result<bool> {
    connection.busy_timeout(READERS_PASS)?;
    let is_busy = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, bool>(0));
    connection.busy_timeout(PATIENCE)?;
    is_busy.map(|is_busy| !is_busy)
}

fn write_group(connection: &mut Connection, jobs: impl Iterator<Item = Job>) {
    let mut transaction = match connection.transaction_with_behavior(TransactionBehavior::Immediate) {
        Ok(transaction) => transaction,
        // The jobs are dropped, which tells everybody who waits.
        Err(error) => return error!("opening a transaction: {error}"),
    };
    let mut done: Vec<Done> = Vec::with_capacity(GROUP);
    for job in jobs {
        // A full disk makes SQLite roll everything back; what came after would be committed alone.
        if transaction.is_autocommit() {
            break;
        }
        done.push(job(&mut transaction));
    }
    if fault::is(Sabotage::AckEarly) {
        done.drain(..).for_each(|answer| answer(Ok(())));
        thread::sleep(fault::SLOW_DISK);
    }
    fault::pass(Point::BeforeCommit);
    let commit = transaction.commit().context("committing a transaction");
    fault::pass(Point::AfterCommit);
    if let Err(error) = &commit {
        error!("{error:#}");
    }
    for answer in done {
        answer(commit.as_ref().copied());
    }
}
