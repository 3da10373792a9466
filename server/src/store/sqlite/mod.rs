//! The store in one SQLite file: WAL, `synchronous=FULL`, one writing thread, a few readers.
//!
//! `synchronous=FULL` makes SQLite fsync the write-ahead log in every commit, so what was
//! acknowledged survives a power cut. Used through `store::Store` only.

mod append;
mod read;

use std::{
    fs::{self, File},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use anyhow::{Context, bail};
use async_trait::async_trait;
use common::{
    event::{Event, Page, RoomEvent, Sent, Span},
    message::{Cid, Seq, Timestamp},
    person::{DisplayName, Person, PersonId},
    refusal::Refusal,
    room::{RoomName, Seats, Topic},
};
use rusqlite::{Connection, OptionalExtension, Params, Row, params};
use tokio::sync::{Semaphore, oneshot};

use super::{
    Deed, NewEvent, NewRoom, OnCommit, Room, RoomId, Store, TokenHash,
    writer::{self, Writer},
};
use crate::{
    failure::Failure,
    fault::{self, Sabotage},
    lock::lock,
    store::sqlite::append::Appended,
};

/// The schema, one file a version; a file that was released is never changed.
const MIGRATIONS: &[&str] = &[
    include_str!("../../../migrations/sqlite/0001_rooms_events_people.sql"),
    include_str!("../../../migrations/sqlite/0002_events_by_udp.sql"),
    include_str!("../../../migrations/sqlite/0003_changes_and_reactions.sql"),
];

/// What the column `kind` of an event may say.
mod kind {
    pub(super) const POSTED: &str = "posted";
    pub(super) const EDITED: &str = "edited";
    pub(super) const DELETED: &str = "deleted";
    pub(super) const REACTED: &str = "reacted";
    pub(super) const ROOM_CHANGED: &str = "room_changed";
}

/// How much of the database the writer keeps in memory, in KiB.
const WRITER_CACHE_KIB: i64 = 16 * 1024;

/// How long the write-ahead log becomes, in pages of 4 KiB: what is read again after a crash.
const WAL_PAGES: i64 = 8 * 1024;

/// How many reads run side by side.
const READERS: u32 = 4;

/// The most rooms one server keeps, so that links nobody writes to can not fill the disk.
const MAX_ROOMS: i64 = 100_000;

/// With as many as that, those are forgotten in which nothing was said for so long after they were
/// made, and so many at once.
const SILENT_FOR_MS: i64 = 24 * 60 * 60 * 1000;
const FORGOTTEN_AT_ONCE: u32 = 1_000;

/// A store in one SQLite file.
pub(super) struct Sqlite {
    writer: Mutex<Option<Arc<Writer>>>,
    writer_closed: Mutex<Option<oneshot::Receiver<()>>>,
    readers: Arc<Readers>,
    on_commit: Arc<Mutex<OnCommit>>,
    /// Held while the store is open: two servers on one log would each tell half of it.
    lock: Mutex<Option<File>>,
}

impl Sqlite {
    /// Opens the file, making and migrating it as needed.
    pub(super) async fn open(path: &Path, on_commit: OnCommit) -> anyhow::Result<Sqlite> {
        let path = path.to_owned();
        let store = tokio::task::spawn_blocking(move || Self::open_blocking(&path, on_commit)).await??;
        // A server that was killed may have left in it what was taken back.
        if let Ok(writer) = store.writer() {
            writer.empty_log_soon();
        }
        Ok(store)
    }

    fn open_blocking(path: &Path, on_commit: OnCommit) -> anyhow::Result<Sqlite> {
        let lock = lock_folder(path)?;
        make_private(path)?;
        let mut connection = connect_to_write(path)?;
        migrate(&mut connection, path, MIGRATIONS)?;
        let readers = (0..READERS).map(|_| connect_to_read(path)).collect::<anyhow::Result<_>>()?;
        let (writer, writer_closed) = Writer::start(connection)?;
        Ok(Sqlite {
            writer: Mutex::new(Some(Arc::new(writer))),
            writer_closed: Mutex::new(Some(writer_closed)),
            readers: Arc::new(Readers {
                idle: Mutex::new(readers),
                permits: Arc::new(Semaphore::new(READERS as usize)),
            }),
            on_commit: Arc::new(Mutex::new(on_commit)),
            lock: Mutex::new(Some(lock)),
        })
    }

    fn writer(&self) -> Result<Arc<Writer>, Failure> {
        lock(&self.writer).clone().ok_or(Refusal::Unavailable.into())
    }

    async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        self.writer()?.write(move |savepoint| work(savepoint), |_| ()).await
    }

    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> anyhow::Result<T> + Send + 'static,
    ) -> Result<T, Failure> {
        // The permit is taken before a blocking thread is, so waiting readers occupy no threads. It
        // goes where the connection goes: whoever asked may stop waiting, the reading goes on.
        let permit = self.readers.permits.clone().acquire_owned().await.map_err(|_| Refusal::Unavailable)?;
        let pool = self.readers.clone();
        let reading = tokio::task::spawn_blocking(move || {
            let result = pool.with(work);
            drop(permit);
            result
        });
        Ok(reading.await.context("reading")??)
    }
}

/// Reading connections, lent one at a time.
struct Readers {
    idle: Mutex<Vec<Connection>>,
    permits: Arc<Semaphore>,
}

impl Readers {
    fn with<T>(&self, work: impl FnOnce(&Connection) -> anyhow::Result<T>) -> anyhow::Result<T> {
        let connection = lock(&self.idle).pop().context("a permit without a connection")?;
        let result = work(&connection);
        lock(&self.idle).push(connection);
        result
    }
}

fn lock_folder(path: &Path) -> anyhow::Result<File> {
    if let Some(folder) = path.parent() {
        // Nobody else on this machine needs to read what is said in a room.
        let mut owners = fs::DirBuilder::new();
        owners.recursive(true).mode(0o700);
        owners.create(folder).with_context(|| format!("making the folder {}", folder.display()))?;
    }
    let name = PathBuf::from(format!("{}.lock", path.display()));
    let open = File::options().create(true).truncate(false).write(true).mode(0o600).open(&name);
    let lock = open.with_context(|| format!("making {}", name.display()))?;
    if lock.try_lock().is_err() {
        bail!("another madang is using it; give this one a --data folder of its own");
    }
    Ok(lock)
}

/// Makes a file that only its owner can read, if it is not there; what SQLite puts beside it follows it.
fn make_private(path: &Path) -> anyhow::Result<()> {
    let made = File::options().create(true).append(true).mode(0o600).open(path);
    made.map(drop).with_context(|| format!("making {}", path.display()))
}

fn connect(path: &Path) -> anyhow::Result<Connection> {
    let connection = Connection::open(path)?;
    let synchronous = if fault::is(Sabotage::NoSync) { "OFF" } else { "FULL" };
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", synchronous)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.busy_timeout(writer::PATIENCE)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// The connection that writes. Messages of many rooms touch as many pages, each again and again: they
/// stay in memory, and go from the write-ahead log to the database seldom and together.
fn connect_to_write(path: &Path) -> anyhow::Result<Connection> {
    let connection = connect(path)?;
    // What was taken back is overwritten, and not only forgotten, also where it is long.
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

/// Brings the schema to the newest version, each step in a transaction of its own.
/// A database that already holds something is copied beside itself first.
fn migrate(connection: &mut Connection, path: &Path, migrations: &[&str]) -> anyhow::Result<()> {
    let version: usize = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if version > migrations.len() {
        bail!("it was written by a newer madang (schema {version}, this one knows {})", migrations.len());
    }
    if version > 0 && version < migrations.len() {
        let backup = path.with_extension(format!("before-schema-{}.sqlite", version + 1));
        if !backup.exists() {
            // Under its real name only when it is whole: a copy that was cut short is no backup.
            let copy = backup.with_extension("part");
            let _ = fs::remove_file(&copy);
            make_private(&copy)?;
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
    async fn open_room(&self, name: RoomName, new: NewRoom) -> Result<Room, Failure> {
        if let Some(room) = self.get_room(name.clone()).await? {
            return Ok(room);
        }
        self.write(move |db| {
            if let Some(room) = get_room(db, &name)? {
                return Ok(room);
            }
            let count: i64 = one(db, "SELECT count(*) FROM rooms", [], |row| row.get(0))?;
            if count >= MAX_ROOMS && forget_silent_rooms(db, new.at)? == 0 {
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
            Ok(Room { id, name, seats, topic, described: Seq(0), owner, last: Seq(0), last_at: None })
        })
        .await
    }

    async fn get_room(&self, name: RoomName) -> Result<Option<Room>, Failure> {
        self.read(move |db| get_room(db, &name)).await
    }

    async fn list_rooms(&self, limit: u32) -> Result<Vec<Room>, Failure> {
        self.read(move |db| {
            let sql = "SELECT id, name, seats, topic, described, owner, last_seq, last_at FROM rooms
                       WHERE last_at IS NOT NULL ORDER BY last_at DESC LIMIT ?1";
            all(db, sql, [limit], read_room)
        })
        .await
    }

    async fn append_event(&self, room: RoomId, event: NewEvent) -> Result<Sent, Failure> {
        let (writer, on_commit) = (self.writer()?, self.on_commit.clone());
        let takes_back = matches!(event.deed, Deed::Edit { .. } | Deed::Delete { .. });
        let appended = writer
            .write(
                move |db| append::append_event(db, room, event),
                move |appended: &Appended| {
                    if let Some((room, event)) = appended.new.clone() {
                        lock(&on_commit)(RoomEvent { room, event });
                    }
                },
            )
            .await?;
        if takes_back {
            writer.empty_log_soon();
        }
        Ok(appended.sent)
    }

    async fn get_event(&self, room: RoomId, cid: Cid) -> Result<Option<Event>, Failure> {
        self.read(move |db| read::get_event(db, room, &cid)).await
    }

    async fn get_author(&self, room: RoomId, message: Seq) -> Result<Option<PersonId>, Failure> {
        self.read(move |db| read::get_author(db, room, message)).await
    }

    async fn list_events(
        &self,
        room: RoomId,
        span: Span,
        limit: u32,
        reader: PersonId,
    ) -> Result<Page, Failure> {
        self.read(move |db| read::list_events(db, room, span, limit, reader)).await
    }

    async fn append_person(&self, person: Person, token: TokenHash, at: Timestamp) -> Result<(), Failure> {
        self.write(move |db| {
            let sql = "INSERT INTO people (id, name, token_hash, since) VALUES (?1, ?2, ?3, ?4)";
            let id = person.id.0.cast_signed();
            execute(db, sql, params![id, person.name.as_str(), token, at.0])
        })
        .await
    }

    async fn get_person(&self, token: TokenHash) -> Result<Option<Person>, Failure> {
        self.read(move |db| {
            let sql = "SELECT id, name FROM people WHERE token_hash = ?1";
            maybe(db, sql, [token], |row| read_person(row, 0))
        })
        .await
    }

    async fn rename_person(&self, id: PersonId, name: DisplayName) -> Result<(), Failure> {
        self.write(move |db| {
            let sql = "UPDATE people SET name = ?2 WHERE id = ?1";
            execute(db, sql, params![id.0.cast_signed(), name.as_str()])
        })
        .await
    }

    async fn close(&self) {
        // Reads that are under way hold permits; later ones find the semaphore closed. All
        // connections must be closed for SQLite to fold the write-ahead log into the database.
        let all = self.readers.permits.acquire_many(READERS).await;
        self.readers.permits.close();
        drop(all);
        lock(&self.readers.idle).clear();
        drop(lock(&self.writer).take());
        let closed = lock(&self.writer_closed).take();
        if let Some(closed) = closed {
            // An error means that the thread ended without saying so; it has ended all the same.
            let _ = closed.await;
        }
        // Nothing is committed any more: whoever waits for more to be told may stop.
        *lock(&self.on_commit) = Box::new(|_| ());
        drop(lock(&self.lock).take());
    }
}

/// Makes place for other rooms; tells for how many. The number of the newest room stays taken, lest
/// another room gets it while somebody is still in that one.
fn forget_silent_rooms(db: &Connection, now: Timestamp) -> Result<u64, Failure> {
    let sql = "DELETE FROM rooms WHERE id IN (
                   SELECT id FROM rooms
                   WHERE last_seq = 0 AND since < ?1 AND name <> ?2 AND id < (SELECT max(id) FROM rooms)
                   ORDER BY since LIMIT ?3)";
    let long_ago = now.0.saturating_sub(SILENT_FOR_MS);
    execute(db, sql, params![long_ago, RoomName::lobby().as_str(), FORGOTTEN_AT_ONCE])?;
    Ok(db.changes())
}

fn get_room(db: &Connection, name: &RoomName) -> anyhow::Result<Option<Room>> {
    let sql = "SELECT id, name, seats, topic, described, owner, last_seq, last_at FROM rooms WHERE name = ?1";
    maybe(db, sql, [name.as_str()], read_room)
}

fn read_room(row: &Row) -> rusqlite::Result<Room> {
    let seats: Option<u16> = row.get(2)?;
    Ok(Room {
        id: RoomId(row.get(0)?),
        name: RoomName::from_store(row.get(1)?),
        seats: seats.and_then(|seats| Seats::parse(seats).ok()),
        topic: Topic::from_store(row.get(3)?),
        described: Seq(row.get(4)?),
        owner: PersonId(row.get::<_, i64>(5)?.cast_unsigned()),
        last: Seq(row.get(6)?),
        last_at: row.get::<_, Option<i64>>(7)?.map(Timestamp),
    })
}

fn read_person(row: &Row, column: usize) -> rusqlite::Result<Person> {
    Ok(Person {
        id: PersonId(row.get::<_, i64>(column)?.cast_unsigned()),
        name: DisplayName::from_store(row.get(column + 1)?),
    })
}

fn execute(db: &Connection, sql: &str, values: impl Params) -> Result<(), Failure> {
    db.prepare_cached(sql).and_then(|mut statement| statement.execute(values)).context("writing")?;
    Ok(())
}

fn one<T>(
    db: &Connection,
    sql: &str,
    values: impl Params,
    read: impl FnOnce(&Row) -> rusqlite::Result<T>,
) -> anyhow::Result<T> {
    Ok(db.prepare_cached(sql)?.query_row(values, read)?)
}

fn maybe<T>(
    db: &Connection,
    sql: &str,
    values: impl Params,
    read: impl FnOnce(&Row) -> rusqlite::Result<T>,
) -> anyhow::Result<Option<T>> {
    Ok(db.prepare_cached(sql)?.query_row(values, read).optional()?)
}

fn all<T>(
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
    fn only_rooms_where_nothing_was_said_for_a_day_are_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("madang.sqlite");
        let mut db = connect(&path).unwrap();
        migrate(&mut db, &path, MIGRATIONS).unwrap();
        let now = 10 * SILENT_FOR_MS;
        let rooms =
            [("lobby", 0, 0), ("silent", 0, 0), ("spoken", 1, 0), ("young", 0, now), ("newest", 0, 0)];
        for (name, last_seq, since) in rooms {
            let sql = "INSERT INTO rooms (name, owner, last_seq, since) VALUES (?1, 1, ?2, ?3)";
            execute(&db, sql, params![name, last_seq, since]).unwrap();
        }
        assert_eq!(forget_silent_rooms(&db, Timestamp(now)).unwrap(), 1);
        let left = all(&db, "SELECT name FROM rooms ORDER BY id", [], |row| row.get::<_, String>(0)).unwrap();
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
