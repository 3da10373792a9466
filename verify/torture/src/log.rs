//! Reads the room log: from the database itself, and as the server serves it.
//!
//! The database is opened read-only and without the server's code, so that a bug in the store's reading
//! cannot hide itself.

use std::{collections::BTreeMap, path::Path};

use anyhow::{Context, bail, ensure};
use common::{
    message::{Body, Cid, Seq},
    protocol::{
        command::{History, Join},
        event::{Event, EventKind},
    },
    room::RoomName,
};
use rusqlite::{Connection as Database, OpenFlags};
use serde_json::json;

use crate::{engineio::EngineTransport, http_api::read_log, server::ServerAddresses, socketio::Connection};

/// Every room's entries, ordered by number.
pub type Log = BTreeMap<RoomName, Vec<Entry>>;

/// A stored message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub seq: Seq,
    pub cid: Cid,
    pub body: Body,
}

impl Entry {
    /// Fails for events of any other kind: campaigns only send messages.
    fn from_event(event: Event) -> anyhow::Result<Entry> {
        let EventKind::Posted { cid, body, .. } = event.kind else { bail!("{event:?} is no message") };
        Ok(Entry { seq: event.seq, cid, body })
    }

    fn from_events(events: Vec<Event>) -> anyhow::Result<Vec<Entry>> {
        events.into_iter().map(Entry::from_event).collect()
    }
}

/// Reads the database of a server that has ended.
pub fn read_database(database: &Path) -> anyhow::Result<Log> {
    let context = || format!("reading {}", database.display());
    let database =
        Database::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_ONLY).with_context(context)?;
    let integrity: String = database.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
    ensure!(integrity == "ok", "SQLite's integrity check says {integrity}");
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

/// Reads the whole log of these rooms from a running server, page after page, over Socket.IO and over HTTP;
/// fails when the two differ.
pub async fn read_served(
    addresses: ServerAddresses,
    rooms: impl IntoIterator<Item = RoomName>,
) -> anyhow::Result<Log> {
    let mut connection = Connection::open(addresses.http, EngineTransport::WebSocket, &json!({})).await?;
    let mut log = Log::new();
    for room in rooms {
        let join = Join { since: Some(Seq(0)), ..Join::new(room.clone()) };
        let reply = connection.request_until_allowed(&join).await?;
        let (mut entries, mut more) = (Entry::from_events(reply.events)?, reply.more);
        while more {
            let after = entries.last().map(|entry| entry.seq);
            let limit = Some(History::MAX);
            let history = History { room: room.clone(), before: None, after, around: None, limit };
            let page = connection.request_until_allowed(&history).await?;
            ensure!(!page.events.is_empty(), "an empty page of {room} says that there is more");
            entries.extend(Entry::from_events(page.events)?);
            more = page.more_after;
        }
        let over_http = Entry::from_events(read_log(addresses.http, &room).await?)?;
        ensure!(over_http == entries, "{room} is another by HTTP than by Socket.IO");
        log.insert(room, entries);
    }
    Ok(log)
}
