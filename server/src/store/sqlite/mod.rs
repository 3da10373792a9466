//! Implements the store in one SQLite file: WAL, `synchronous=FULL`, one writer thread, a few readers.
//!
//! With `synchronous=FULL` SQLite fsyncs the write-ahead log in every commit, so acknowledged events
//! survive a power cut. Used through `store::Store` only.

mod append;
#[cfg(test)]
mod cost_tests;
mod maintenance;
mod open;
mod people;
mod read;
mod readers;
mod rooms;
mod space;

use std::{path::Path, sync::Arc};

use anyhow::Context;
use async_trait::async_trait;
use common::{
    message::{Seq, Timestamp},
    person::{DisplayName, Person, PersonId},
    protocol::{
        command::HistoryRange,
        push::RoomEvent,
        reply::{Page, Sent},
    },
    refusal::Refusal,
    room::RoomName,
};
use parking_lot::Mutex;
use rusqlite::{Connection, OptionalExtension, Params, Row};
use tokio::sync::oneshot;
use tracing::error;

use self::{
    append::Appended,
    maintenance::{DatabaseCheck, IdleClock, Maintenance},
    readers::Readers,
    space::SpaceLimit,
};
use super::{
    Action, Instance, NewEvent, NewRoom, OnCommit, RegisteredPerson, Room, RoomId, Store, TokenHash, fault,
    files::DatabaseFiles, writer::Writer,
};
use crate::{
    error::Error,
    health::{Health, Problem},
};

/// The values of the column `kind` of an event.
mod kind {
    pub(super) const POSTED: &str = "posted";
    pub(super) const EDITED: &str = "edited";
    pub(super) const DELETED: &str = "deleted";
    pub(super) const REACTED: &str = "reacted";
    pub(super) const ROOM_CHANGED: &str = "room_changed";
}

/// How old a room without an event must be to be evicted.
const UNUSED_ROOM_AGE_MS: i64 = 24 * 60 * 60 * 1000;

/// A store in one SQLite file.
pub(super) struct Sqlite {
    writer: Arc<Mutex<WriterState>>,
    readers: Arc<Readers>,
    space: Arc<SpaceLimit>,
    instance: Instance,
    on_commit: Arc<Mutex<OnCommit>>,
    files: Arc<DatabaseFiles>,
    check: Mutex<Option<DatabaseCheck>>,
}

/// Whether something can be stored.
enum WriterState {
    Running {
        writer: Arc<Writer>,
        /// Resolves when the thread has closed its connection.
        closed: oneshot::Receiver<()>,
    },
    /// At the start there was no space on the disk. Everything can be read.
    WaitingForDisk,
    Closed,
}

impl Sqlite {
    /// Opens the database, creating and migrating it as needed.
    pub(super) async fn open(
        path: &Path,
        max_bytes: Option<u64>,
        health: &Health,
        on_commit: OnCommit,
    ) -> anyhow::Result<Sqlite> {
        let path = path.to_owned();
        let of_store = health.clone();
        let open = move || Self::open_blocking(&path, max_bytes, of_store, on_commit);
        let store = tokio::task::spawn_blocking(open).await??;
        let maintenance = Maintenance {
            files: store.files.clone(),
            writer: store.writer.clone(),
            readers: store.readers.clone(),
            health: health.clone(),
            idle: IdleClock::default(),
        };
        tokio::spawn(health.supervise("storage", maintenance.run()));
        Ok(store)
    }

    fn open_blocking(
        path: &Path,
        max_bytes: Option<u64>,
        health: Health,
        on_commit: OnCommit,
    ) -> anyhow::Result<Sqlite> {
        let files = Arc::new(DatabaseFiles::acquire(path)?);
        let was_killed = files.has_log();
        let opened = open::open_to_write(files.database())
            .and_then(|writer| Ok((writer, Readers::connect(files.database())?)));
        files.remember();
        let (writer, readers) = match opened {
            Ok((writer, readers)) => (Some(writer), readers),
            Err(error) if fault::is_disk_error(&error) => {
                let reader = open::connect_alone(files.database());
                let reader = reader.map_err(|_| error)?;
                health.add(Problem::DiskFailed);
                error!("there is no space on the disk: messages can be read, but none can be stored");
                (None, vec![reader])
            }
            Err(error) => return Err(error),
        };
        let sql = "SELECT id, secret FROM instance";
        let instance =
            query_one(&readers[0], sql, [], |row| Ok(Instance { id: row.get(0)?, secret: row.get(1)? }))?;
        let check = (was_killed && writer.is_some()).then(|| DatabaseCheck::start(&files, health.clone()));
        let writer = match writer {
            Some(writer) => {
                let (writer, closed) = Writer::start(writer, files.clone(), health.clone())?;
                // The write-ahead log of a killed server may still hold deleted text.
                writer.schedule_wal_truncation();
                WriterState::Running { writer: Arc::new(writer), closed }
            }
            None => WriterState::WaitingForDisk,
        };
        Ok(Sqlite {
            writer: Arc::new(Mutex::new(writer)),
            readers: Arc::new(Readers::new(readers, health)),
            space: Arc::new(SpaceLimit::new(max_bytes)),
            instance,
            on_commit: Arc::new(Mutex::new(on_commit)),
            files,
            check: Mutex::new(check.transpose()?),
        })
    }

    fn writer(&self) -> Result<Arc<Writer>, Error> {
        match &*self.writer.lock() {
            WriterState::Running { writer, .. } => Ok(writer.clone()),
            WriterState::WaitingForDisk => Err(Refusal::NotStored.into()),
            WriterState::Closed => Err(Refusal::Unavailable.into()),
        }
    }

    async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.writer()?.write(move |savepoint| work(savepoint), |_| ()).await
    }

    /// Like [`Sqlite::write`], for work that makes the database grow. The refusal is `not_stored` if it has
    /// its largest size.
    async fn write_new<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let space = self.space.clone();
        self.write(move |db| {
            space.check(db)?;
            work(db)
        })
        .await
    }
}

#[async_trait]
impl Store for Sqlite {
    async fn get_or_create_room(&self, name: RoomName, new: NewRoom) -> Result<Room, Error> {
        let unused_before = Timestamp(new.at.0.saturating_sub(UNUSED_ROOM_AGE_MS));
        let existing = name.clone();
        let found = self.readers.read(move |db| match rooms::get_room(db, &existing)? {
            Some(room) => Ok(Ok(Some(room))),
            None => Ok(rooms::check_room_limit(db, unused_before).map(|()| None)),
        });
        if let Some(room) = found.await?? {
            return Ok(room);
        }
        self.write_new(move |db| match rooms::get_room(db, &name)? {
            Some(room) => Ok(room),
            None => rooms::create_room(db, &name, new, unused_before),
        })
        .await
    }

    async fn get_room(&self, name: RoomName) -> Result<Option<Room>, Error> {
        self.readers.read(move |db| rooms::get_room(db, &name)).await
    }

    async fn list_rooms(&self, limit: u32) -> Result<Vec<Room>, Error> {
        self.readers.read(move |db| rooms::list_rooms(db, limit)).await
    }

    async fn list_unused_rooms(&self, now: Timestamp) -> Result<Vec<RoomName>, Error> {
        let before = Timestamp(now.0.saturating_sub(UNUSED_ROOM_AGE_MS));
        self.readers.read(move |db| rooms::list_unused_rooms(db, before)).await
    }

    async fn evict_unused_rooms(&self, names: Vec<RoomName>, now: Timestamp) -> Result<usize, Error> {
        let before = Timestamp(now.0.saturating_sub(UNUSED_ROOM_AGE_MS));
        self.write(move |db| rooms::evict_unused_rooms(db, &names, before)).await
    }

    async fn claim_room(&self, room: RoomId, person: PersonId) -> Result<bool, Error> {
        let may_claim = self.readers.read(move |db| rooms::may_claim_room(db, room, person)).await?;
        // Asked again in the transaction: of two who come at once only one gets it.
        Ok(may_claim && self.write(move |db| rooms::claim_room(db, room, person)).await?)
    }

    async fn delete_room(&self, name: RoomName) -> Result<Room, Error> {
        self.write(move |db| rooms::mark_deleted(db, &name)).await
    }

    async fn purge_deleted_rooms(&self) -> Result<bool, Error> {
        let is_more = self.write(rooms::purge_deleted_rooms).await?;
        self.writer()?.schedule_wal_truncation();
        Ok(is_more)
    }

    async fn append_event(&self, room: RoomId, event: NewEvent) -> Result<Sent, Error> {
        let (writer, on_commit) = (self.writer()?, self.on_commit.clone());
        let removes_text = matches!(event.action, Action::Edit { .. } | Action::Delete { .. });
        let space = (!matches!(event.action, Action::Delete { .. })).then(|| self.space.clone());
        let appended = writer
            .write(
                move |db| {
                    if let Some(space) = space {
                        space.check(db)?;
                    }
                    append::append_event(db, room, event)
                },
                move |appended: &Appended| {
                    if let Some((room, event)) = appended.new.clone() {
                        on_commit.lock()(RoomEvent { room, event });
                    }
                },
            )
            .await?;
        if removes_text {
            writer.schedule_wal_truncation();
        }
        Ok(appended.sent)
    }

    async fn get_author(&self, room: RoomId, message: Seq) -> Result<Option<PersonId>, Error> {
        self.readers.read(move |db| read::get_author(db, room, message)).await
    }

    async fn list_events(
        &self,
        room: RoomId,
        range: HistoryRange,
        limit: u32,
        reader: PersonId,
    ) -> Result<Page, Error> {
        self.readers.read(move |db| read::list_events(db, room, range, limit, reader)).await
    }

    async fn insert_person(&self, person: Person, token: TokenHash, at: Timestamp) -> Result<(), Error> {
        self.write_new(move |db| people::insert_person(db, &person, token, at)).await
    }

    async fn get_person_by_token(&self, token: TokenHash) -> Result<Option<RegisteredPerson>, Error> {
        self.readers.read(move |db| people::get_person_by_token(db, token)).await
    }

    async fn rename_person(&self, id: PersonId, name: DisplayName) -> Result<(), Error> {
        self.write(move |db| people::rename_person(db, id, &name)).await
    }

    async fn set_last_seen(&self, id: PersonId, at: Timestamp) -> Result<(), Error> {
        self.write(move |db| people::set_last_seen(db, id, at)).await
    }

    async fn expire_people(&self, before: Timestamp) -> Result<usize, Error> {
        self.write(move |db| people::expire_people(db, before)).await
    }

    fn instance(&self) -> &Instance {
        &self.instance
    }

    async fn close(&self) {
        // SQLite moves the write-ahead log into the database only when all connections are closed.
        self.readers.close().await;
        let check = self.check.lock().take();
        if let Some(check) = check {
            // It ends as soon as it is interrupted. A failed join means the same here.
            let _ = tokio::task::spawn_blocking(|| check.stop()).await;
        }
        let state = std::mem::replace(&mut *self.writer.lock(), WriterState::Closed);
        if let WriterState::Running { writer, closed } = state {
            drop(writer);
            // An error means that the thread ended without a message, which is as good here.
            let _ = closed.await;
        }
        // No commit follows: dropping the callback ends the bus, and with it the task that broadcasts.
        *self.on_commit.lock() = Box::new(|_| ());
        self.files.release();
    }
}

fn execute(db: &Connection, sql: &str, values: impl Params) -> Result<(), Error> {
    db.prepare_cached(sql).and_then(|mut statement| statement.execute(values)).context("writing")?;
    Ok(())
}

fn query_one<T>(
    db: &Connection,
    sql: &str,
    values: impl Params,
    read: impl FnOnce(&Row) -> rusqlite::Result<T>,
) -> anyhow::Result<T> {
    Ok(db.prepare_cached(sql)?.query_row(values, read)?)
}

fn query_optional<T>(
    db: &Connection,
    sql: &str,
    values: impl Params,
    read: impl FnOnce(&Row) -> rusqlite::Result<T>,
) -> anyhow::Result<Option<T>> {
    Ok(db.prepare_cached(sql)?.query_row(values, read).optional()?)
}

fn query_all<T>(
    db: &Connection,
    sql: &str,
    values: impl Params,
    read: impl FnMut(&Row) -> rusqlite::Result<T>,
) -> anyhow::Result<Vec<T>> {
    let mut statement = db.prepare_cached(sql)?;
    let rows = statement.query_map(values, read)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
