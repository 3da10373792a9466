//! Recovery: of a client that missed messages, and of a server with a large log.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use common::protocol::reply::Page;
use rusqlite::Connection;
use tempfile::TempDir;

use super::{Scale, Setup};
use crate::{
    clients::{Clients, Incoming, JOIN_ACK},
    dialect::{self, Dialect},
    measure::{Measurement, quantile},
    peer::Peer,
};

const ROOM: &str = "bench";
const MISSED: u64 = 1_000;
const REPEATS: usize = 20;
/// Written just before the kill, so they are only in the write-ahead log.
const UNCHECKPOINTED: u32 = 1_000;

/// Measures from connecting until every missed message was read.
pub(super) fn catch_up() -> anyhow::Result<Vec<Measurement>> {
    let data_dir = database_with(MISSED)?;
    let server = Peer::Madang.start(data_dir.path())?;
    let mut times = Vec::new();
    for _ in 0..REPEATS {
        let started_at = Instant::now();
        read_log(&mut Clients::new(server.address)?)?;
        times.push(started_at.elapsed());
    }
    Ok(vec![Measurement::time("Connecting and reading 1,000 missed messages", quantile(&mut times, 0.5))])
}

/// Measures from the start after a kill -9 to the first acknowledgement.
pub(super) fn after_kill(scale: &Scale) -> anyhow::Result<Vec<Measurement>> {
    let data_dir = database_with(scale.stored)?;
    start_and_send(&data_dir, UNCHECKPOINTED)?;
    let label =
        format!("Start after a kill -9 to the first acknowledgement, {} messages stored", scale.stored);
    Ok(vec![Measurement::time(label, start_and_send(&data_dir, 1)?)])
}

/// Starts the server, sends this many messages, each after the last acknowledgement, and kills it. Returns
/// how long it took from the start to the last acknowledgement.
fn start_and_send(data_dir: &TempDir, times: u32) -> anyhow::Result<Duration> {
    let started_at = Instant::now();
    let server = Peer::Madang.start(data_dir.path())?;
    let mut clients = Clients::new(server.address)?;
    clients.connect_and_join(1, |_| Dialect::Madang.join(ROOM, None, JOIN_ACK))?;
    for number in 0..times {
        clients.send_text(0, &Dialect::Madang.message(ROOM, number)?)?;
        let reply = next_reply(&mut clients)?;
        ensure!(reply.contains("seq"), "not acknowledged: {reply}");
    }
    Ok(started_at.elapsed())
}

fn read_log(clients: &mut Clients) -> anyhow::Result<()> {
    clients.connect_and_join(1, |_| Dialect::Madang.join(ROOM, None, JOIN_ACK))?;
    let mut last_seq = 0;
    loop {
        clients.send_text(0, &dialect::history_after(ROOM, last_seq, 0)?)?;
        let page: Page = serde_json::from_str(&next_reply(clients)?)?;
        last_seq = page.events.last().context("an empty page")?.seq.0;
        if !page.more_after {
            ensure!(last_seq == MISSED, "there are {last_seq} messages, not {MISSED}");
            return Ok(());
        }
    }
}

fn next_reply(clients: &mut Clients) -> anyhow::Result<String> {
    let mut reply = None;
    while reply.is_none() {
        clients.wait(|_, incoming| {
            if let Incoming::Reply(_, text) = incoming {
                reply = Some(text.to_owned());
            }
        })?;
    }
    reply.context("no reply")
}

/// Creates a database with this many messages in one room. Madang creates the tables and the room; the
/// messages are inserted directly, which takes seconds instead of minutes.
fn database_with(messages: u64) -> anyhow::Result<TempDir> {
    let mut setup = Setup::open(Peer::Madang)?;
    setup.connect_and_join(1, |_| ROOM.to_owned())?;
    let Setup { data_dir, .. } = setup;
    let mut database = Connection::open(data_dir.path().join("madang.sqlite"))?;
    let transaction = database.transaction()?;
    transaction.execute(
        "INSERT INTO events (room, seq, at, person, name, cid, body)
         WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?1)
         SELECT rooms.id, n, rooms.since + n, 1, 'Bench', printf('stored-%d', n), printf(?2, n)
         FROM numbers, rooms WHERE rooms.name = ?3",
        (messages, dialect::text(0).replacen("0000000000", "%010d", 1), ROOM),
    )?;
    transaction
        .execute("UPDATE rooms SET last_seq = ?1, last_at = since + ?1 WHERE name = ?2", (messages, ROOM))?;
    transaction.commit()?;
    Ok(data_dir)
}
