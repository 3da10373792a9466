//! Coming back: somebody to what was missed, and the server itself to a large log.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use common::event::Page;
use rusqlite::Connection;
use tempfile::TempDir;

use super::{Size, Stage};
use crate::{
    crowd::{Crowd, Heard, JOINED},
    dialect::{self, Dialect},
    measure::{Measure, quantile},
    peer::Peer,
};

const ROOM: &str = "bench";
const MISSED: u64 = 1_000;
const TIMES: usize = 20;
/// What is written just before the kill, and is only in the write-ahead log.
const LAST_WORDS: u32 = 1_000;

/// From opening a connection to having read everything that was missed.
pub(super) fn catch_up() -> anyhow::Result<Vec<Measure>> {
    let data = stored(MISSED)?;
    let server = Peer::Madang.start(data.path())?;
    let mut times = Vec::new();
    for _ in 0..TIMES {
        let begin = Instant::now();
        read_everything(&mut Crowd::new(server.address)?)?;
        times.push(begin.elapsed());
    }
    Ok(vec![Measure::time("Connecting and reading 1,000 missed messages", quantile(&mut times, 0.5))])
}

/// From the start of the program after a kill -9 to the first acknowledgement of a message.
pub(super) fn after_a_kill(size: &Size) -> anyhow::Result<Vec<Measure>> {
    let data = stored(size.stored)?;
    speak(&data, LAST_WORDS)?;
    let row = format!("Start after a kill -9 to the first acknowledgement, {} messages stored", size.stored);
    Ok(vec![Measure::time(row, speak(&data, 1)?)])
}

/// Starts the server, says something so many times, each acknowledged, and kills it; how long it
/// took until the last acknowledgement.
fn speak(data: &TempDir, times: u32) -> anyhow::Result<Duration> {
    let begin = Instant::now();
    let server = Peer::Madang.start(data.path())?;
    let mut crowd = Crowd::new(server.address)?;
    crowd.gather(1, |_| Dialect::Madang.join(ROOM, None, JOINED))?;
    for number in 0..times {
        crowd.say(0, &Dialect::Madang.say(ROOM, number)?)?;
        let answer = answer(&mut crowd)?;
        ensure!(answer.contains("seq"), "not acknowledged: {answer}");
    }
    Ok(begin.elapsed())
}

fn read_everything(crowd: &mut Crowd) -> anyhow::Result<()> {
    crowd.gather(1, |_| Dialect::Madang.join(ROOM, None, JOINED))?;
    let mut have = 0;
    loop {
        crowd.say(0, &dialect::history_after(ROOM, have, 0)?)?;
        let page: Page = serde_json::from_str(&answer(crowd)?)?;
        have = page.events.last().context("an empty page")?.seq.0;
        if !page.more_after {
            ensure!(have == MISSED, "there are {have} messages, not {MISSED}");
            return Ok(());
        }
    }
}

fn answer(crowd: &mut Crowd) -> anyhow::Result<String> {
    let mut answer = None;
    while answer.is_none() {
        crowd.wait(|_, what| {
            if let Heard::Answer(_, text) = what {
                answer = Some(text.to_owned());
            }
        })?;
    }
    answer.context("no answer")
}

/// A database with so many messages in one room. Madang makes the tables and the room; the messages
/// are put in directly, which takes seconds instead of minutes.
fn stored(messages: u64) -> anyhow::Result<TempDir> {
    let mut stage = Stage::open(Peer::Madang)?;
    stage.gather(1, |_| ROOM.to_owned())?;
    let Stage { data, .. } = stage;
    let mut database = Connection::open(data.path().join("madang.sqlite"))?;
    let filling = database.transaction()?;
    filling.execute(
        "INSERT INTO events (room, seq, at, person, name, cid, body)
         WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?1)
         SELECT rooms.id, n, rooms.since + n, 1, 'Bench', printf('stored-%d', n), printf(?2, n)
         FROM numbers, rooms WHERE rooms.name = ?3",
        (messages, dialect::text(0).replacen("0000000000", "%010d", 1), ROOM),
    )?;
    filling
        .execute("UPDATE rooms SET last_seq = ?1, last_at = since + ?1 WHERE name = ?2", (messages, ROOM))?;
    filling.commit()?;
    Ok(data)
}
