//! Clients that stop reading or vanish: they cost the others nothing, and catch up after reconnecting.

use std::{
    cell::Cell,
    time::{Duration, Instant},
};

use common::{
    message::{Cid, Seq},
    protocol::{
        command::{Hello, History, Join},
        push::{PresenceChange, Push, Restart, RoomEvent},
    },
};
use serde_json::json;

use crate::harness::{Client, ServerProcess, TestServer, body, room, signal};

/// What a connection that does not read may cost the server, in KiB.
const MAX_COST: u64 = 1024;

/// Builds a message of 4,000 letters: a hundred of them exceed the sockets' own buffers.
fn long_message(number: u64) -> common::protocol::command::Send {
    let cid = Cid::from_random(u128::from(number));
    common::protocol::command::Send::new(room("r"), cid, body(&"가".repeat(4_000)))
}

/// Sends these long messages in batches, and waits until all are stored.
async fn send_long_messages(sender: &mut Client, messages: std::ops::Range<u64>) {
    for start in messages.clone().step_by(20) {
        let ids = sender.burst((start..messages.end.min(start + 20)).map(long_message)).await;
        for id in ids {
            assert!(sender.reply(id).await["seq"].is_u64());
        }
        sender.received(Push::EVENT);
    }
}

fn seq_of(event: serde_json::Value) -> Seq {
    serde_json::from_value::<RoomEvent>(event).unwrap().event.seq
}

/// S3: the library would skip what does not fit into the queue, and deliver what comes after.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_stops_reading_is_cut_and_catches_up_after_reconnecting() {
    const MESSAGES: u64 = 400;
    let server = TestServer::start().await;
    let (mut sender, mut stalled) = (server.client().await, server.client().await);
    let token = stalled.request(Hello {}).await.unwrap().token.unwrap();
    stalled.join("r").await.unwrap();
    sender.join("r").await.unwrap();
    send_long_messages(&mut sender, 0..MESSAGES).await;

    stalled.wait_until_closed().await;
    let received: Vec<Seq> = stalled.received(Push::EVENT).into_iter().map(seq_of).collect();
    let last = Seq(received.len() as u64);
    assert!(last < Seq(MESSAGES), "it was cut");
    assert_eq!(received, (1..=last.0).map(Seq).collect::<Vec<_>>(), "nothing was skipped before that");

    let mut back = Client::connect(server.address, json!({ "token": token })).await.unwrap();
    let mut last = last;
    loop {
        let joined = back.request(Join { since: Some(last), ..Join::new(room("r")) }).await.unwrap();
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

/// A page does this when it returns to thirty rooms on a slow network.
#[tokio::test(flavor = "multi_thread")]
async fn many_requests_at_once_are_answered_as_fast_as_the_client_reads() {
    const PAGES: usize = 200;
    let server = TestServer::start().await;
    let (mut sender, mut requester) = (server.client().await, server.client().await);
    sender.join("r").await.unwrap();
    send_long_messages(&mut sender, 0..10).await;
    requester.join("r").await.unwrap();
    let page = || History { room: room("r"), before: None, after: Some(Seq(0)), around: None, limit: None };
    let ids = requester.burst((0..PAGES).map(|_| page())).await;
    for id in ids {
        // This gives the server time to produce as many replies as it likes.
        sender.join("r").await.unwrap();
        assert!(requester.reply(id).await["events"].is_array());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_stop_reading_delay_nobody_and_cost_at_most_a_mebibyte_each() {
    const STALLED: usize = 20;
    const MESSAGES: u64 = 300;
    const BATCH: u64 = 20;
    // How many later messages may be answered before one is received.
    const MAX_LAG: u64 = 200;
    let folder = tempfile::tempdir().unwrap();
    let program = ServerProcess::start(folder.path());
    let connect = || async {
        let mut client = Client::connect(program.address, json!({})).await.unwrap();
        client.join("r").await.unwrap();
        client
    };
    let (mut sender, mut reader) = (connect().await, connect().await);
    let mut stalled = Vec::new();
    for _ in 0..STALLED {
        stalled.push(connect().await);
    }
    let before = program.memory();
    let answered = Cell::new(0);
    let sending = async {
        for start in (0..MESSAGES).step_by(BATCH as usize) {
            send_long_messages(&mut sender, start..start + BATCH).await;
            answered.set(start + BATCH);
            let cost = program.memory().saturating_sub(before);
            assert!(cost < MAX_COST * STALLED as u64, "{cost} KiB for {STALLED} readers that stopped");
        }
    };
    let reading = async {
        for number in 1..=MESSAGES {
            assert_eq!(seq_of(reader.next_push(Push::EVENT).await), Seq(number));
            let answered = answered.get();
            assert!(answered <= number + MAX_LAG, "{number} was received when {answered} were answered");
        }
    };
    // In one task, so that only the server can let one of them get ahead of the other.
    tokio::join!(sending, reading);
    for mut client in stalled {
        client.wait_until_closed().await;
    }
}

/// A Socket.IO client upgrades from long-polling to a WebSocket before it enters the namespace, or after.
/// The bytes it has read must not stay counted as unread.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_upgraded_to_a_websocket_receives_more_than_its_queue_holds() {
    const MESSAGES: u64 = 100;
    let server = TestServer::start().await;
    let mut sender = server.client().await;
    sender.join("r").await.unwrap();
    for before_connect in [true, false] {
        let mut changed = Client::upgrade(server.address, before_connect).await;
        changed.join("r").await.unwrap();
        let reading = tokio::spawn(async move {
            for _ in 0..MESSAGES {
                changed.next_push(Push::EVENT).await;
            }
        });
        let first = u64::from(before_connect) * MESSAGES;
        send_long_messages(&mut sender, first..first + MESSAGES).await;
        reading.await.unwrap();
    }
}

/// S4: the library waits for its writer before it drops a client.
#[tokio::test(flavor = "multi_thread")]
async fn the_seat_of_a_vanished_client_is_free_within_thirty_seconds() {
    let server = TestServer::start().await;
    let mut waiting = server.client().await;
    // Its network is gone, and there is nothing to send to it.
    let mut quiet = server.client().await;
    // It stopped reading, and there is more to send than the kernel takes.
    let mut stalled = server.client().await;
    for (name, vanishing) in [("quiet", &mut quiet), ("r", &mut stalled)] {
        // With a token: any other way of leaving would keep the seat for a while.
        vanishing.request(Hello {}).await.unwrap();
        vanishing.join(name).await.unwrap();
        waiting.join(name).await.unwrap();
    }
    send_long_messages(&mut waiting, 0..40).await;

    let since = Instant::now();
    for _ in [&quiet, &stalled] {
        while !matches!(waiting.next_presence_change().await, PresenceChange::Left(_)) {}
    }
    assert!(since.elapsed() < Duration::from_secs(30), "{:?}", since.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_spreads_reconnects_over_time_and_does_not_wait_for_stalled_clients() {
    const HEALTHY: usize = 950;
    const STALLED: usize = 50;
    let folder = tempfile::tempdir().unwrap();
    let mut program = ServerProcess::start(folder.path());
    let address = program.address;
    let connect = move |name: String| async move {
        let mut client = Client::connect(address, json!({})).await.unwrap();
        client.join(&name).await.unwrap();
        client
    };
    let mut healthy = Vec::new();
    for number in 0..HEALTHY {
        // One after the other: on a slow machine a thousand at once would not answer pings in time.
        let mut client = connect(format!("room {}", number / 10)).await;
        healthy.push(tokio::spawn(async move {
            let restart = client.next_push(Restart::NAME).await;
            client.wait_until_closed().await;
            restart["after"].as_u64().unwrap()
        }));
    }
    let mut stalled: Vec<Client> = Vec::new();
    for _ in 0..STALLED {
        stalled.push(connect("r".to_owned()).await);
    }
    let mut sender = connect("r".to_owned()).await;
    // More than the kernel takes for them, less than the limit at which they are cut.
    send_long_messages(&mut sender, 0..40).await;

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
