//! Clients that do not read, or are not there any more: they cost the others nothing and come back
//! to everything they missed.

use std::{
    cell::Cell,
    time::{Duration, Instant},
};

use common::{
    event::{Change, Hello, History, Join, Push, Restart, RoomEvent},
    message::{Cid, Seq},
};
use serde_json::json;

use crate::support::{Client, Program, TestServer, body, room, signal};

/// What a connection that does not read may cost the server, in KiB.
const COST: u64 = 1024;

/// A message of 4,000 letters: a hundred of them are more than sockets hold by themselves.
fn long(number: u64) -> common::event::Send {
    let cid = Cid::from_random(u128::from(number));
    common::event::Send::new(room("r"), cid, body(&"가".repeat(4_000)))
}

/// Says so many long messages, some at once, and waits until all are stored.
async fn say_much(speaker: &mut Client, messages: std::ops::Range<u64>) {
    for start in messages.clone().step_by(20) {
        let ids = speaker.burst((start..messages.end.min(start + 20)).map(long)).await;
        for id in ids {
            assert!(speaker.answer(id).await["seq"].is_u64());
        }
        speaker.heard(Push::EVENT);
    }
}

fn seq_of(event: serde_json::Value) -> Seq {
    serde_json::from_value::<RoomEvent>(event).unwrap().event.seq
}

/// S3: the library would skip what finds the queue full, and deliver what comes after.
#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_stops_is_cut_and_finds_everything_when_it_comes_back() {
    const MESSAGES: u64 = 400;
    let server = TestServer::start().await;
    let (mut speaker, mut stalled) = (server.client().await, server.client().await);
    let token = stalled.ask(Hello {}).await.unwrap().token.unwrap();
    stalled.join("r").await.unwrap();
    speaker.join("r").await.unwrap();
    say_much(&mut speaker, 0..MESSAGES).await;

    stalled.until_closed().await;
    let heard: Vec<Seq> = stalled.heard(Push::EVENT).into_iter().map(seq_of).collect();
    let last = Seq(heard.len() as u64);
    assert!(last < Seq(MESSAGES), "it was cut");
    assert_eq!(heard, (1..=last.0).map(Seq).collect::<Vec<_>>(), "nothing was skipped before that");

    let mut back = Client::connect(server.address, json!({ "token": token })).await.unwrap();
    let mut last = last;
    loop {
        let joined = back.ask(Join { since: Some(last), ..Join::new(room("r")) }).await.unwrap();
        for event in &joined.events {
            assert_eq!(event.seq, last.next());
            last = event.seq;
        }
        if !joined.more {
            break;
        }
    }
    assert_eq!(last, Seq(MESSAGES));
}

/// As a page does that comes back to thirty rooms on a slow line.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_asks_for_much_at_once_is_answered_as_fast_as_they_read() {
    const PAGES: usize = 200;
    let server = TestServer::start().await;
    let (mut speaker, mut asking) = (server.client().await, server.client().await);
    speaker.join("r").await.unwrap();
    say_much(&mut speaker, 0..10).await;
    asking.join("r").await.unwrap();
    let page = || History { room: room("r"), before: None, after: Some(Seq(0)), around: None, limit: None };
    let ids = asking.burst((0..PAGES).map(|_| page())).await;
    for id in ids {
        // Meanwhile the server has time for as many answers as it likes to give.
        speaker.join("r").await.unwrap();
        assert!(asking.answer(id).await["events"].is_array());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_that_stop_hold_nobody_up_and_cost_at_most_a_mebibyte_each() {
    const STALLED: usize = 20;
    const MESSAGES: u64 = 300;
    const AT_ONCE: u64 = 20;
    // How many later messages may be answered before one is heard.
    const BEHIND: u64 = 200;
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(folder.path());
    let connect = || async {
        let mut client = Client::connect(program.address, json!({})).await.unwrap();
        client.join("r").await.unwrap();
        client
    };
    let (mut speaker, mut reader) = (connect().await, connect().await);
    let mut stalled = Vec::new();
    for _ in 0..STALLED {
        stalled.push(connect().await);
    }
    let before = program.memory();
    let answered = Cell::new(0);
    let speaking = async {
        for start in (0..MESSAGES).step_by(AT_ONCE as usize) {
            say_much(&mut speaker, start..start + AT_ONCE).await;
            answered.set(start + AT_ONCE);
            let cost = program.memory().saturating_sub(before);
            assert!(cost < COST * STALLED as u64, "{cost} KiB for {STALLED} readers that stopped");
        }
    };
    let reading = async {
        for number in 1..=MESSAGES {
            assert_eq!(seq_of(reader.next(Push::EVENT).await), Seq(number));
            let answered = answered.get();
            assert!(answered <= number + BEHIND, "{number} was heard when {answered} were answered");
        }
    };
    // In one task: only the server can let one of them get ahead of the other.
    tokio::join!(speaking, reading);
    for mut client in stalled {
        client.until_closed().await;
    }
}

/// A client of Socket.IO changes from long-polling to a WebSocket before it enters the namespace, or
/// after. What it has read must not count as waiting for it for ever.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_changed_to_a_websocket_hears_more_than_may_wait_for_it() {
    const MESSAGES: u64 = 100;
    let server = TestServer::start().await;
    let mut speaker = server.client().await;
    speaker.join("r").await.unwrap();
    for early in [true, false] {
        let mut changed = Client::upgrade(server.address, early).await;
        changed.join("r").await.unwrap();
        let reading = tokio::spawn(async move {
            for _ in 0..MESSAGES {
                changed.next(Push::EVENT).await;
            }
        });
        let first = u64::from(early) * MESSAGES;
        say_much(&mut speaker, first..first + MESSAGES).await;
        reading.await.unwrap();
    }
}

/// S4: the library waits for its writer before it lets go of a client.
#[tokio::test(flavor = "multi_thread")]
async fn the_seat_of_a_client_that_vanished_is_free_within_thirty_seconds() {
    let server = TestServer::start().await;
    let mut waiting = server.client().await;
    // One whose network is gone, with nothing to hear.
    let mut quiet = server.client().await;
    // One that has stopped reading, with more to hear than the kernel takes for it.
    let mut stalled = server.client().await;
    for (name, vanishing) in [("quiet", &mut quiet), ("r", &mut stalled)] {
        // With a token, for which a seat would be held if they had left in any other way.
        vanishing.ask(Hello {}).await.unwrap();
        vanishing.join(name).await.unwrap();
        waiting.join(name).await.unwrap();
    }
    say_much(&mut waiting, 0..40).await;

    let since = Instant::now();
    for _ in [&quiet, &stalled] {
        while !matches!(waiting.next_change().await, Change::Gone(_)) {}
    }
    assert!(since.elapsed() < Duration::from_secs(30), "{:?}", since.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_tells_everybody_another_time_to_come_back_and_waits_for_nobody_who_stalls() {
    const HEALTHY: usize = 950;
    const STALLED: usize = 50;
    let folder = tempfile::tempdir().unwrap();
    let mut program = Program::start(folder.path());
    let address = program.address;
    let connect = move |name: String| async move {
        let mut client = Client::connect(address, json!({})).await.unwrap();
        client.join(&name).await.unwrap();
        client
    };
    let mut healthy = Vec::new();
    for number in 0..HEALTHY {
        // One after the other: on a slow machine a thousand at once keep each other waiting for longer
        // than the server waits for a sign of life.
        let mut client = connect(format!("room {}", number / 10)).await;
        healthy.push(tokio::spawn(async move {
            let restart = client.next(Restart::NAME).await;
            client.until_closed().await;
            restart["after"].as_u64().unwrap()
        }));
    }
    let mut stalled: Vec<Client> = Vec::new();
    for _ in 0..STALLED {
        stalled.push(connect("r".to_owned()).await);
    }
    let mut speaker = connect("r".to_owned()).await;
    // More than the kernel takes for them, less than they are cut for.
    say_much(&mut speaker, 0..40).await;

    let asked = Instant::now();
    signal(&program.child, "TERM");
    let status = tokio::task::spawn_blocking(move || program.child.wait().unwrap()).await.unwrap();
    assert!(status.success(), "{status}");
    assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());
    let mut times = Vec::new();
    for client in healthy {
        times.push(client.await.unwrap());
    }
    times.sort_unstable();
    times.dedup();
    assert!(times.len() > HEALTHY / 3, "{} different times", times.len());
}
