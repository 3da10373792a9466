//! The worst network between the clients and the server: connections are reset, closed, cut in the
//! middle of a frame, a poll or an upgrade, left half-open, delayed, and events and answers vanish.
//!
//! A connection may miss a push here, so it is not asked whether it was told everything; that
//! everybody ends up with the whole log is, and how fast a silent loss was repaired. In the end even
//! the very last event of each room is swallowed: only the heartbeat can tell of it, and must in time.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::ensure;
use clap::Args;
use common::{
    event::{Join, Send},
    message::{Body, Cid},
    room::RoomName,
};
use serde_json::json;

use crate::{
    board::Board,
    checker::{Scope, check, check_served},
    connection::Connection,
    crowd::{Crowd, Members, rooms},
    door::{Doors, Transports},
    history::{History, Outcome, RoomHistory, Said, Stay},
    line::Transport,
    log,
    madang::Open,
    proxy::{Mood, Proxy, Swallowed},
    report::{Progress, Report, verdict},
    workshop::Workshop,
};

/// How long everybody may take to finish once the network is honest: somebody with nothing to say
/// notices a half-open connection by its silence, after 25 seconds.
const SETTLE: Duration = Duration::from_secs(30);

/// How long the heartbeat may take to repair the loss of a last event.
const HEARTBEAT: Duration = Duration::from_secs(20);

/// How a network campaign goes.
#[derive(Args, Clone, Debug)]
pub struct Plan {
    /// How many connections are cut
    #[arg(long, default_value_t = 100)]
    pub cuts: u64,
    /// How many clients write
    #[arg(long, default_value_t = 60)]
    pub writers: u32,
    /// By which doors they come
    #[arg(long = "door", value_enum, default_value_t)]
    pub doors: Doors,
    /// How many rooms they write in
    #[arg(long, default_value_t = 6)]
    pub rooms: u32,
    /// The mean time between two messages of a writer, in milliseconds
    #[arg(long, default_value_t = 100)]
    pub pace: u64,
    /// How long a connection is treated well, at the mean, in milliseconds
    #[arg(long, default_value_t = 1_000)]
    pub life: u64,
}

/// Runs the campaign.
pub async fn run(workshop: &Workshop, plan: &Plan) -> anyhow::Result<Report> {
    let mut progress = Progress::default();
    let round = workshop.round("network")?;
    let running = round.madang.start(None, None).await?;
    let server = running.open()?;
    let life = Duration::from_millis(plan.life);
    let proxy = Proxy::start(server.http, life, workshop.seed).await?;
    let lines = Proxy::start(server.tcp, life, !workshop.seed).await?;
    let be = |mood| [&proxy, &lines].into_iter().for_each(|proxy| proxy.be(mood));
    let cuts = || proxy.cuts() + lines.cuts();
    let board = Arc::new(Board::new(Open { http: proxy.address, tcp: lines.address, ..server }));
    let crowd = Crowd::start(members(plan), workshop.seed, &board);

    be(Mood::Cruel);
    while cuts() < plan.cuts {
        tokio::time::sleep(Duration::from_millis(50)).await;
        progress.say(&format!("{} cuts, {} messages acknowledged", cuts(), board.acked.get()));
    }
    be(Mood::Honest);
    let (mut done, swallowed) = (proxy.done(), proxy.swallowed());
    for (fault, count) in lines.done() {
        *done.entry(fault).or_default() += count;
    }
    crowd.settle(false, SETTLE).await;
    be(Mood::Deaf);
    let said = Instant::now();
    let stranger = say_last_words(server, &rooms(plan.rooms), &board).await?;
    let left = HEARTBEAT.saturating_sub(said.elapsed());
    let repaired = crowd.settle(false, left).await.then(|| said.elapsed());

    let served = log::served(server, rooms(plan.rooms)).await?;
    let mut histories = crowd.disperse().await?;
    running.stop().await?;
    let stored = log::read(&round.madang.database())?;
    let repairs = repairs(&swallowed, &histories);
    histories.push(stranger);
    let mut violations = check(&histories, &stored, Scope { pushes: false, settled: true });
    violations.extend(check_served(&served, &stored));

    let mut report = Report::new("network: cut, delayed, swallowed");
    report.row("connections cut", format!("{} ({} of them lines)", cuts(), lines.cuts()));
    for (fault, count) in done {
        report.row(fault.name(), count);
    }
    report.row("writers, rooms", format!("{}, {}", plan.writers, plan.rooms));
    report.row("messages acknowledged", board.acked.get());
    report.row("reconnects", board.connections.get().saturating_sub(u64::from(plan.writers)));
    report.row("pages of history asked for", board.pages.get());
    report.times("silent loss until repaired, p50 / p99 / longest", &repairs);
    let limit = HEARTBEAT.as_secs();
    report.row(
        "silent loss of the last event until everybody had it",
        repaired.map_or(format!("more than {limit} s"), |time| format!("{:.1} s", time.as_secs_f64())),
    );
    report.row("seconds", progress.elapsed().as_secs());
    let late =
        repaired.is_none().then(|| format!("not everybody had the last event {limit} s after it was said"));
    let failures: Vec<String> = late.into_iter().chain(violations.iter().map(ToString::to_string)).collect();
    round.end(&failures, &histories)?;
    report.conclude(verdict(&violations), failures);
    Ok(report)
}

fn members(plan: &Plan) -> Members {
    Members {
        clients: plan.writers,
        rooms: plan.rooms,
        doors: plan.doors,
        transports: Transports { polling: 3, upgrading: 2 },
        pace: Duration::from_millis(plan.pace),
        patience: Duration::from_secs(2),
        backoff: Duration::from_millis(200),
    }
}

/// Somebody who is not behind the proxy says one thing in each room.
async fn say_last_words(server: Open, rooms: &[RoomName], board: &Board) -> anyhow::Result<History> {
    let mut connection = Connection::open(server.http, Transport::WebSocket, &json!({})).await?;
    let mut history = History { client: "stranger".to_owned(), ..History::default() };
    for room in rooms {
        connection.ask(&Join::new(room.clone())).await?;
        let (cid, body) = (Cid::parse("last-words")?, Body::parse("마지막 말")?);
        let sent = Instant::now();
        let send = Send::new(room.clone(), cid.clone(), body.clone());
        let answer = connection.ask(&send).await?;
        ensure!(answer.cid == cid, "the answer is for another message");
        let at = Instant::now();
        board.note_ack(server, at);
        board.note_end(room, answer.seq, body.clone());
        let outcome = Outcome::Acked { at, seq: answer.seq };
        history.rooms.entry(room.clone()).or_default().said.push(Said {
            cid,
            body,
            sent: Some(sent),
            outcome,
        });
    }
    Ok(history)
}

/// How long it took each client until it had what was swallowed on its way to it.
fn repairs(swallowed: &[Swallowed], histories: &[History]) -> Vec<Duration> {
    let mut by_line: HashMap<SocketAddr, Vec<(&Stay, &RoomHistory)>> = HashMap::new();
    for inside in histories.iter().flat_map(|history| history.rooms.values()) {
        for stay in &inside.stays {
            by_line.entry(stay.line).or_default().push((stay, inside));
        }
    }
    let repair = |lost: &Swallowed| {
        // The system gives a port to another connection later.
        let stays = by_line.get(&lost.line)?.iter().filter(|(stay, _)| stay.began <= lost.at);
        let (_, inside) = stays.max_by_key(|(stay, _)| stay.began)?;
        let applied = inside.applied.binary_search_by_key(&lost.seq, |applied| applied.seq).ok()?;
        inside.applied[applied].at.checked_duration_since(lost.at)
    };
    swallowed.iter().filter_map(repair).collect()
}
