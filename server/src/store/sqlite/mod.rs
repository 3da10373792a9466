//! Implements the store in one SQLite file: WAL, `synchronous=FULL`, one writing thread, a few readers.
//!
//! With `synchronous=FULL` SQLite fsyncs the write-ahead log in every commit, so acknowledged events
//! survive a power cut. Used through `store::Store` only.

mod append;
mod read;

use std::{
    fs::{self, File},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, bail};
use async_trait::async_trait;
use common::{
    event::{Event, HistoryRange, Page, RoomEvent, Sent},
    message::{Cid, Seq, Timestamp},
    person::{DisplayName, Person, PersonId},
    refusal::Refusal,
    room::{RoomName, Seats, Topic},
};
use parking_lot::Mutex;
use rusqlite::{Connection, OptionalExtension, Params, Row, params};
use tokio::sync::{Semaphore, oneshot};

use super::{
    Action, NewEvent, NewRoom, OnCommit, Room, RoomId, Store, TokenHash,
    writer::{self, Writer},
};
use crate::{
    error::Error,
    failpoint::{self, Sabotage},
    store::sqlite::append::Appended,
};

/// The schema, one file per version. A released file is never changed.
const MIGRATIONS: &[&str] = &[
    include_str!("../../../migrations/sqlite/0001_rooms_events_people.sql"),
    include_str!("../../../migrations/sqlite/0002_events_by_udp.sql"),
    include_str!("../../../migrations/sqlite/0003_changes_and_reactions.sql"),
];

/// The values of the column `kind` of an event.
mod kind {
    pub(super) const POSTED: &str = "posted";
    pub(super) const EDITED: &str = "edited";
    pub(super) const DELETED: &str = "deleted";
    pub(super) const REACTED: &str = "reacted";
    pub(super) const ROOM_CHANGED: &str = "room_changed";
}

/// The writer's page cache, in KiB.
const WRITER_CACHE_KIB: i64 = 16 * 1024;

/// The length of the write-ahead log before a checkpoint, in pages of 4 KiB. Recovery after a crash reads
/// it again.
const WAL_PAGES: i64 = 8 * 1024;

/// The number of concurrent reads.
const READERS: u32 = 4;

/// The most rooms of a server, so that links to unused rooms can not fill the disk.
const MAX_ROOMS: i64 = 100_000;

/// At [`MAX_ROOMS`], rooms without a message that are older than this are evicted, up to
/// [`MAX_EVICTED_ROOMS`] at once.
const UNUSED_ROOM_AGE_MS: i64 = 24 * 60 * 60 * 1000;
const MAX_EVICTED_ROOMS: u32 = 1_000;

/// A store in one SQLite file.
pub(super) struct Sqlite {
    writer: Mutex<Option<Arc<Writer>>>,
    writer_closed: Mutex<Option<oneshot::Receiver<()>>>,
    readers: Arc<ReaderPool>,
    on_commit: Arc<Mutex<OnCommit>>,
    /// An exclusive lock on a file, held while the store is open: two servers on one database would each
    /// broadcast only their own events.
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
        let lock_file = acquire_lock_file(path)?;
        create_private_file(path)?;
        let mut connection = connect_to_write(path)?;
        migrate(&mut connection, path, MIGRATIONS)?;
        let readers = (0..READERS).map(|_| connect_to_read(path)).collect::<anyhow::Result<_>>()?;
        let (writer, writer_closed) = Writer::start(connection)?;
        Ok(Sqlite {
            writer: Mutex::new(Some(Arc::new(writer))),
            writer_closed: Mutex::new(Some(writer_closed)),
            readers: Arc::new(ReaderPool {
                idle: Mutex::new(readers),
                permits: Arc::new(Semaphore::new(READERS as usize)),
            }),
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

    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> anyhow::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        // Wait for the permit before taking a blocking thread, so that waiting reads occupy no threads. The
        // permit moves with the connection: the read goes on if the caller is cancelled.
        let permit = self.readers.permits.clone().acquire_owned().await.map_err(|_| Refusal::Unavailable)?;
        let pool = self.readers.clone();
        let reading = tokio::task::spawn_blocking(move || {
            let result = pool.with_connection(work);
            drop(permit);
            result
        });
        Ok(reading.await.context("reading")??)
    }
}

/// A pool of reading connections.
struct ReaderPool {
    idle: Mutex<Vec<Connection>>,
    permits: Arc<Semaphore>,
}

impl ReaderPool {
    fn with_connection<T>(&self, work: impl FnOnce(&Connection) -> anyhow::Result<T>) -> anyhow::Result<T> {
        let connection = self.idle.lock().pop().context("a permit without a connection")?;
        let result = work(&connection);
        self.idle.lock().push(connection);
        result
    }
}

fn acquire_lock_file(path: &Path) -> anyhow::Result<File> {
    if let Some(folder) = path.parent() {
        // Other users of this machine must not read the messages.
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true).mode(0o700);
        builder.create(folder).with_context(|| format!("making the folder {}", folder.display()))?;
    }
    let name = PathBuf::from(format!("{}.lock", path.display()));
    let open = File::options().create(true).truncate(false).write(true).mode(0o600).open(&name);
    let file = open.with_context(|| format!("making {}", name.display()))?;
    if file.try_lock().is_err() {
        bail!("another madang is using it; give this one a --data folder of its own");
    }
    Ok(file)
}

/// Creates a file that only its owner can read, if it does not exist. SQLite gives the files beside it the
/// same mode.
fn create_private_file(path: &Path) -> anyhow::Result<()> {
    let created = File::options().create(true).append(true).mode(0o600).open(path);
    created.map(drop).with_context(|| format!("making {}", path.display()))
}

fn connect(path: &Path) -> anyhow::Result<Connection> {
    let connection = Connection::open(path)?;
    let synchronous = if failpoint::is_active(Sabotage::NoSync) { "OFF" } else { "FULL" };
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", synchronous)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.busy_timeout(writer::BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// Opens the writing connection. Messages of many rooms touch as many pages again and again; a large
/// cache and a long write-ahead log make checkpoints rare.
fn connect_to_write(path: &Path) -> anyhow::Result<Connection> {
    let connection = connect(path)?;
    // Overwrites deleted text on its pages instead of only unlinking it.
    connection.pragma_update(None, "secure_delete", true)?;
    connection.pragma_update(None, "cache_size", -WRITER_CACHE_KIB)?;
    connection.pragma_update(None, "wal_autocheckpoint", WAL_PAGES)?;
    Ok(connection)
}

fn connect_to_read(path: &Path) -> anyhow::Result<Connection> {
    let connection = connect(path)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

/// Migrates to the newest schema, each step in its own transaction. Copies a database with content first.
fn migrate(connection: &mut Connection, path: &Path, migrations: &[&str]) -> anyhow::Result<()> {
    let version: usize = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if version > migrations.len() {
        bail!("it was written by a newer madang (schema {version}, this one knows {})", migrations.len());
    }
    if version > 0 && version < migrations.len() {
        let backup = path.with_extension(format!("before-schema-{}.sqlite", version + 1));
        if !backup.exists() {
            // Renamed only when complete: a partial copy is no backup.
            let copy = backup.with_extension("part");
            let _ = fs::remove_file(&copy);
            create_private_file(&copy)?;
            let name = copy.to_str().context("the database's path is not UTF-8")?;
            connection.execute("VACUUM INTO ?1", [name]).context("copying the database")?;
            fs::rename(&copy, &backup).context("naming the copy of the database")?;
        }
    }
    for (done, script) in migrations.iter().enumerate().skip(version) {
        let step = connection.transaction()?;
        step.execute_batch(script).with_context(|| format!("migrating to schema {}", done + 1))?;
        step.pragma_update(None, "user_version", done + 1)?;
        step.commit()?;
    }
    Ok(())
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
        self.read(move |db| get_room(db, &name)).await
    }

    async fn list_rooms(&self, limit: u32) -> Result<Vec<Room>, Error> {
        self.read(move |db| {
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
        self.read(move |db| read::get_event_by_cid(db, room, &cid)).await
    }

    async fn get_author(&self, room: RoomId, message: Seq) -> Result<Option<PersonId>, Error> {
        self.read(move |db| read::get_author(db, room, message)).await
    }

    async fn list_events(
        &self,
        room: RoomId,
        range: HistoryRange,
        limit: u32,
        reader: PersonId,
    ) -> Result<Page, Error> {
        self.read(move |db| read::list_events(db, room, range, limit, reader)).await
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
        self.read(move |db| {
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
        // Running reads hold permits; later ones find the semaphore closed. All connections must be closed
        // for SQLite to move the write-ahead log into the database.
        let permits = self.readers.permits.acquire_many(READERS).await;
        self.readers.permits.close();
        drop(permits);
        self.readers.idle.lock().clear();
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
        let mut db = connect(&path).unwrap();
        migrate(&mut db, &path, MIGRATIONS).unwrap();
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

    #[test]
    fn a_database_of_a_newer_madang_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("madang.sqlite");
        let mut connection = connect(&path).unwrap();
        migrate(&mut connection, &path, &["CREATE TABLE a (x)", "CREATE TABLE b (x)"]).unwrap();
        let error = migrate(&mut connection, &path, &["CREATE TABLE a (x)"]).unwrap_err();
        assert_eq!(error.to_string(), "it was written by a newer madang (schema 2, this one knows 1)");
    }

    #[test]
    fn a_migration_that_fails_leaves_the_version_before_it_and_a_copy() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("madang.sqlite");
        let mut connection = connect(&path).unwrap();
        migrate(&mut connection, &path, &["CREATE TABLE a (x)"]).unwrap();
        let broken = ["CREATE TABLE a (x)", "CREATE TABLE b (x); NONSENSE"];
        migrate(&mut connection, &path, &broken).unwrap_err();
        let version: usize = connection.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
        assert_eq!(version, 1);
        assert!(path.with_extension("before-schema-2.sqlite").exists());
        migrate(&mut connection, &path, &["CREATE TABLE a (x)", "CREATE TABLE b (x)"]).unwrap();
    }
}
