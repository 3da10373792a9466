//! The store in one SQLite file: WAL, `synchronous=FULL`, one writing thread, a few readers.
//!
//! `synchronous=FULL` makes SQLite fsync the write-ahead log in every commit, so what was
//! acknowledged survives a power cut. Used through `store::Store` only.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use anyhow::{Context, bail};
use async_trait::async_trait;
use common::{
    event::{Event, Page, RoomEvent, Span, Via, What},
    message::{Body, Cid, Seq, Timestamp},
    person::{DisplayName, Person, PersonId},
    refusal::Refusal,
    room::{RoomName, Seats},
};
use rusqlite::{Connection, OptionalExtension, Params, Row, params};
use tokio::sync::{Semaphore, oneshot};

use super::{MAX_PAGE_BYTES, NewEvent, NewRoom, OnCommit, Room, RoomId, Store, TokenHash, writer::Writer};
use crate::{
    failure::Failure,
    fault::{self, Point, Sabotage},
    lock::lock,
};

/// The schema, one file a version; a file that was released is never changed.
const MIGRATIONS: &[&str] = &[
    include_str!("../../migrations/sqlite/0001_rooms_events_people.sql"),
    include_str!("../../migrations/sqlite/0002_events_by_udp.sql"),
];

/// How much of the database the writer keeps in memory, in KiB.
const WRITER_CACHE_KIB: i64 = 16 * 1024;

/// How long the write-ahead log becomes, in pages of 4 KiB: what is read again after a crash.
const WAL_PAGES: i64 = 8 * 1024;

/// How many reads run side by side.
const READERS: u32 = 4;

/// The most rooms one server keeps, so that links nobody writes to can not fill the disk.
const MAX_ROOMS: i64 = 100_000;

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
        tokio::task::spawn_blocking(move || Self::open_blocking(&path, on_commit)).await?
    }

    fn open_blocking(path: &Path, on_commit: OnCommit) -> anyhow::Result<Sqlite> {
        let lock = lock_folder(path)?;
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
        fs::create_dir_all(folder).with_context(|| format!("making the folder {}", folder.display()))?;
    }
    let name = PathBuf::from(format!("{}.lock", path.display()));
    let open = File::options().create(true).truncate(false).write(true).open(&name);
    let lock = open.with_context(|| format!("making {}", name.display()))?;
    if lock.try_lock().is_err() {
        bail!("another madang is using it; give this one a --data folder of its own");
    }
    Ok(lock)
}

fn connect(path: &Path) -> anyhow::Result<Connection> {
    let connection = Connection::open(path)?;
    let synchronous = if fault::is(Sabotage::NoSync) { "OFF" } else { "FULL" };
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", synchronous)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// The connection that writes. Messages of many rooms touch as many pages, each again and again: they
/// stay in memory, and go from the write-ahead log to the database seldom and together.
fn connect_to_write(path: &Path) -> anyhow::Result<Connection> {
    let connection = connect(path)?;
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
            if count >= MAX_ROOMS {
                return Err(Refusal::TooManyRooms.into());
            }
            execute(
                db,
                "INSERT INTO rooms (name, seats, owner, since) VALUES (?1, ?2, ?3, ?4)",
                params![name.as_str(), new.seats.map(Seats::get), new.owner.0.cast_signed(), new.at.0],
            )?;
            let id = RoomId(db.last_insert_rowid());
            Ok(Room { id, name, seats: new.seats, owner: new.owner, last: Seq(0), last_at: None })
        })
        .await
    }

    async fn get_room(&self, name: RoomName) -> Result<Option<Room>, Failure> {
        self.read(move |db| get_room(db, &name)).await
    }

    async fn list_rooms(&self, limit: u32) -> Result<Vec<Room>, Failure> {
        self.read(move |db| {
            let sql = "SELECT id, name, seats, owner, last_seq, last_at FROM rooms
                       WHERE last_at IS NOT NULL ORDER BY last_at DESC LIMIT ?1";
            all(db, sql, [limit], read_room)
        })
        .await
    }

    async fn append_event(&self, room: RoomId, event: NewEvent) -> Result<Event, Failure> {
        let on_commit = self.on_commit.clone();
        let appended = self
            .writer()?
            .write(
                move |db| append_event(db, room, event),
                move |appended: &Appended| {
                    if let Some(name) = &appended.new_in {
                        let told = RoomEvent { room: name.clone(), event: appended.event.clone() };
                        lock(&on_commit)(told);
                    }
                },
            )
            .await?;
        Ok(appended.event)
    }

    async fn get_event(&self, room: RoomId, cid: Cid) -> Result<Option<Event>, Failure> {
        self.read(move |db| get_event_by_cid(db, room, &cid)).await
    }

    async fn list_events(&self, room: RoomId, span: Span, limit: u32) -> Result<Page, Failure> {
        self.read(move |db| list_events(db, room, span, limit)).await
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

/// An event in the log; `new_in` names its room when it was not there before.
struct Appended {
    event: Event,
    new_in: Option<RoomName>,
}

fn append_event(db: &Connection, room: RoomId, mut event: NewEvent) -> Result<Appended, Failure> {
    if fault::is(Sabotage::ForgetCids) {
        forget_cid(db, room, &mut event)?;
    }
    let What::Posted { cid, body, via } = &event.what;
    if let Some(first) = get_event_by_cid(db, room, cid)? {
        if first.person.id != event.person.id {
            return Err(Refusal::CidTaken.into());
        }
        return Ok(Appended { event: first, new_in: None });
    }
    let sql = "UPDATE rooms SET last_seq = last_seq + 1, last_at = ?2 WHERE id = ?1 RETURNING last_seq, name";
    let (seq, name): (u64, String) =
        one(db, sql, params![room.0, event.at.0], |row| Ok((row.get(0)?, row.get(1)?)))?;
    fault::pass(Point::BeforeInsert);
    if !fault::strikes(Sabotage::AckUnstored) {
        execute(
            db,
            "INSERT INTO events (room, seq, at, person, name, cid, body, udp_from)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            params![
                room.0,
                seq,
                event.at.0,
                event.person.id.0.cast_signed(),
                event.person.name.as_str(),
                cid.as_str(),
                body.as_str(),
                via.as_ref().map(|Via::Udp(from)| from)
            ],
        )?;
    }
    fault::pass(Point::AfterInsert);
    let event = Event { seq: Seq(seq), at: event.at, person: event.person, what: event.what };
    Ok(Appended { event, new_in: Some(RoomName::from_store(name)) })
}

/// A message that is known already becomes another one.
fn forget_cid(db: &Connection, room: RoomId, event: &mut NewEvent) -> anyhow::Result<()> {
    let What::Posted { cid, .. } = &mut event.what;
    if get_event_by_cid(db, room, cid)?.is_some() {
        *cid = Cid::from_random(rand::random());
    }
    Ok(())
}

fn get_event_by_cid(db: &Connection, room: RoomId, cid: &Cid) -> anyhow::Result<Option<Event>> {
    let sql = "SELECT seq, at, person, name, cid, body, udp_from FROM events WHERE room = ?1 AND cid = ?2";
    maybe(db, sql, params![room.0, cid.as_str()], read_event)
}

fn get_room(db: &Connection, name: &RoomName) -> anyhow::Result<Option<Room>> {
    let sql = "SELECT id, name, seats, owner, last_seq, last_at FROM rooms WHERE name = ?1";
    maybe(db, sql, [name.as_str()], read_room)
}

fn list_events(db: &Connection, room: RoomId, span: Span, limit: u32) -> anyhow::Result<Page> {
    match span {
        Span::Before(seq) => {
            let (events, more_before) = list_before(db, room, seq, limit)?;
            let last = events.last().map_or(seq, |event| event.seq.next());
            Ok(Page { more_before, more_after: exists_from(db, room, last)?, events })
        }
        Span::After(seq) => {
            let (events, more_after) = list_after(db, room, seq, limit)?;
            Ok(Page { more_before: seq > Seq(0), more_after, events })
        }
        Span::Around(seq) => {
            let (mut events, more_before) = list_before(db, room, seq, limit / 2)?;
            let rest = limit - u32::try_from(events.len()).unwrap_or(limit / 2);
            let (after, more_after) = list_after(db, room, Seq(seq.0.saturating_sub(1)), rest.max(1))?;
            events.extend(after);
            Ok(Page { events, more_before, more_after })
        }
    }
}

/// The events just before `seq`, oldest first, and whether there are more before them.
fn list_before(db: &Connection, room: RoomId, seq: Seq, limit: u32) -> anyhow::Result<(Vec<Event>, bool)> {
    let sql = "SELECT seq, at, person, name, cid, body, udp_from FROM events
               WHERE room = ?1 AND seq < ?2 ORDER BY seq DESC LIMIT ?3";
    let (mut events, more) = page(db, sql, room, seq, limit)?;
    events.reverse();
    Ok((events, more))
}

/// The events just after `seq`, oldest first, and whether there are more after them.
fn list_after(db: &Connection, room: RoomId, seq: Seq, limit: u32) -> anyhow::Result<(Vec<Event>, bool)> {
    let sql = "SELECT seq, at, person, name, cid, body, udp_from FROM events
               WHERE room = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3";
    page(db, sql, room, seq, limit)
}

/// Reads one event more than asked for, to know whether there is more, and stops when the page is
/// heavy.
fn page(
    db: &Connection,
    sql: &str,
    room: RoomId,
    seq: Seq,
    limit: u32,
) -> anyhow::Result<(Vec<Event>, bool)> {
    let mut statement = db.prepare_cached(sql)?;
    let seq = i64::try_from(seq.0).unwrap_or(i64::MAX);
    let mut rows = statement.query(params![room.0, seq, i64::from(limit) + 1])?;
    let (mut events, mut bytes) = (Vec::new(), 0);
    while let Some(row) = rows.next()? {
        let event = read_event(row)?;
        let What::Posted { body, .. } = &event.what;
        bytes += body.as_str().len();
        if events.len() >= limit as usize || (bytes > MAX_PAGE_BYTES && !events.is_empty()) {
            return Ok((events, true));
        }
        events.push(event);
    }
    Ok((events, false))
}

fn exists_from(db: &Connection, room: RoomId, seq: Seq) -> anyhow::Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM events WHERE room = ?1 AND seq >= ?2)";
    one(db, sql, params![room.0, i64::try_from(seq.0).unwrap_or(i64::MAX)], |row| row.get(0))
}

fn read_room(row: &Row) -> rusqlite::Result<Room> {
    let seats: Option<u16> = row.get(2)?;
    Ok(Room {
        id: RoomId(row.get(0)?),
        name: RoomName::from_store(row.get(1)?),
        seats: seats.and_then(|seats| Seats::parse(seats).ok()),
        owner: PersonId(row.get::<_, i64>(3)?.cast_unsigned()),
        last: Seq(row.get(4)?),
        last_at: row.get::<_, Option<i64>>(5)?.map(Timestamp),
    })
}

fn read_event(row: &Row) -> rusqlite::Result<Event> {
    Ok(Event {
        seq: Seq(row.get(0)?),
        at: Timestamp(row.get(1)?),
        person: read_person(row, 2)?,
        what: What::Posted {
            cid: Cid::from_store(row.get(4)?),
            body: Body::from_store(row.get(5)?),
            via: row.get::<_, Option<String>>(6)?.map(Via::Udp),
        },
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
