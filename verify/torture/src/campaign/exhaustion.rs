//! Attacks on memory and time by a client that the server lets in: what clients leave behind, sessions that
//! do not enter, sessions that share a TCP connection, and a room full of reactions.
//!
//! `hostile` runs them and measures the server meanwhile.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use common::{
    message::{Body, Cid, Emoji, Seq},
    protocol::command::{History, Join, React, Send as SendMessage},
    reactions::Reaction,
    room::RoomName,
};
use futures_util::SinkExt;
use hyper::{Request, StatusCode, header::CONTENT_TYPE};
use serde_json::json;
use tokio::{
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_tungstenite::{client_async, tungstenite::Message};

use crate::{
    engineio::{EngineTransport, PATH},
    http::HttpConnection,
    net::dial,
    socketio::Connection,
};

/// The messages of a client that leaves, and how long it tries to send them.
const LEFT_MESSAGES: usize = 250;
const LEFT_MESSAGE_BYTES: usize = 15_000;
const LEAVE_AFTER: Duration = Duration::from_millis(300);

/// The sessions that are opened over one TCP connection, and the bytes of a header beside each handshake.
const HANDSHAKES_PER_CONNECTION: u32 = 5_000;
const HANDSHAKE_HEADER_BYTES: usize = 14_000;

/// The messages in the room full of reactions: a page of history.
const REACTED_MESSAGES: u64 = 50;
/// How many different emoji each person reacts with.
const EMOJI: u32 = 20;
const FIRST_EMOJI: u32 = 0x1F600;
/// The readers of that room, and how long they read.
const READERS: u64 = 12;
const READING_TIME: Duration = Duration::from_secs(5);

/// Connects again and again, one connection at a time: joins a room, sends four megabytes of messages, as
/// far as the server takes them, and leaves.
pub(super) async fn leave_messages_behind(address: SocketAddr, connections: u32) -> anyhow::Result<()> {
    let text = "x".repeat(LEFT_MESSAGE_BYTES);
    for number in 0..connections {
        let url = format!("ws://{address}{PATH}&transport=websocket");
        let (mut socket, _) = client_async(url, dial(address).await?).await?;
        let room = format!("room {number}");
        let sending = async {
            socket.send(Message::text("40")).await?;
            socket.send(Message::text(format!("42{}", json!(["join", room])))).await?;
            for message in 0..LEFT_MESSAGES {
                let message = json!(["chat message", format!("{message} {text}")]);
                socket.send(Message::text(format!("42{message}"))).await?;
            }
            anyhow::Ok(())
        };
        // The time is over when the server reads no more; it may also cut the connection.
        let _ = timeout(LEAVE_AFTER, sending).await;
    }
    Ok(())
}

/// Opens sessions that never enter, as many as the server allows, with large headers, over few TCP connections.
/// Returns these connections and how many sessions were opened.
pub(super) async fn open_handshakes(address: SocketAddr, count: u32) -> anyhow::Result<(JoinSet<()>, u32)> {
    let (mut tasks, mut opened) = (JoinSet::new(), 0);
    let header = "x".repeat(HANDSHAKE_HEADER_BYTES);
    let mut left = count;
    while left > 0 {
        let mut connection = HttpConnection::handshake(dial(address).await?, address, &mut tasks).await?;
        for _ in 0..left.min(HANDSHAKES_PER_CONNECTION) {
            let request =
                Request::get(format!("{PATH}&transport=polling")).header("Cookie", format!("a={header}"));
            match connection.request(request, String::new()).await? {
                (StatusCode::OK, _) => opened += 1,
                (StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS, _) => {}
                (status, _) => anyhow::bail!("a handshake was answered {status}"),
            }
            left -= 1;
        }
        // Kept open: its sessions may count until it is closed.
        tasks.spawn(async move {
            let _connection = connection;
            std::future::pending::<()>().await;
        });
    }
    Ok((tasks, opened))
}

/// Opens sessions over long-polling that enter, over one TCP connection; returns how many entered.
pub(super) async fn enter_by_polling(address: SocketAddr, count: u32) -> anyhow::Result<u32> {
    let mut tasks = JoinSet::new();
    let mut connection = HttpConnection::handshake(dial(address).await?, address, &mut tasks).await?;
    let mut entered = 0;
    for _ in 0..count {
        let url = format!("{PATH}&transport=polling");
        let (status, handshake) = connection.request(Request::get(&url), String::new()).await?;
        if matches!(status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS) {
            continue;
        }
        let sid = handshake.split("\"sid\":\"").nth(1).and_then(|rest| rest.split('"').next());
        let url = format!("{url}&sid={}", sid.with_context(|| format!("no handshake: {handshake}"))?);
        let connect = Request::post(&url).header(CONTENT_TYPE, "text/plain; charset=UTF-8");
        connection.request(connect, "40".to_owned()).await?;
        // The first poll may bring the ping only.
        for _ in 0..3 {
            let (_, packets) = connection.request(Request::get(&url), String::new()).await?;
            if packets.contains("40{") {
                entered += 1;
            }
            if packets.contains("40{") || packets.contains("44") {
                break;
            }
        }
    }
    Ok(entered)
}

/// Fills a room with a page of messages that have this many reactions each.
pub(super) async fn fill_with_reactions(
    address: SocketAddr,
    room: &RoomName,
    reactions: u32,
) -> anyhow::Result<()> {
    ensure!(reactions as usize <= Reaction::MAX_TOTAL, "a message bears {} at most", Reaction::MAX_TOTAL);
    let mut author = join(address, room).await?;
    for number in 1..=REACTED_MESSAGES {
        let (cid, body) = (Cid::parse(&format!("m{number}"))?, Body::parse("react to this")?);
        author.request_until_allowed(&SendMessage { room: room.clone(), cid, body, reply_to: None }).await?;
    }
    let mut people = JoinSet::new();
    for person in 0..reactions / EMOJI {
        let room = room.clone();
        people.spawn(async move {
            let mut connection = join(address, &room).await?;
            for seq in 1..=REACTED_MESSAGES {
                for number in 0..EMOJI {
                    let emoji = char::from_u32(FIRST_EMOJI + number).context("no emoji")?.to_string();
                    let react = React {
                        room: room.clone(),
                        cid: Cid::parse(&format!("r{person}-{seq}-{number}"))?,
                        seq: Seq(seq),
                        emoji: Emoji::parse(&emoji)?,
                        on: true,
                    };
                    connection.request_until_allowed(&react).await?;
                }
            }
            anyhow::Ok(())
        });
    }
    while let Some(person) = people.join_next().await {
        person??;
    }
    Ok(())
}

/// Reads the last page of that room with many readers at once, as fast as the limits allow. Returns how long
/// each page took.
pub(super) async fn read_reactions(address: SocketAddr, room: RoomName) -> anyhow::Result<Vec<Duration>> {
    let mut readers = JoinSet::new();
    for _ in 0..READERS {
        let room = room.clone();
        readers.spawn(async move {
            let mut connection = join(address, &room).await?;
            let before = Some(Seq(REACTED_MESSAGES + 1));
            let history = History { room, before, after: None, around: None, limit: None };
            let (started_at, mut times) = (Instant::now(), Vec::new());
            while started_at.elapsed() < READING_TIME {
                let asked_at = Instant::now();
                match connection.request(&history).await {
                    Ok(page) => {
                        ensure!(!page.events.is_empty(), "an empty page");
                        times.push(asked_at.elapsed());
                    }
                    // The rate limit.
                    Err(_) => sleep(Duration::from_millis(20)).await,
                }
            }
            Ok(times)
        });
    }
    let mut times = Vec::new();
    while let Some(reader) = readers.join_next().await {
        times.extend(reader??);
    }
    Ok(times)
}

async fn join(address: SocketAddr, room: &RoomName) -> anyhow::Result<Connection> {
    let mut connection = Connection::open(address, EngineTransport::WebSocket, &json!({})).await?;
    connection.request_until_allowed(&Join::new(room.clone())).await?;
    Ok(connection)
}
