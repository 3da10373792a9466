//! A bad network between the clients and the server: connections are reset, closed, cut in the middle of a
//! frame, a poll or an upgrade, left half-open or delayed, and events and replies vanish.
//!
//! A push may be lost here, so complete pushes are not required. Required is that every client ends with
//! the whole log; how fast a silent loss was repaired is measured. At the end the very last event of each
//! room is dropped: only the heartbeat can reveal it, and must do so in time.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::ensure;
use clap::Args;
use common::{
    message::{Body, Cid},
    protocol::command::{Join, Send},
    room::RoomName,
};
use serde_json::json;

use crate::{
    checker::{Scope, check, check_served},
    client_group::{ClientGroup, GroupOptions, rooms},
    controls::Controls,
    engineio::EngineTransport,
    harness::Harness,
    history::{History, Outcome, RoomConnection, RoomHistory, SentMessage},
    log,
    proxy::{DroppedEvent, Mode, Proxy},
    report::{Progress, Report, verdict},
    server::ServerAddresses,
    socketio::Connection,
    transports::{EngineMix, TransportChoice},
};

/// How long all clients may take to finish once the proxy forwards everything: an idle client notices a
/// half-open connection by its silence, after 25 seconds.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(30);

/// How long the heartbeat may take to repair the loss of a last event.
const HEARTBEAT_LIMIT: Duration = Duration::from_secs(20);

/// Options of the campaign.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// How many connections are cut
    #[arg(long, default_value_t = 100)]
    pub cuts: u64,
    /// How many clients write
    #[arg(long, default_value_t = 60)]
    pub writers: u32,
    /// Which transports they use
    #[arg(long = "door", value_enum, default_value_t)]
    pub transports: TransportChoice,
    /// How many rooms they write in
    #[arg(long, default_value_t = 6)]
    pub rooms: u32,
    /// The mean time between two messages of a writer, in milliseconds
    #[arg(long, default_value_t = 100)]
    pub pace: u64,
    /// How long a connection works before a fault, at the mean, in milliseconds
    #[arg(long, default_value_t = 1_000)]
    pub life: u64,
}

/// Runs the campaign.
pub async fn run(harness: &Harness, options: &Options) -> anyhow::Result<Report> {
    let mut progress = Progress::default();
    let round = harness.round("network")?;
    let running = round.server.start(None, None).await?;
    let server = running.addresses()?;
    let life = Duration::from_millis(options.life);
    let proxy = Proxy::start(server.http, life, harness.seed).await?;
    let line_proxy = Proxy::start(server.tcp, life, !harness.seed).await?;
    let set_mode = |mode| [&proxy, &line_proxy].into_iter().for_each(|proxy| proxy.set_mode(mode));
    let cuts = || proxy.cuts() + line_proxy.cuts();
    let controls =
        Arc::new(Controls::new(ServerAddresses { http: proxy.address, tcp: line_proxy.address, ..server }));
    let group = ClientGroup::start(group_options(options), harness.seed, &controls);

    set_mode(Mode::InjectFaults);
    while cuts() < options.cuts {
        tokio::time::sleep(Duration::from_millis(50)).await;
        progress.print(&format!("{} cuts, {} messages acknowledged", cuts(), controls.acked.get()));
    }
    set_mode(Mode::Forward);
    let (mut fault_counts, dropped) = (proxy.fault_counts(), proxy.dropped_events());
    for (fault, count) in line_proxy.fault_counts() {
        *fault_counts.entry(fault).or_default() += count;
    }
    group.drain(false, DRAIN_TIMEOUT).await;
    set_mode(Mode::DropEvents);
    let sent_at = Instant::now();
    let stranger = send_final_messages(server, &rooms(options.rooms), &controls).await?;
    let remaining = HEARTBEAT_LIMIT.saturating_sub(sent_at.elapsed());
    let repaired = group.drain(false, remaining).await.then(|| sent_at.elapsed());

    let served = log::read_served(server, rooms(options.rooms)).await?;
    let mut histories = group.stop().await?;
    running.stop().await?;
    let stored = log::read_database(&round.server.database())?;
    let repairs = repairs(&dropped, &histories);
    histories.push(stranger);
    let mut violations = check(&histories, &stored, Scope { complete_pushes: false, drained: true });
    violations.extend(check_served(&served, &stored));

    let mut report = Report::new("network: cut, delayed, swallowed");
    report.row("connections cut", format!("{} ({} of them lines)", cuts(), line_proxy.cuts()));
    for (fault, count) in fault_counts {
        report.row(fault.name(), count);
    }
    report.row("writers, rooms", format!("{}, {}", options.writers, options.rooms));
    report.row("messages acknowledged", controls.acked.get());
    report.row("reconnects", controls.connections.get().saturating_sub(u64::from(options.writers)));
    report.row("pages of history asked for", controls.history_pages.get());
    report.times("silent loss until repaired, p50 / p99 / longest", &repairs);
    let limit = HEARTBEAT_LIMIT.as_secs();
    report.row(
        "silent loss of the last event until everybody had it",
        repaired.map_or(format!("more than {limit} s"), |time| format!("{:.1} s", time.as_secs_f64())),
    );
    report.row("seconds", progress.elapsed().as_secs());
    let late =
        repaired.is_none().then(|| format!("not everybody had the last event {limit} s after it was sent"));
    let failures: Vec<String> = late.into_iter().chain(violations.iter().map(ToString::to_string)).collect();
    round.end(&failures, &histories)?;
    report.conclude(verdict(&violations), failures);
    Ok(report)
}

fn group_options(options: &Options) -> GroupOptions {
    GroupOptions {
        clients: options.writers,
        rooms: options.rooms,
        transports: options.transports,
        engine_mix: EngineMix { polling: 3, upgrading: 2 },
        pace: Duration::from_millis(options.pace),
        reply_timeout: Duration::from_secs(2),
        max_backoff: Duration::from_millis(200),
    }
}

/// Sends one message in each room, past the proxy.
async fn send_final_messages(
    server: ServerAddresses,
    rooms: &[RoomName],
    controls: &Controls,
) -> anyhow::Result<History> {
    let mut connection = Connection::open(server.http, EngineTransport::WebSocket, &json!({})).await?;
    let mut history = History { client: "stranger".to_owned(), ..History::default() };
    for room in rooms {
        connection.request(&Join::new(room.clone())).await?;
        let (cid, body) = (Cid::parse("last-words")?, Body::parse("마지막 말")?);
        let sent = Instant::now();
        let send = Send::new(room.clone(), cid.clone(), body.clone());
        let reply = connection.request(&send).await?;
        ensure!(reply.cid == cid, "the answer is for another message");
        let at = Instant::now();
        controls.record_ack(server, at);
        controls.record_final_message(room, reply.seq, body.clone());
        let outcome = Outcome::Acked { at, seq: reply.seq };
        history.rooms.entry(room.clone()).or_default().messages.push(SentMessage {
            cid,
            body,
            first_sent: Some(sent),
            outcome,
        });
    }
    Ok(history)
}

/// Returns how long each client took to apply the events that were dropped on their way to it.
fn repairs(dropped: &[DroppedEvent], histories: &[History]) -> Vec<Duration> {
    let mut by_address: HashMap<SocketAddr, Vec<(&RoomConnection, &RoomHistory)>> = HashMap::new();
    for room_history in histories.iter().flat_map(|history| history.rooms.values()) {
        for connection in &room_history.connections {
            by_address.entry(connection.local_address).or_default().push((connection, room_history));
        }
    }
    let repair = |lost: &DroppedEvent| {
        // The system reuses ports, so take the last connection that was opened before the loss.
        let connections = by_address
            .get(&lost.local_address)?
            .iter()
            .filter(|(connection, _)| connection.opened_at <= lost.at);
        let (_, room_history) = connections.max_by_key(|(connection, _)| connection.opened_at)?;
        let applied = room_history.applied.binary_search_by_key(&lost.seq, |applied| applied.seq).ok()?;
        room_history.applied[applied].at.checked_duration_since(lost.at)
    };
    dropped.iter().filter_map(repair).collect()
}
