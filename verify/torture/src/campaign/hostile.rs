//! Attacks at full size: a line without an end, silent connections, a flood of datagrams, a browser page
//! that posts to the line transport, and those of `exhaustion`. During each, a witness sends messages and must not wait, the server's
//! memory stays within a bound, and nothing of the attack is in the log.
//!
//! The server's tests do the same at small sizes; here the sizes are full, and the effect is measured.

use std::{fmt::Write as _, net::SocketAddr, time::Instant};

use anyhow::{Context, ensure};
use clap::Args;
use common::{
    message::{Body, Cid},
    protocol::command::{Join, Send as SendMessage},
    room::RoomName,
};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, UdpSocket},
    time::{Duration, sleep},
};

use super::exhaustion;
use crate::{
    engineio::EngineTransport,
    harness::Harness,
    log,
    net::dial,
    report::{Progress, Report},
    server::RunningServer,
    socketio::Connection,
};

/// The room of the witness. The attacks go to the default room of their transport.
const ROOM: &str = "witness";
/// How long the witness pauses between two messages.
const SEND_INTERVAL: Duration = Duration::from_millis(5);
/// How long an acknowledgement may take during an attack.
const MAX_ACK_TIME: Duration = Duration::from_secs(2);

/// What one address may make the server grow by, in KiB, whatever it does.
const MAX_ATTACK_KIB: u64 = 64 * 1024;
/// The limit of connections, and so of sessions, during the attacks on memory.
const MAX_CONNECTIONS: u32 = 300;
/// How long half of the pages may take at most, with many readers beside other work of the machine.
const MAX_PAGE_TIME: Duration = Duration::from_millis(500);

/// Options of the campaign.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// How long the endless line is, in mebibytes
    #[arg(long, default_value_t = 1024)]
    pub mebibytes: u32,
    /// How many connections to the line transport stay silent
    #[arg(long, default_value_t = 10_000)]
    pub silent: u32,
    /// How many datagrams are sent without knowledge of the key
    #[arg(long, default_value_t = 1_000_000)]
    pub datagrams: u32,
    /// How many requests a page sends to the line transport
    #[arg(long, default_value_t = 10_000)]
    pub posts: u32,
    /// How many clients send more than the server executes, and leave
    #[arg(long, default_value_t = 300)]
    pub leavers: u32,
    /// How many sessions are opened that never enter
    #[arg(long, default_value_t = 150_000)]
    pub handshakes: u32,
    /// How many sessions enter by long-polling over one TCP connection
    #[arg(long, default_value_t = 1_000)]
    pub pollers: u32,
    /// How many reactions each message of a page has, in twenties
    #[arg(long, default_value_t = 1_000)]
    pub reactions: u32,
}

/// Runs the campaign.
pub async fn run(harness: &Harness, options: &Options) -> anyhow::Result<Report> {
    let progress = Progress::default();
    let round = harness.round("hostile")?;
    let running = round.server.start(None, None).await?;
    let addresses = running.addresses()?;
    let mut report = Report::new("hostile: sizes nobody means well with");
    let mut witness = Witness::enter(addresses.http, &running).await?;
    let Options { mebibytes, silent, datagrams, posts, .. } = *options;

    let line = endless_line(addresses.tcp, mebibytes);
    witness
        .measure_during(&mut report, &format!("a line of {mebibytes} MiB without an end"), 4 * 1024, line)
        .await?;
    let post = browser_posts(addresses.tcp, posts);
    witness
        .measure_during(
            &mut report,
            &format!("{posts} posts of a browser at the line transport"),
            16 * 1024,
            post,
        )
        .await?;
    let flood = flood(addresses.udp, datagrams, StdRng::seed_from_u64(harness.seed));
    witness.measure_during(&mut report, &format!("{datagrams} datagrams"), 16 * 1024, flood).await?;
    let connections = silent_connections(addresses.tcp, silent);
    // A bound on what one connection to this transport may cost, with its greeting.
    let bound = u64::from(silent) * 64;
    let connections = witness
        .measure_during(&mut report, &format!("{silent} silent connections"), bound, connections)
        .await?;
    drop(connections);
    let mut failures = std::mem::take(&mut witness.failures);
    let sent = witness.sent_count;
    running.stop().await?;
    let stored = log::read_database(&round.server.database())?;
    let foreign = stored.values().flatten().filter(|entry| !entry.body.as_str().starts_with(WITNESS));
    failures.extend(foreign.map(|entry| format!("{:?} is in the log", entry.body)));
    let stored_count = stored.values().map(Vec::len).sum::<usize>();
    if stored_count != sent as usize {
        failures.push(format!("the witness sent {sent} and {stored_count} are in the log"));
    }
    report.row("messages of the witness, all stored, nothing else", sent);
    failures.extend(exhaust(harness, options, &mut report).await?);
    report.row("seconds", progress.elapsed().as_secs());
    report.conclude(format!("{} broken promises", failures.len()), failures.clone());
    round.end(&failures, &[])?;
    Ok(report)
}

/// Runs the attacks that wear out memory and time, against a server with its usual limits. Returns the broken
/// promises.
async fn exhaust(harness: &Harness, options: &Options, report: &mut Report) -> anyhow::Result<Vec<String>> {
    let Options { leavers, handshakes, pollers, reactions, .. } = *options;
    let mut failures = Vec::new();

    let round = harness.round("hostile-exhaustion")?;
    let max_connections = MAX_CONNECTIONS.to_string();
    let running = round.server.start_with_usual_limits(&["--max-connections", &max_connections]).await?;
    let address = running.addresses()?.http;
    let mut witness = Witness::enter(address, &running).await?;
    let attack = exhaustion::leave_messages_behind(address, leavers);
    let label = format!("{leavers} clients that send four megabytes and leave");
    witness.measure_during(report, &label, MAX_ATTACK_KIB, attack).await?;
    let attack = exhaustion::open_handshakes(address, handshakes);
    let label = format!("{handshakes} handshakes of sessions that never enter");
    let (open, opened) = witness.measure_during(report, &label, MAX_ATTACK_KIB, attack).await?;
    report.row("— allowed", opened);
    drop(open);
    let attack = exhaustion::enter_by_polling(address, pollers);
    let label = format!("{pollers} sessions over long-polling, {MAX_CONNECTIONS} allowed");
    let entered = witness.measure_during(report, &label, MAX_ATTACK_KIB, attack).await?;
    report.row("— entered", entered);
    if entered > MAX_CONNECTIONS {
        failures.push(format!("{label}: {entered} entered"));
    }
    failures.append(&mut witness.failures);
    running.stop().await?;
    round.end(&failures, &[])?;

    let round = harness.round("hostile-reactions")?;
    let running = round.server.start(None, None).await?;
    let address = running.addresses()?.http;
    let room = RoomName::parse("reactions")?;
    exhaustion::fill_with_reactions(address, &room, reactions).await?;
    let mut witness = Witness::enter(address, &running).await?;
    let label = format!("readers of messages with {reactions} reactions");
    let attack = exhaustion::read_reactions(address, room);
    let mut pages = witness.measure_during(report, &label, MAX_ATTACK_KIB, attack).await?;
    report.times("— a page, p50 / p99 / longest", &pages);
    pages.sort();
    if pages.get(pages.len() / 2).is_none_or(|median| *median > MAX_PAGE_TIME) {
        failures.push(format!("{label}: half of the pages took more than {MAX_PAGE_TIME:?}"));
    }
    failures.append(&mut witness.failures);
    running.stop().await?;
    round.end(&failures, &[])?;
    Ok(failures)
}

/// The beginning of every text of the witness.
const WITNESS: &str = "witness: ";

/// A client that keeps sending messages.
struct Witness<'a> {
    connection: Connection,
    room: RoomName,
    running: &'a RunningServer,
    sent_count: u32,
    failures: Vec<String>,
}

impl Witness<'_> {
    async fn enter(server: SocketAddr, running: &RunningServer) -> anyhow::Result<Witness<'_>> {
        let mut connection = Connection::open(server, EngineTransport::WebSocket, &json!({})).await?;
        let room = RoomName::parse(ROOM)?;
        connection.request(&Join::new(room.clone())).await?;
        Ok(Witness { connection, room, running, sent_count: 0, failures: Vec::new() })
    }

    /// Sends messages while this attack runs; the server may grow by `bound` KiB.
    async fn measure_during<T: Send + 'static>(
        &mut self,
        report: &mut Report,
        label: &str,
        bound: u64,
        attack: impl Future<Output = anyhow::Result<T>> + Send + 'static,
    ) -> anyhow::Result<T> {
        let (before, started) = (self.running.memory()?, Instant::now());
        let (mut peak, mut times) = (before, Vec::new());
        let attack = tokio::spawn(attack);
        while !attack.is_finished() {
            times.push(self.send().await?);
            peak = peak.max(self.running.memory()?);
            sleep(SEND_INTERVAL).await;
        }
        let output = attack.await?.with_context(|| label.to_owned())?;
        let grown = peak.max(self.running.memory()?) - before;
        let seconds = started.elapsed().as_secs_f64();
        report.row(label, format!("{seconds:.1} s, memory grown by {grown} KiB at most"));
        report.times("— the witness' acknowledgements, p50 / p99 / longest", &times);
        if grown > bound {
            self.failures.push(format!("{label}: {grown} KiB, and {bound} at most was promised"));
        }
        let slow = times.iter().filter(|time| **time > MAX_ACK_TIME).count();
        if slow > 0 {
            self.failures.push(format!("{label}: {slow} acknowledgements took more than {MAX_ACK_TIME:?}"));
        }
        Ok(output)
    }

    async fn send(&mut self) -> anyhow::Result<Duration> {
        self.sent_count += 1;
        let number = self.sent_count;
        let (cid, body) = (Cid::parse(&format!("w{number}"))?, Body::parse(&format!("{WITNESS}{number}"))?);
        let sent_at = Instant::now();
        let send = SendMessage { room: self.room.clone(), cid, body, reply_to: None };
        self.connection.request_until_allowed(&send).await?;
        Ok(sent_at.elapsed())
    }
}

/// Sends a line that goes on and on. Afterwards the line transport still answers.
async fn endless_line(address: SocketAddr, mebibytes: u32) -> anyhow::Result<()> {
    let mut stream = dial(address).await?;
    let chunk = vec![b'x'; 1024 * 1024];
    for _ in 0..mebibytes {
        stream.write_all(&chunk).await?;
    }
    stream.write_all(b"\n/who\n").await?;
    let received = read_until(&mut stream, "* In lobby ").await?;
    ensure!(received.contains("\n! message_too_long"), "it was not refused: {received}");
    Ok(())
}

async fn read_until(stream: &mut TcpStream, text: &str) -> anyhow::Result<String> {
    let (mut received, mut chunk) = (String::new(), [0; 4096]);
    while !received.contains(text) {
        let read = stream.read(&mut chunk).await?;
        ensure!(read > 0, "it was hung up on before {text:?}: {received}");
        received.push_str(&String::from_utf8_lossy(&chunk[..read]));
    }
    Ok(received)
}

/// Opens connections that stay silent; they are open until they are dropped.
async fn silent_connections(address: SocketAddr, count: u32) -> anyhow::Result<Vec<TcpStream>> {
    let mut connections = Vec::new();
    for _ in 0..count {
        connections.push(dial(address).await.context("are there enough open files? see ulimit -n")?);
    }
    // Each is greeted, though it may have to wait for its turn.
    for stream in &mut connections {
        read_until(stream, "* Welcome").await?;
    }
    Ok(connections)
}

/// Sends the requests that a page of another site can make a browser send. The server cuts each.
async fn browser_posts(address: SocketAddr, count: u32) -> anyhow::Result<()> {
    for number in 0..count {
        let mut stream = dial(address).await?;
        let body = format!("/name admin\r\nhacked {number}\r\n");
        let mut request = String::from("POST / HTTP/1.1\r\n");
        write!(request, "Host: {address}\r\nContent-Length: {}\r\n\r\n{body}", body.len())?;
        // The server may cut it before everything is written.
        let _ = stream.write_all(request.as_bytes()).await;
        let mut response = Vec::new();
        let _ = stream.read_to_end(&mut response).await;
    }
    Ok(())
}

/// Floods the UDP transport with noise, forged MACs and unsigned datagrams.
async fn flood(address: SocketAddr, count: u32, mut random: StdRng) -> anyhow::Result<()> {
    let socket = UdpSocket::bind("127.0.0.1:0").await?;
    socket.connect(address).await?;
    let mut noise = [0; 900];
    for number in 0..count {
        let datagram = match number % 3 {
            0 => {
                let length = random.random_range(0..noise.len());
                random.fill(&mut noise[..length]);
                noise[..length].to_vec()
            }
            1 => {
                let (time, code) = (random.random::<u32>(), random.random::<u128>());
                format!("/mac {time} nonce-{number:08} {code:064x}\n/to lobby\nforged").into_bytes()
            }
            _ => format!("/to lobby\nunsigned {number}").into_bytes(),
        };
        // The kernel may drop it or return an error.
        let _ = socket.send(&datagram).await;
    }
    Ok(())
}
