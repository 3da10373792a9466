//! The room log as it was kept: read from the database itself, and as the server serves it.
//!
//! The database is opened read only and without the server's code, so that a fault of the store can
//! not hide in its own reading.

use std::{collections::BTreeMap, path::Path};

use anyhow::{Context, bail, ensure};
use common::{
    event::{Event, History, Join, What},
    message::{Body, Cid, Seq},
    room::RoomName,
};
use rusqlite::{Connection as Database, OpenFlags};
use serde_json::json;

use crate::{connection::Connection, line::Transport, madang::Open, requests::read_log};

/// Every room's entries, in the order of their numbers.
pub type Log = BTreeMap<RoomName, Vec<Entry>>;

/// A message as it was kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub seq: Seq,
    pub cid: Cid,
    pub body: Body,
}

impl Entry {
    /// No campaign does anything but to say something.
    fn of(event: Event) -> anyhow::Result<Entry> {
        let What::Posted { cid, body, .. } = event.what else { bail!("{event:?} is no message") };
        Ok(Entry { seq: event.seq, cid, body })
    }

    fn all_of(events: Vec<Event>) -> anyhow::Result<Vec<Entry>> {
        events.into_iter().map(Entry::of).collect()
    }
}

/// Reads the database of a server that has ended.
pub fn read(database: &Path) -> anyhow::Result<Log> {
    let reading = || format!("reading {}", database.display());
    let database =
        Database::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_ONLY).with_context(reading)?;
    let verdict: String = database.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
    ensure!(verdict == "ok", "SQLite's integrity check says {verdict}");
    let mut log = Log::new();
    let mut rooms = database.prepare("SELECT name FROM rooms")?;
    for name in rooms.query_map([], |row| row.get(0))? {
        log.insert(RoomName::from_store(name?), Vec::new());
    }
    let mut events = database.prepare(
        "SELECT rooms.name, seq, cid, body FROM events JOIN rooms ON rooms.id = events.room
         ORDER BY room, seq",
    )?;
    let mut rows = events.query([])?;
    while let Some(row) = rows.next()? {
        let (cid, body) = (Cid::from_store(row.get(2)?), Body::from_store(row.get(3)?));
        let entry = Entry { seq: Seq(row.get(1)?), cid, body };
        log.entry(RoomName::from_store(row.get(0)?)).or_default().push(entry);
    }
    Ok(log)
}

/// Asks a running server for the whole log of these rooms, page after page; by every door that has
/// pages, which must serve the same.
pub async fn served(server: Open, rooms: impl IntoIterator<Item = RoomName>) -> anyhow::Result<Log> {
    let mut connection = Connection::open(server.http, Transport::WebSocket, &json!({})).await?;
    let mut log = Log::new();
    for room in rooms {
        let join = Join { since: Some(Seq(0)), ..Join::new(room.clone()) };
        let joined = connection.ask_patiently(&join).await?;
        let (mut entries, mut more) = (Entry::all_of(joined.events)?, joined.more);
        while more {
            let after = entries.last().map(|entry| entry.seq);
            let limit = Some(History::MAX);
            let history = History { room: room.clone(), before: None, after, around: None, limit };
            let page = connection.ask_patiently(&history).await?;
            ensure!(!page.events.is_empty(), "an empty page of {room} says that there is more");
            entries.extend(Entry::all_of(page.events)?);
            more = page.more_after;
        }
        let by_http = Entry::all_of(read_log(server.http, &room).await?)?;
        ensure!(by_http == entries, "{room} is another by HTTP than by Socket.IO");
        log.insert(room, entries);
    }
    Ok(log)
}
