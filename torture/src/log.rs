//! The room log as it was kept: read from the database itself, and as the server serves it.
//!
//! The database is opened read only and without the server's code, so that a fault of the store can
//! not hide in its own reading.

use std::{collections::BTreeMap, net::SocketAddr, path::Path};

use anyhow::{Context, ensure};
use common::{
    event::{Event, History, Join, What},
    message::{Body, Cid, Seq},
    room::RoomName,
};
use rusqlite::{Connection as Database, OpenFlags};
use serde_json::json;

use crate::{connection::Connection, line::Transport};

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
    fn of(event: Event) -> Entry {
        let What::Posted { cid, body, .. } = event.what;
        Entry { seq: event.seq, cid, body }
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

/// Asks a running server for the whole log of these rooms, page after page.
pub async fn served(address: SocketAddr, rooms: impl IntoIterator<Item = RoomName>) -> anyhow::Result<Log> {
    let mut connection = Connection::open(address, Transport::WebSocket, &json!({})).await?;
    let mut log = Log::new();
    for room in rooms {
        let join = Join { room: room.clone(), seats: None, since: Some(Seq(0)) };
        let joined = connection.ask_patiently(&join).await?;
        let (mut entries, mut more) =
            (joined.events.into_iter().map(Entry::of).collect::<Vec<_>>(), joined.more);
        while more {
            let after = entries.last().map(|entry| entry.seq);
            let limit = Some(History::MAX);
            let history = History { room: room.clone(), before: None, after, around: None, limit };
            let page = connection.ask_patiently(&history).await?;
            ensure!(!page.events.is_empty(), "an empty page of {room} says that there is more");
            entries.extend(page.events.into_iter().map(Entry::of));
            more = page.more_after;
        }
        log.insert(room, entries);
    }
    Ok(log)
}
