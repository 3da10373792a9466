//! Hearing a room as server-sent events: what `curl -N` and a browser's `EventSource` do.

use std::{
    fs,
    net::SocketAddr,
    time::{Duration, Instant},
};

use common::{
    event::{Hello, Join, Leave, Send as Say},
    message::{Cid, Seq},
    room::Seats,
};
use serde_json::json;
use tokio::time::sleep;

use crate::{
    http::{header, json_of},
    stream::{Stream, Told, entry},
    support::{Client, PATIENCE, Program, TestServer, body, request, room, say},
};

async fn post(address: SocketAddr, room: &str, text: &str) {
    let head = format!("POST /api/rooms/{room}/messages HTTP/1.1\r\nHost: {address}");
    let response = request(address, &head, text).await;
    assert!(response.starts_with("HTTP/1.1 201"), "{response}");
}

async fn token_of(client: &mut Client) -> String {
    format!("Authorization: Bearer {}", client.ask(Hello {}).await.unwrap().token.unwrap())
}

fn numbers(events: &[(Seq, String)]) -> Vec<u64> {
    events.iter().map(|(seq, _)| seq.0).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_begins_where_the_reader_was_and_goes_on_with_what_is_said() {
    let server = TestServer::start().await;
    let address = server.address;
    for number in 1..=3 {
        post(address, "r", &format!("message {number}")).await;
    }
    let mut all = Stream::follow(address, "r/events?since=0", &[]).await;
    assert_eq!(header(&all.head, "content-type"), Some("text/event-stream"));
    assert_eq!(header(&all.head, "cache-control"), Some("no-store"));
    let mut some = Stream::follow(address, "r/events?since=1", &[]).await;
    let mut back = Stream::follow(address, "r/events?since=1", &["Last-Event-ID: 2"]).await;
    let mut new = Stream::follow(address, "r/events", &[]).await;
    let mut beyond = Stream::follow(address, "r/events?since=99", &[]).await;
    assert_eq!(numbers(&all.events(3).await), [1, 2, 3]);
    assert_eq!(numbers(&some.events(2).await), [2, 3]);
    assert_eq!(numbers(&back.events(1).await), [3]);
    post(address, "r", "message 4").await;
    for stream in [&mut all, &mut some, &mut back, &mut new, &mut beyond] {
        assert_eq!(stream.events(1).await, [(Seq(4), "message 4".to_owned())]);
    }
    for (path, headers, status) in [
        ("r/events?since=x", &[][..], "400"),
        ("r/events?from=1", &[], "400"),
        ("r/events", &["Last-Event-ID: x"], "400"),
        ("nobody/events", &[], "404"),
        ("r/events", &["Authorization: Bearer 0"], "401"),
        ("r/events", &["Origin: https://evil.example"], "403"),
    ] {
        let refused = Stream::open(address, path, headers).await;
        assert!(refused.head.starts_with(&format!("HTTP/1.0 {status}")), "{path}: {}", refused.head);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_listens_is_not_here_and_a_room_that_is_only_listened_to_is_not_listed() {
    let server = TestServer::start().await;
    let mut client = server.client().await;
    client.join("r").await.unwrap();
    let mut stream = Stream::follow(server.address, "r/events", &[]).await;
    assert_eq!(client.join("r").await.unwrap().people.len(), 1);
    client.ask(Leave { room: room("r") }).await.unwrap();
    let head = format!("GET /api/rooms HTTP/1.1\r\nHost: {}", server.address);
    assert_eq!(json_of(&request(server.address, &head, "").await), json!({ "rooms": [] }));
    post(server.address, "r", "still heard").await;
    assert_eq!(numbers(&stream.events(1).await), [1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_room_with_seats_a_stream_lasts_as_long_as_the_seat() {
    let server = TestServer::start().await;
    let (mut inside, mut other) = (server.client().await, server.client().await);
    let (mine, theirs) = (token_of(&mut inside).await, token_of(&mut other).await);
    inside.ask(Join { seats: Some(Seats::TWO), ..Join::new(room("r")) }).await.unwrap();
    inside.say("r", "first").await;
    for headers in [&[theirs.as_str()][..], &[]] {
        let refused = Stream::open(server.address, "r/events", headers).await;
        assert!(refused.head.starts_with("HTTP/1.0 403"), "{}", refused.head);
    }
    let mut stream = Stream::follow(server.address, "r/events?since=0", &[&mine]).await;
    assert_eq!(numbers(&stream.events(1).await), [1]);
    other.join("r").await.unwrap();
    inside.ask(Leave { room: room("r") }).await.unwrap();
    other.say("r", "among ourselves").await;
    assert_eq!(stream.next().await, None);
}

/// The product's promise: one room, one order, whichever door one speaks and listens through.
#[tokio::test(flavor = "multi_thread")]
async fn every_door_tells_one_order() {
    const EACH: usize = 60;
    let server = TestServer::start().await;
    let address = server.address;
    let mut socket = server.client().await;
    socket.join("r").await.unwrap();
    let mut stream = Stream::follow(address, "r/events", &[]).await;

    let mut speaking = Vec::new();
    for speaker in 0..3 {
        let mut client = server.client().await;
        speaking.push(tokio::spawn(async move {
            client.join("r").await.unwrap();
            for number in 0..EACH {
                client.say("r", &format!("socket {speaker} {number}")).await;
            }
        }));
        speaking.push(tokio::spawn(async move {
            for number in 0..EACH {
                post(address, "r", &format!("http {speaker} {number}")).await;
            }
        }));
    }
    let heard = stream.events(6 * EACH).await;
    for speaker in speaking {
        speaker.await.unwrap();
    }
    let mut told = Vec::new();
    while told.len() < heard.len() {
        told.push(entry(&socket.next_event().await.event));
    }
    assert_eq!(numbers(&heard), (1..=heard.len() as u64).collect::<Vec<_>>());
    assert_eq!(told, heard);
    assert_eq!(socket.whole_log("r").await, heard);
    let mut late = Stream::follow(address, "r/events?since=0", &[]).await;
    assert_eq!(late.events(heard.len()).await, heard);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_comes_back_again_and_again_has_no_gap_and_nothing_twice() {
    const MESSAGES: u64 = 3_000;
    let server = TestServer::start().await;
    let address = server.address;
    let mut speaker = server.client().await;
    speaker.join("r").await.unwrap();
    let speaking = tokio::spawn(async move {
        for start in (0..MESSAGES).step_by(100) {
            let ids = speaker.burst((start..start + 100).map(|n| say("r", &format!("message {n}")))).await;
            for id in ids {
                assert!(speaker.answer(id).await["seq"].is_u64());
            }
        }
    });
    let (mut last, mut visits) = (0, 0);
    while last < MESSAGES {
        let id = format!("Last-Event-ID: {last}");
        let mut stream = Stream::follow(address, "r/events", &[&id]).await;
        visits += 1;
        // From a single event to more than an inbox holds.
        for _ in 0..(visits * 37) % 400 + 1 {
            if last < MESSAGES {
                last += 1;
                assert_eq!(stream.next_event().await.unwrap().seq, Seq(last));
            }
        }
    }
    speaking.await.unwrap();
    assert!(visits > 10, "{visits}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_tells_when_to_come_back_and_loses_nothing() {
    let server = TestServer::start().await;
    post(server.address, "r", "before").await;
    let mut stream = Stream::follow(server.address, "r/events?since=0", &[]).await;
    assert_eq!(numbers(&stream.events(1).await), [1]);
    let reading = tokio::spawn(async move { (stream.next().await, stream.next().await) });
    let server = server.restart().await;
    let (Some(Told::Retry(after)), None) = reading.await.unwrap() else { panic!("no goodbye") };
    assert!((500..2_000).contains(&after), "{after}");
    post(server.address, "r", "after").await;
    let mut back = Stream::follow(server.address, "r/events", &["Last-Event-ID: 1"]).await;
    assert_eq!(back.events(1).await, [(Seq(2), "after".to_owned())]);
}

/// Nothing is skipped for a reader that stops, and it costs little until the kernel cuts it.
#[tokio::test(flavor = "multi_thread")]
async fn readers_that_stop_are_cut_and_find_everything_when_they_come_back() {
    const STALLED: usize = 20;
    const MESSAGES: u64 = 300;
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(folder.path());
    let address = program.address;
    let mut speaker = Client::connect(address, json!({})).await.unwrap();
    for name in ["r", "quiet"] {
        speaker.join(name).await.unwrap();
    }
    let mut quiet = Stream::follow(address, "quiet/events", &[]).await;
    let connections = || fs::read_dir(format!("/proc/{}/fd", program.child.id())).unwrap().count();
    let open = connections();
    let mut stalled = Vec::new();
    for _ in 0..STALLED {
        stalled.push(Stream::follow(address, "r/events", &[]).await);
    }
    assert_eq!(connections(), open + STALLED);
    let mut reader = Stream::follow(address, "r/events", &[]).await;
    let reading = tokio::spawn(async move { numbers(&reader.events(MESSAGES as usize).await) });
    let before = program.memory();
    for start in (0..MESSAGES).step_by(20) {
        let long = |n| Say::new(room("r"), Cid::from_random(n), body(&"가".repeat(4_000)));
        let ids = speaker.burst((start..start + 20).map(|n| long(u128::from(n)))).await;
        for id in ids {
            assert!(speaker.answer(id).await["seq"].is_u64());
        }
    }
    let grown = program.memory().saturating_sub(before);
    assert!(grown < 1024 * STALLED as u64, "{grown} KiB for {STALLED} readers that stopped");
    assert_eq!(reading.await.unwrap(), (1..=MESSAGES).collect::<Vec<_>>(), "others hear everything");
    // More that stop in the middle of the log must not keep others from reading it.
    for _ in 0..STALLED {
        stalled.push(Stream::follow(address, "r/events?since=0", &[]).await);
    }
    let mut reader = Stream::follow(address, "r/events?since=0", &[]).await;
    assert_eq!(numbers(&reader.events(MESSAGES as usize).await), (1..=MESSAGES).collect::<Vec<_>>());
    drop(reader);
    assert_eq!(quiet.next().await, Some(Told::SignOfLife));

    let since = Instant::now();
    while connections() > open {
        assert!(since.elapsed() < PATIENCE, "{} connections too many", connections() - open);
        sleep(Duration::from_millis(50)).await;
    }
    let mut heard = Vec::new();
    let mut first = stalled.swap_remove(0);
    while let Some(event) = first.next_event().await {
        heard.push(event.seq.0);
    }
    let last = heard.len() as u64;
    assert!(last < MESSAGES, "it was cut");
    let mut back = Stream::follow(address, "r/events", &[&format!("Last-Event-ID: {last}")]).await;
    heard.extend(numbers(&back.events((MESSAGES - last) as usize).await));
    assert_eq!(heard, (1..=MESSAGES).collect::<Vec<_>>());
}
