//! Looks after an open database: empties the write-ahead log when nothing is written, notices that files are
//! gone or that the disk works again, and checks the database after a crash.
//!
//! Runs as one task beside the store, until the store is closed.

use std::{
    sync::Arc,
    thread::{self, JoinHandle},
    time::Duration,
};

use anyhow::Context;
use parking_lot::Mutex;
use rusqlite::InterruptHandle;
use tokio::time::{MissedTickBehavior, interval};
use tracing::{error, info, warn};

use super::{
    WriterState,
    open::{self, connect_to_read},
    readers::Readers,
};
use crate::{
    health::{Health, Problem},
    store::{
        fault,
        files::DatabaseFiles,
        writer::{self, Writer},
    },
};

/// How often the database is looked after. Deleted text stays in the write-ahead log about twice as long.
const TICK: Duration = Duration::from_secs(1);

/// The number of ticks without a write after which the write-ahead log is emptied, so that a copy of the
/// database file alone has everything.
const IDLE_TICKS: u32 = 3;

/// The most contradictions that the check of a database names.
const MAX_FINDINGS: u32 = 5;

/// What the task needs of the store.
pub(super) struct Maintenance {
    pub(super) files: Arc<DatabaseFiles>,
    pub(super) writer: Arc<Mutex<WriterState>>,
    pub(super) readers: Arc<Readers>,
    pub(super) health: Health,
    pub(super) idle: IdleClock,
}

/// Counts the ticks since the last write.
#[derive(Default)]
pub(super) struct IdleClock {
    commits: u64,
    ticks: u32,
    /// The number of commits when the write-ahead log was emptied.
    emptied_at: u64,
}

impl Maintenance {
    /// Runs until the store is closed.
    pub(super) async fn run(mut self) {
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let writer = match &*self.writer.lock() {
                WriterState::Closed => return,
                WriterState::WaitingForDisk => None,
                WriterState::Running { writer, .. } => Some(writer.clone()),
            };
            match writer {
                Some(writer) => {
                    self.check_files().await;
                    self.try_disk(&writer).await;
                    self.empty_log(&writer).await;
                }
                None => self.open_for_writing().await,
            }
        }
    }

    /// Notices that the files were deleted, moved or replaced, also while nothing is written.
    async fn check_files(&self) {
        let files = self.files.clone();
        // A file system in the network may block.
        let check = tokio::task::spawn_blocking(move || files.are_present());
        if let Ok(are_present) = check.await {
            writer::report_files(&self.health, &self.files, are_present);
        }
    }

    /// Tries to write after the disk has failed.
    async fn try_disk(&self, writer: &Writer) {
        if self.health.problems().contains(&Problem::DiskFailed) && writer.try_disk().await.is_ok() {
            self.report_recovery();
        }
    }

    fn report_recovery(&self) {
        if self.health.remove(Problem::DiskFailed) {
            warn!("the disk works again");
        }
    }

    /// Empties the write-ahead log when text was removed that it still holds, or when nothing was written
    /// for a while.
    async fn empty_log(&mut self, writer: &Writer) {
        let is_idle = self.idle.tick(writer.commits());
        if !writer.is_truncation_scheduled() && !is_idle {
            return;
        }
        // Copies the log into the database while others write, so that the writer has little left to do.
        let checkpoint = self.readers.read(|db| {
            let sql = "PRAGMA wal_checkpoint(PASSIVE)";
            db.query_row(sql, [], |_| Ok(())).context("moving the write-ahead log into the database")
        });
        if checkpoint.await.is_ok() && writer.truncate_wal().await {
            self.idle.emptied();
        }
    }

    /// Opens the database again if the disk, on which there was no space at the start, has some now.
    async fn open_for_writing(&self) {
        let files = self.files.clone();
        if !matches!(tokio::task::spawn_blocking(move || files.try_disk()).await, Ok(Ok(()))) {
            return;
        }
        let (files, state, health) = (self.files.clone(), self.writer.clone(), self.health.clone());
        let opened = self.readers.replace(move || {
            let opened = open::open_to_write(files.database()).and_then(|writer| {
                let readers = Readers::connect(files.database())?;
                files.remember();
                Ok((Writer::start(writer, files.clone(), health)?, readers))
            });
            match opened {
                Ok(((writer, closed), readers)) => {
                    *state.lock() = WriterState::Running { writer: Arc::new(writer), closed };
                    (readers, true)
                }
                Err(error) => {
                    warn!("opening the database for writing: {error:#}");
                    let reader = open::connect_alone(files.database());
                    let reader = reader.inspect_err(|error| error!("opening the database: {error:#}"));
                    (reader.into_iter().collect(), false)
                }
            }
        });
        if opened.await == Some(true) {
            self.report_recovery();
        }
    }
}

impl IdleClock {
    /// Returns whether nothing was written for a while, and the log holds something.
    fn tick(&mut self, commits: u64) -> bool {
        self.ticks = if commits == self.commits { self.ticks + 1 } else { 0 };
        self.commits = commits;
        self.ticks >= IDLE_TICKS && commits != self.emptied_at
    }

    /// Records that the log is empty, unless something was written since the last tick.
    fn emptied(&mut self) {
        self.emptied_at = self.commits;
    }
}

/// A check of the whole database in the background.
pub(super) struct DatabaseCheck {
    interrupt: InterruptHandle,
    thread: JoinHandle<()>,
}

impl DatabaseCheck {
    /// Starts the check, on a connection of its own.
    pub(super) fn start(files: &DatabaseFiles, health: Health) -> anyhow::Result<DatabaseCheck> {
        let connection = connect_to_read(files.database())?;
        let interrupt = connection.get_interrupt_handle();
        let thread = thread::Builder::new().name("madang-check".to_owned()).spawn(move || {
            info!("the last server did not stop cleanly; checking the database in the background");
            let sql = format!("PRAGMA quick_check({MAX_FINDINGS})");
            let findings = connection.prepare(&sql).and_then(|mut check| {
                check.query_map([], |row| row.get::<_, String>(0))?.collect::<rusqlite::Result<Vec<_>>>()
            });
            match findings {
                Ok(findings) if findings == ["ok"] => info!("the database is sound"),
                Ok(findings) => fault::report_damage(&health, &findings.join(" ").replace('\n', " ")),
                // The store is being closed.
                Err(error)
                    if error.sqlite_error_code() == Some(rusqlite::ErrorCode::OperationInterrupted) => {}
                Err(error) => fault::report(&health, &error.into()),
            }
        });
        Ok(DatabaseCheck { interrupt, thread: thread.context("starting the checking thread")? })
    }

    /// Ends the check and waits until its connection is closed.
    pub(super) fn stop(self) {
        // An interrupt counts only for a statement that is running.
        while !self.thread.is_finished() {
            self.interrupt.interrupt();
            thread::sleep(Duration::from_millis(1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_is_emptied_once_after_a_pause() {
        let mut clock = IdleClock::default();
        let mut ticks = |commits: &[u64]| commits.iter().map(|count| clock.tick(*count)).collect::<Vec<_>>();
        assert_eq!(ticks(&[0, 0, 0, 0]), [false; 4], "nothing was written");
        assert_eq!(ticks(&[5, 5, 6, 6, 6, 6]), [false, false, false, false, false, true]);
        assert_eq!(ticks(&[6]), [true], "it failed, so it is tried again");
        clock.emptied();
        let mut ticks = |commits: &[u64]| commits.iter().map(|count| clock.tick(*count)).collect::<Vec<_>>();
        assert_eq!(ticks(&[6, 6, 7, 7, 7, 7]), [false, false, false, false, false, true]);
    }
}
