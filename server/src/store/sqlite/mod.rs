//! Implements the store in one SQLite file: WAL, `synchronous=FULL`, one writer thread, a few readers.
//!
//! With `synchronous=FULL` SQLite fsyncs the write-ahead log in every commit, so acknowledged events
//! survive a power cut. Used through `store::Store` only.

mod append;
mod open;
mod read;
mod readers;

use std::{fs::File, path::Path, sync::Arc};

use anyhow::Context;
use async_trait::async_trait;
use common::{
    message::{Cid, Seq, Timestamp},
    person::{DisplayName, Person, PersonId},
    protocol::{
        command::HistoryRange,
        event::Event,
        push::RoomEvent,
        reply::{Page, Sent},
    },
    refusal::Refusal,
    room::{RoomName, Seats, Topic},
};
use parking_lot::Mutex;
use rusqlite::{Connection, OptionalExtension, Params, Row, params};
use tokio::sync::oneshot;

use self::{append::Appended, open::Database, readers::Readers};
use super::{Action, NewEvent, NewRoom, OnCommit, Room, RoomId, Store, TokenHash, writer::Writer};
use crate::error::Error;

/// The values of the column `kind` of an event.
mod kind {
    pub(super) const POSTED: &str = "posted";
    pub(super) const EDITED: &str = "edited";
    pub(super) const DELETED: &str = "deleted";
    pub(super) const REACTED: &str = "reacted";
    pub(super) const ROOM_CHANGED: &str = "room_changed";
}

/// The most rooms of a server, so that links to unused rooms can not fill the disk.
const MAX_ROOMS: i64 = 100_000;

/// At [`MAX_ROOMS`], rooms without an event that are older than this are evicted, up to
/// [`MAX_EVICTED_ROOMS`] at once.
const UNUSED_ROOM_AGE_MS: i64 = 24 * 60 * 60 * 1000;
const MAX_EVICTED_ROOMS: u32 = 1_000;

/// A store in one SQLite file.
pub(super) struct Sqlite {
    writer: Mutex<Option<Arc<Writer>>>,
    writer_closed: Mutex<Option<oneshot::Receiver<()>>>,
    readers: Readers,
    on_commit: Arc<Mutex<OnCommit>>,
    /// Locked until the store is closed.
    lock_file: Mutex<Option<File>>,
}

impl Sqlite {
    /// Opens the database, creating and migrating it as needed.
    pub(super) async fn open(path: &Path, on_commit: OnCommit) -> anyhow::Result<Sqlite> {
        let path = path.to_owned();
        let store = tokio::task::spawn_blocking(move || Self::open_blocking(&path, on_commit)).await??;
        // The write-ahead log of a killed server may still hold deleted text.
        if let Ok(writer) = store.writer() {
            writer.schedule_wal_truncation();
        }
        Ok(store)
    }

    fn open_blocking(path: &Path, on_commit: OnCommit) -> anyhow::Result<Sqlite> {
        let Database { lock_file, writer } = open::open(path)?;
        let readers = Readers::open(path)?;
        let (writer, writer_closed) = Writer::start(writer)?;
        Ok(Sqlite {
            writer: Mutex::new(Some(Arc::new(writer))),
            writer_closed: Mutex::new(Some(writer_closed)),
            readers,
            on_commit: Arc::new(Mutex::new(on_commit)),
            lock_file: Mutex::new(Some(lock_file)),
        })
    }

    fn writer(&self) -> Result<Arc<Writer>, Error> {
        self.writer.lock().clone().ok_or(Refusal::Unavailable.into())
    }

    async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.writer()?.write(move |savepoint| work(savepoint), |_| ()).await
    }
}

#[async_trait]
impl Store for Sqlite {
    async fn get_or_create_room(&self, name: RoomName, new: NewRoom) -> Result<Room, Error> {
        if let Some(room) = self.get_room(name.clone()).await? {
            return Ok(room);
        }
        self.write(move |db| {
            if let Some(room) = get_room(db, &name)? {
                return Ok(room);
            }
            let count: i64 = query_one(db, "SELECT count(*) FROM rooms", [], |row| row.get(0))?;
            if count >= MAX_ROOMS && evict_unused_rooms(db, new.at)? == 0 {
                return Err(Refusal::NoMoreRooms.into());
            }
            execute(
                db,
                "INSERT INTO rooms (name, seats, topic, owner, since) VALUES (?1, ?2, ?3, ?4, ?5)",
                params![
                    name.as_str(),
                    new.seats.map(Seats::get),
                    new.topic.as_str(),
                    new.owner.0.cast_signed(),
                    new.at.0
                ],
            )?;
            let (id, NewRoom { seats, topic, owner, .. }) = (RoomId(db.last_insert_rowid()), new);
            Ok(Room {
                id,
                name,
                seats,
                topic,
                description_seq: Seq(0),
                owner,
                last_seq: Seq(0),
                last_at: None,
            })
        })
        .await
    }

    async fn get_room(&self, name: RoomName) -> Result<Option<Room>, Error> {
        self.readers.read(move |db| get_room(db, &name)).await
    }

    async fn list_rooms(&self, limit: u32) -> Result<Vec<Room>, Error> {
        self.readers
            .read(move |db| {
                let sql = "SELECT id, name, seats, topic, described, owner, last_seq, last_at FROM rooms
                       WHERE last_at IS NOT NULL ORDER BY last_at DESC LIMIT ?1";
                query_all(db, sql, [limit], room_from_row)
            })
            .await
    }

    async fn append_event(&self, room: RoomId, event: NewEvent) -> Result<Sent, Error> {
        let (writer, on_commit) = (self.writer()?, self.on_commit.clone());
        let removes_text = matches!(event.action, Action::Edit { .. } | Action::Delete { .. });
        let appended = writer
            .write(
                move |db| append::append_event(db, room, event),
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

    async fn get_event_by_cid(&self, room: RoomId, cid: Cid) -> Result<Option<Event>, Error> {
        self.readers.read(move |db| read::get_event_by_cid(db, room, &cid)).await
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
        self.write(move |db| {
            let sql = "INSERT INTO people (id, name, token_hash, since) VALUES (?1, ?2, ?3, ?4)";
            let id = person.id.0.cast_signed();
            execute(db, sql, params![id, person.name.as_str(), token, at.0])
        })
        .await
    }

    async fn get_person_by_token(&self, token: TokenHash) -> Result<Option<Person>, Error> {
        self.readers
            .read(move |db| {
                let sql = "SELECT id, name FROM people WHERE token_hash = ?1";
                query_optional(db, sql, [token], |row| person_from_row(row, 0))
            })
            .await
    }

    async fn rename_person(&self, id: PersonId, name: DisplayName) -> Result<(), Error> {
        self.write(move |db| {
            let sql = "UPDATE people SET name = ?2 WHERE id = ?1";
            execute(db, sql, params![id.0.cast_signed(), name.as_str()])
        })
        .await
    }

    async fn close(&self) {
        // SQLite moves the write-ahead log into the database only when all connections are closed.
        self.readers.close().await;
        drop(self.writer.lock().take());
        let closed = self.writer_closed.lock().take();
        if let Some(closed) = closed {
            // An error means that the thread ended without a message, which is as good here.
            let _ = closed.await;
        }
        // No commit follows: dropping the callback ends the bus, and with it the task that broadcasts.
        *self.on_commit.lock() = Box::new(|_| ());
        drop(self.lock_file.lock().take());
    }
}

/// Evicts unused rooms and returns how many. The newest room stays, so that SQLite does not give its id to
/// another room while members are in it.
fn evict_unused_rooms(db: &Connection, now: Timestamp) -> Result<u64, Error> {
    let sql = "DELETE FROM rooms WHERE id IN (
                   SELECT id FROM rooms
                   WHERE last_seq = 0 AND since < ?1 AND name <> ?2 AND id < (SELECT max(id) FROM rooms)
                   ORDER BY since LIMIT ?3)";
    let created_before = now.0.saturating_sub(UNUSED_ROOM_AGE_MS);
    execute(db, sql, params![created_before, RoomName::lobby().as_str(), MAX_EVICTED_ROOMS])?;
    Ok(db.changes())
}

fn get_room(db: &Connection, name: &RoomName) -> anyhow::Result<Option<Room>> {
    let sql = "SELECT id, name, seats, topic, described, owner, last_seq, last_at FROM rooms WHERE name = ?1";
    query_optional(db, sql, [name.as_str()], room_from_row)
}

fn room_from_row(row: &Row) -> rusqlite::Result<Room> {
    let seats: Option<u16> = row.get(2)?;
    Ok(Room {
        id: RoomId(row.get(0)?),
        name: RoomName::from_store(row.get(1)?),
        seats: seats.and_then(|seats| Seats::parse(seats).ok()),
        topic: Topic::from_store(row.get(3)?),
        description_seq: Seq(row.get(4)?),
        owner: PersonId(row.get::<_, i64>(5)?.cast_unsigned()),
        last_seq: Seq(row.get(6)?),
        last_at: row.get::<_, Option<i64>>(7)?.map(Timestamp),
    })
}

fn person_from_row(row: &Row, column: usize) -> rusqlite::Result<Person> {
    Ok(Person {
        id: PersonId(row.get::<_, i64>(column)?.cast_unsigned()),
        name: DisplayName::from_store(row.get(column + 1)?),
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_rooms_without_a_message_for_a_day_are_evicted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("madang.sqlite");
        let db = open::open(&path).unwrap().writer;
        let now = 10 * UNUSED_ROOM_AGE_MS;
        let rooms =
            [("lobby", 0, 0), ("silent", 0, 0), ("spoken", 1, 0), ("young", 0, now), ("newest", 0, 0)];
        for (name, last_seq, since) in rooms {
            let sql = "INSERT INTO rooms (name, owner, last_seq, since) VALUES (?1, 1, ?2, ?3)";
            execute(&db, sql, params![name, last_seq, since]).unwrap();
        }
        assert_eq!(evict_unused_rooms(&db, Timestamp(now)).unwrap(), 1);
        let left =
            query_all(&db, "SELECT name FROM rooms ORDER BY id", [], |row| row.get::<_, String>(0)).unwrap();
        assert_eq!(left, ["lobby", "spoken", "young", "newest"]);
    }
}
