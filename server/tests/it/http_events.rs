//! Server-sent events of a room, as `curl -N` and a browser's `EventSource` receive them.

use std::{
    fs,
    net::SocketAddr,
    time::{Duration, Instant},
};

use common::{
    message::{Cid, Seq},
    protocol::command::{Hello, Join, Leave, Send as SendMessage},
    room::Seats,
};
use serde_json::json;
use tokio::time::sleep;

use crate::{
    harness::{Client, ServerProcess, TIMEOUT, TestServer, body, http_request, message, room},
    http::{header, json_of},
    sse_client::{SseBlock, SseClient, seq_and_text},
};

async fn post(address: SocketAddr, room: &str, text: &str) {
    let head = format!("POST /api/rooms/{room}/messages HTTP/1.1\r\nHost: {address}");
    let response = http_request(address, &head, text).await;
    assert!(response.starts_with("HTTP/1.1 201"), "{response}");
}

async fn token_of(client: &mut Client) -> String {
    format!("Authorization: Bearer {}", client.request(Hello {}).await.unwrap().token.unwrap())
}

fn numbers(events: &[(Seq, String)]) -> Vec<u64> {
    events.iter().map(|(seq, _)| seq.0).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_begins_after_the_given_event_and_continues_with_new_ones() {
    let server = TestServer::start().await;
    let address = server.address;
    for number in 1..=3 {
        post(address, "r", &format!("message {number}")).await;
    }
    let mut all = SseClient::subscribe(address, "r/events?since=0", &[]).await;
    assert_eq!(header(&all.head, "content-type"), Some("text/event-stream"));
    assert_eq!(header(&all.head, "cache-control"), Some("no-store"));
    let mut some = SseClient::subscribe(address, "r/events?since=1", &[]).await;
    let mut back = SseClient::subscribe(address, "r/events?since=1", &["Last-Event-ID: 2"]).await;
    let mut new = SseClient::subscribe(address, "r/events", &[]).await;
    let mut beyond = SseClient::subscribe(address, "r/events?since=99", &[]).await;
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
        let refused = SseClient::connect(address, path, headers).await;
        assert!(refused.head.starts_with(&format!("HTTP/1.0 {status}")), "{path}: {}", refused.head);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscriber_is_no_member_and_a_room_without_members_is_not_listed() {
    let server = TestServer::start().await;
    let mut client = server.client().await;
    client.join("r").await.unwrap();
    let mut stream = SseClient::subscribe(server.address, "r/events", &[]).await;
    assert_eq!(client.join("r").await.unwrap().people.len(), 1);
    client.request(Leave { room: room("r") }).await.unwrap();
    let head = format!("GET /api/rooms HTTP/1.1\r\nHost: {}", server.address);
    assert_eq!(json_of(&http_request(server.address, &head, "").await), json!({ "rooms": [] }));
    post(server.address, "r", "still received").await;
    assert_eq!(numbers(&stream.events(1).await), [1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_room_with_seats_a_stream_ends_with_the_seat() {
    let server = TestServer::start().await;
    let (mut inside, mut other) = (server.client().await, server.client().await);
    let (mine, theirs) = (token_of(&mut inside).await, token_of(&mut other).await);
    inside.request(Join { seats: Some(Seats::TWO), ..Join::new(room("r")) }).await.unwrap();
    inside.send_message("r", "first").await;
    for headers in [&[theirs.as_str()][..], &[]] {
        let refused = SseClient::connect(server.address, "r/events", headers).await;
        assert!(refused.head.starts_with("HTTP/1.0 403"), "{}", refused.head);
    }
    let mut stream = SseClient::subscribe(server.address, "r/events?since=0", &[&mine]).await;
    assert_eq!(numbers(&stream.events(1).await), [1]);
    other.join("r").await.unwrap();
    inside.request(Leave { room: room("r") }).await.unwrap();
    other.send_message("r", "among ourselves").await;
    assert_eq!(stream.next().await, None);
}

/// The product's promise: one room, one order, over every transport.
#[tokio::test(flavor = "multi_thread")]
async fn socket_http_and_streams_share_one_order() {
    const MESSAGES_EACH: usize = 60;
    let server = TestServer::start().await;
    let address = server.address;
    let mut socket = server.client().await;
    socket.join("r").await.unwrap();
    let mut stream = SseClient::subscribe(address, "r/events", &[]).await;

    let mut sending = Vec::new();
    for sender in 0..3 {
        let mut client = server.client().await;
        sending.push(tokio::spawn(async move {
            client.join("r").await.unwrap();
            for number in 0..MESSAGES_EACH {
                client.send_message("r", &format!("socket {sender} {number}")).await;
            }
        }));
        sending.push(tokio::spawn(async move {
            for number in 0..MESSAGES_EACH {
                post(address, "r", &format!("http {sender} {number}")).await;
            }
        }));
    }
    let received = stream.events(6 * MESSAGES_EACH).await;
    for sender in sending {
        sender.await.unwrap();
    }
    let mut pushed = Vec::new();
    while pushed.len() < received.len() {
        pushed.push(seq_and_text(&socket.next_event().await.event));
    }
    assert_eq!(numbers(&received), (1..=received.len() as u64).collect::<Vec<_>>());
    assert_eq!(pushed, received);
    assert_eq!(socket.whole_log("r").await, received);
    let mut late = SseClient::subscribe(address, "r/events?since=0", &[]).await;
    assert_eq!(late.events(received.len()).await, received);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_reconnects_over_and_over_has_no_gap_and_no_duplicate() {
    const MESSAGES: u64 = 3_000;
    let server = TestServer::start().await;
    let address = server.address;
    let mut sender = server.client().await;
    sender.join("r").await.unwrap();
    let sending = tokio::spawn(async move {
        for start in (0..MESSAGES).step_by(100) {
            let ids = sender.burst((start..start + 100).map(|n| message("r", &format!("message {n}")))).await;
            for id in ids {
                assert!(sender.reply(id).await["seq"].is_u64());
            }
        }
    });
    let (mut last, mut connections_made) = (0, 0);
    while last < MESSAGES {
        let id = format!("Last-Event-ID: {last}");
        let mut stream = SseClient::subscribe(address, "r/events", &[&id]).await;
        connections_made += 1;
        // From one event to more than a queue holds.
        for _ in 0..(connections_made * 37) % 400 + 1 {
            if last < MESSAGES {
                last += 1;
                assert_eq!(stream.next_event().await.unwrap().seq, Seq(last));
            }
        }
    }
    sending.await.unwrap();
    assert!(connections_made > 10, "{connections_made}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_sends_a_retry_time_and_loses_nothing() {
    let server = TestServer::start().await;
    post(server.address, "r", "before").await;
    let mut stream = SseClient::subscribe(server.address, "r/events?since=0", &[]).await;
    assert_eq!(numbers(&stream.events(1).await), [1]);
    let reading = tokio::spawn(async move { (stream.next().await, stream.next().await) });
    let server = server.restart().await;
    let (Some(SseBlock::Retry(after)), None) = reading.await.unwrap() else { panic!("no goodbye") };
    assert!((500..2_000).contains(&after), "{after}");
    post(server.address, "r", "after").await;
    let mut back = SseClient::subscribe(server.address, "r/events", &["Last-Event-ID: 1"]).await;
    assert_eq!(back.events(1).await, [(Seq(2), "after".to_owned())]);
}

/// A stream never skips an event, and a stalled one costs little until it is cut.
#[tokio::test(flavor = "multi_thread")]
async fn stalled_streams_are_cut_and_catch_up_after_reconnecting() {
    const STALLED: usize = 20;
    const MESSAGES: u64 = 300;
    let folder = tempfile::tempdir().unwrap();
    let program = ServerProcess::start(folder.path());
    let address = program.address;
    let mut sender = Client::connect(address, json!({})).await.unwrap();
    for name in ["r", "quiet"] {
        sender.join(name).await.unwrap();
    }
    let mut quiet = SseClient::subscribe(address, "quiet/events", &[]).await;
    let connections = || fs::read_dir(format!("/proc/{}/fd", program.child.id())).unwrap().count();
    let open = connections();
    let mut stalled = Vec::new();
    for _ in 0..STALLED {
        stalled.push(SseClient::subscribe(address, "r/events", &[]).await);
    }
    assert_eq!(connections(), open + STALLED);
    let mut reader = SseClient::subscribe(address, "r/events", &[]).await;
    let reading = tokio::spawn(async move { numbers(&reader.events(MESSAGES as usize).await) });
    let before = program.memory();
    for start in (0..MESSAGES).step_by(20) {
        let long = |n| SendMessage::new(room("r"), Cid::from_random(n), body(&"가".repeat(4_000)));
        let ids = sender.burst((start..start + 20).map(|n| long(u128::from(n)))).await;
        for id in ids {
            assert!(sender.reply(id).await["seq"].is_u64());
        }
    }
    let grown = program.memory().saturating_sub(before);
    assert!(grown < 1024 * STALLED as u64, "{grown} KiB for {STALLED} readers that stopped");
    assert_eq!(reading.await.unwrap(), (1..=MESSAGES).collect::<Vec<_>>(), "others hear everything");
    // Streams that stall in the middle of the log must not keep others from reading it.
    for _ in 0..STALLED {
        stalled.push(SseClient::subscribe(address, "r/events?since=0", &[]).await);
    }
    let mut reader = SseClient::subscribe(address, "r/events?since=0", &[]).await;
    assert_eq!(numbers(&reader.events(MESSAGES as usize).await), (1..=MESSAGES).collect::<Vec<_>>());
    drop(reader);
    assert_eq!(quiet.next().await, Some(SseBlock::KeepAlive));

    let since = Instant::now();
    while connections() > open {
        assert!(since.elapsed() < TIMEOUT, "{} connections too many", connections() - open);
        sleep(Duration::from_millis(50)).await;
    }
    let mut received = Vec::new();
    let mut first = stalled.swap_remove(0);
    while let Some(event) = first.next_event().await {
        received.push(event.seq.0);
    }
    let last = received.len() as u64;
    assert!(last < MESSAGES, "it was cut");
    let mut back = SseClient::subscribe(address, "r/events", &[&format!("Last-Event-ID: {last}")]).await;
    received.extend(numbers(&back.events((MESSAGES - last) as usize).await));
    assert_eq!(received, (1..=MESSAGES).collect::<Vec<_>>());
}
