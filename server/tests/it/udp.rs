//! The UDP transport: one datagram, one message, never an answer.

use std::{
    net::SocketAddr,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use common::{
    message::Seq,
    protocol::event::{Event, EventKind, Via},
};
use hmac::{Hmac, KeyInit, Mac};
use madang::{
    chat::limits::Rate,
    config::{Config, Transport, UdpKey},
};
use sha2::Sha256;
use tokio::{net::UdpSocket, time::timeout};

use crate::{
    harness::{Client, ServerProcess, TestServer},
    line_client::{LineClient, all_transports},
};

const KEY: &str = "a-key-that-nobody-guesses";

/// Returns a socket that sends to this address.
async fn socket_to(address: SocketAddr) -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    socket.connect(address).await.unwrap();
    socket
}

async fn send(socket: &UdpSocket, datagram: impl AsRef<[u8]>) {
    socket.send(datagram.as_ref()).await.unwrap();
}

/// Waits until the server has read every datagram that has reached its socket.
async fn wait_until_socket_is_drained(address: SocketAddr) {
    let port = format!(":{:04X}", address.port());
    let waiting = || {
        let sockets = std::fs::read_to_string("/proc/net/udp").unwrap();
        // Fields: slot, local address, remote address, state, and the bytes in the queues.
        let mut sockets = sockets.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
        let socket = sockets.find(|socket| socket[1].ends_with(&port)).expect("the transport is open");
        !socket[4].ends_with(":00000000")
    };
    timeout(Duration::from_secs(10), async {
        while waiting() {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("the transport reads");
}

/// Returns the next event in any room.
async fn next_event(client: &mut Client) -> (String, Event) {
    let pushed = client.next_event().await;
    (pushed.room.to_string(), pushed.event)
}

fn text(event: &Event) -> &str {
    event.kind.body().unwrap().as_str()
}

fn via(event: &Event) -> Option<Via> {
    let EventKind::Posted { via, .. } = &event.kind else { panic!("{event:?} is no message") };
    via.clone()
}

fn signed(time: u64, nonce: &str, rest: &str) -> String {
    let mut hmac = Hmac::<Sha256>::new_from_slice(KEY.as_bytes()).unwrap();
    hmac.update(format!("{time} {nonce}\n{rest}").as_bytes());
    let code: String = hmac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("/mac {time} {nonce} {code}\n{rest}")
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_datagram_is_a_message_of_an_unauthenticated_socket_to() {
    let server = TestServer::start_with(all_transports).await;
    let mut reader = server.client().await;
    reader.join("lobby").await.unwrap();
    reader.join("deploys").await.unwrap();
    let socket = socket_to(server.address_of(Transport::Udp)).await;
    send(&socket, "Hello UDP Server").await;
    let (room, event) = next_event(&mut reader).await;
    assert_eq!((room.as_str(), text(&event)), ("lobby", "Hello UDP Server"));
    assert_eq!(via(&event), Some(Via::Udp("127.0.0.1".to_owned())));
    assert!(event.person.name.as_str().starts_with("guest-"), "{}", event.person.name);

    send(&socket, "/to deploys\n/name build bot\n빌드 성공\n두 줄").await;
    let (room, event) = next_event(&mut reader).await;
    assert_eq!((room.as_str(), text(&event)), ("deploys", "빌드 성공\n두 줄"));
    assert_eq!(event.person.name.as_str(), "build bot");
    let mut answer = [0; 64];
    let answered = timeout(Duration::from_millis(200), socket.recv(&mut answer)).await;
    assert!(answered.is_err(), "a datagram is never answered");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_over_udp_is_marked_so_on_every_transport_and_in_the_log() {
    let server = TestServer::start_with(all_transports).await;
    let mut line_client = LineClient::connect(&server).await;
    let mut browser = server.client().await;
    browser.join("lobby").await.unwrap();
    let socket = socket_to(server.address_of(Transport::Udp)).await;
    send(&socket, "/name build\ngreen").await;
    let mut line = line_client.next_raw().await.unwrap();
    while line.starts_with('*') {
        line = line_client.next_raw().await.unwrap();
    }
    assert_eq!(line, "build (udp 127.0.0.1): green");
    let (_, event) = next_event(&mut browser).await;
    let late = server.client().await.join("lobby").await.unwrap();
    assert_eq!(late.events, [event]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_byte_order_mark_and_the_nul_of_a_string_are_no_part_of_a_datagram() {
    let server = TestServer::start_with(|config| {
        all_transports(config);
        config.udp_key = Some(UdpKey::parse(KEY.to_owned()).unwrap());
    })
    .await;
    let mut reader = server.client().await;
    reader.join("r").await.unwrap();
    let socket = socket_to(server.address_of(Transport::Udp)).await;
    send(&socket, format!("\u{FEFF}/key {KEY}\n/to r\nfrom Windows")).await;
    send(&socket, format!("/key {KEY}\n/to r\nfrom C\0")).await;
    send(&socket, signed(now(), "nonce-01", "/to r\nsigned") + "\0\0").await;
    send(&socket, format!("\u{FEFF}{}", signed(now(), "nonce-02", "\u{FEFF}/to r\nsigned twice marked")))
        .await;
    for expected in ["from Windows", "from C", "signed", "signed twice marked"] {
        assert_eq!(text(&next_event(&mut reader).await.1), expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_datagrams_are_dropped() {
    let server = TestServer::start_with(all_transports).await;
    let mut reader = server.client().await;
    reader.join("lobby").await.unwrap();
    reader.request_raw("join", &serde_json::json!({ "room": "for two", "seats": 2 })).await;
    let socket = socket_to(server.address_of(Transport::Udp)).await;
    let long = "x".repeat(20_000);
    let datagrams: [&[u8]; 7] = [
        b"",
        b"   ",
        b"\xB0\xA1 is EUC-KR",
        b"/to a/b\nx",
        b"/to for two\nonly those talk here who sit here",
        b"\x1b[2J\x0c\0\x03",
        long.as_bytes(),
    ];
    for datagram in datagrams {
        send(&socket, datagram).await;
    }
    send(&socket, "and this is one").await;
    let (room, event) = next_event(&mut reader).await;
    assert_eq!((room.as_str(), text(&event), event.seq), ("lobby", "and this is one", Seq(1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_key_only_authenticated_datagrams_are_accepted_and_only_once() {
    let server = TestServer::start_with(|config| {
        all_transports(config);
        config.udp_key = Some(UdpKey::parse(KEY.to_owned()).unwrap());
    })
    .await;
    let mut reader = server.client().await;
    reader.join("r").await.unwrap();
    let socket = socket_to(server.address_of(Transport::Udp)).await;
    let good = signed(now(), "nonce-01", "/to r\nsigned");
    send(&socket, "/to r\nunsigned").await;
    send(&socket, good.replace("signed", "forged")).await;
    send(&socket, signed(now() - 3600, "nonce-02", "/to r\nstale")).await;
    send(&socket, "/key wrong\n/to r\nwrong").await;
    for _ in 0..100 {
        send(&socket, &good).await;
    }
    send(&socket, format!("/key {KEY}\n/to r\nthe key itself, on this machine")).await;
    assert_eq!(text(&next_event(&mut reader).await.1), "signed");
    assert_eq!(text(&next_event(&mut reader).await.1), "the key itself, on this machine");
}

/// An attacker may keep an overheard datagram until a restart has emptied the replay cache.
#[tokio::test(flavor = "multi_thread")]
async fn a_datagram_from_before_a_restart_can_not_be_replayed() {
    let with_key = |config: &mut Config| {
        all_transports(config);
        config.udp_key = Some(UdpKey::parse(KEY.to_owned()).unwrap());
    };
    let server = TestServer::start_with(with_key).await;
    let mut reader = server.client().await;
    reader.join("r").await.unwrap();
    let overheard = signed(now(), "nonce-01", "/to r\ndeploy");
    send(&socket_to(server.address_of(Transport::Udp)).await, &overheard).await;
    assert_eq!(text(&next_event(&mut reader).await.1), "deploy");

    let server = server.restart_with(with_key).await;
    let mut reader = server.client().await;
    reader.join("r").await.unwrap();
    let socket = socket_to(server.address_of(Transport::Udp)).await;
    send(&socket, &overheard).await;
    send(&socket, signed(now(), "nonce-02", "/to r\nanother")).await;
    assert_eq!(text(&next_event(&mut reader).await.1), "another");
    assert_eq!(reader.whole_log("r").await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_datagrams_share_one_rate_limit() {
    let server = TestServer::start_with(|config| {
        all_transports(config);
        // All senders together have twenty times this.
        config.limits.messages = Rate { per_second: 0.001, burst: 1.0 };
    })
    .await;
    let socket = socket_to(server.address_of(Transport::Udp)).await;
    let mut reader = server.client().await;
    reader.join("lobby").await.unwrap();
    for number in 0..30 {
        send(&socket, format!("{number}")).await;
    }
    for number in 0..20 {
        assert_eq!(text(&next_event(&mut reader).await.1), number.to_string());
    }
    wait_until_socket_is_drained(server.address_of(Transport::Udp)).await;
    // Datagrams that were accepted are in the log before this message.
    reader.send_message("lobby", "the end").await;
    assert_eq!(reader.whole_log("lobby").await.len(), 21);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_udp_listener_datagrams_are_not_received() {
    let server = TestServer::start().await;
    let socket = socket_to(server.address).await;
    send(&socket, "is anybody there?").await;
    // The port is closed, so the kernel returns an error.
    assert!(timeout(Duration::from_secs(5), socket.recv(&mut [0; 8])).await.unwrap().is_err());
}

/// Noise of every kind, faster than it can be processed.
#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_random_datagrams_takes_no_memory_and_delays_nobody() {
    /// A million take a release build some seconds; in a debug build sending them takes a minute.
    const DATAGRAMS: usize = if cfg!(debug_assertions) { 100_000 } else { 1_000_000 };
    let folder = tempfile::tempdir().unwrap();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_madang"));
    command.args(["--log", "warn"]).env("MADANG_UDP_KEY", KEY);
    let (program, addresses) =
        ServerProcess::start_with_listeners(command, folder.path(), &["udp://127.0.0.1:0"]);
    let mut witness = Client::connect(program.address, serde_json::json!({})).await.unwrap();
    witness.join("r").await.unwrap();
    let before = program.memory();
    let flood = tokio::spawn(async move {
        let socket = socket_to(addresses[0]).await;
        let genuine = signed(now(), "nonce-01", "/to r\nonce");
        for number in 0..DATAGRAMS {
            let datagram = match number % 4 {
                0 => noise(number),
                1 => format!("/mac {} nonce-{number} {:064x}\n/to r\nforged", now(), number).into_bytes(),
                2 => format!("/to r\nunsigned {number}").into_bytes(),
                _ => genuine.clone().into_bytes(),
            };
            // The kernel may drop it or return an error.
            let _ = socket.send(&datagram).await;
        }
    });
    let mut slowest = Duration::ZERO;
    let mut sent_count = 0;
    while !flood.is_finished() {
        let asked = Instant::now();
        witness.send_message("r", &format!("undisturbed {sent_count}")).await;
        slowest = slowest.max(asked.elapsed());
        sent_count += 1;
    }
    flood.await.unwrap();
    assert!(slowest < Duration::from_secs(2), "{slowest:?}");
    let grown = program.memory().saturating_sub(before);
    assert!(grown < 16 * 1024, "{grown} KiB");
    let log = witness.whole_log("r").await;
    let others: Vec<&str> =
        log.iter().map(|(_, text)| text.as_str()).filter(|text| !text.starts_with("undisturbed")).collect();
    assert!(others.len() <= 1 && others.iter().all(|text| *text == "once"), "{others:?}");
}

/// Returns pseudo-random bytes, the same for the same number.
fn noise(number: usize) -> Vec<u8> {
    let mut state = number as u64 | 1;
    (0..number % 900)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        })
        .collect()
}
