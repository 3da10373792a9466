//! `kill -9` at any moment, half of the time at a named point: what was acknowledged is there, once,
//! at its place, and everybody ends up with the same log.
//!
//! Two hundred writers live through it: they find the server gone, come back when it is, send again
//! what was not acknowledged and ask for what they missed. Every few kills everything is compared,
//! and the next ones begin over an empty folder, so that memory stays bounded.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use clap::Args;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use tokio::time::Duration;

use crate::{
    board::Board,
    checker::{Scope, Violation, check, check_served},
    crowd::{Crowd, Members, rooms},
    log,
    madang::{self, Running},
    report::{Progress, Report},
    workshop::{Round, Workshop},
};

/// The names of `server/src/fault.rs`.
const POINTS: [&str; 8] = [
    "before-insert",
    "after-insert",
    "before-commit",
    "after-commit",
    "before-ack",
    "after-ack",
    "before-fan-out",
    "after-fan-out",
];

/// How often the server may pass a point before it dies there.
const PASSAGES: u64 = 600;

/// How long everybody may take to finish once the server stays.
const SETTLE: Duration = Duration::from_secs(30);

/// How a crash campaign goes.
#[derive(Args, Clone, Debug)]
pub struct Plan {
    /// How many times the program is killed
    #[arg(long, default_value_t = 20)]
    pub kills: u32,
    /// How many clients write
    #[arg(long, default_value_t = 200)]
    pub writers: u32,
    /// How many rooms they write in
    #[arg(long, default_value_t = 20)]
    pub rooms: u32,
    /// The shortest and the longest time between a start and a kill, in seconds
    #[arg(long, num_args = 2, value_names = ["FROM", "TO"], default_values_t = [0.5, 1.0])]
    pub seconds: Vec<f64>,
    /// The mean time between two messages of a writer, in milliseconds
    #[arg(long, default_value_t = 250)]
    pub pace: u64,
    /// How many kills until everything is compared and the folder is emptied
    #[arg(long, default_value_t = 20)]
    pub check_every: u32,
}

/// What a campaign counts, over all its rounds.
#[derive(Debug, Default)]
pub struct Figures {
    pub kills: u32,
    pub at_points: BTreeMap<&'static str, u32>,
    pub acked: u64,
    pub stored: usize,
    pub connections: u64,
    pub pages: u64,
    pub first_acks: Vec<Duration>,
    pub opened: Vec<Duration>,
    pub stops: Vec<Duration>,
}

/// Runs the campaign.
pub async fn run(workshop: &Workshop, plan: &Plan) -> anyhow::Result<Report> {
    let (mut figures, mut progress) = (Figures::default(), Progress::default());
    let mut report = Report::new("crash: kill -9 at any moment");
    let mut random = StdRng::seed_from_u64(workshop.seed);
    while figures.kills < plan.kills && report.is_clean() {
        let kills = plan.check_every.min(plan.kills - figures.kills);
        let round = workshop.round("crash")?;
        report.violations = play(round, plan, kills, None, &mut random, &mut figures, &mut progress).await?;
    }
    report.row("kills", figures.kills);
    let at_points: u32 = figures.at_points.values().sum();
    let named: Vec<String> =
        figures.at_points.iter().map(|(point, count)| format!("{point} {count}")).collect();
    report.row("of them at failpoints", format!("{at_points} ({})", named.join(", ")));
    report.row("writers, rooms", format!("{}, {}", plan.writers, plan.rooms));
    report.row("messages acknowledged", figures.acked);
    report.row("events in the logs", figures.stored);
    report.row("connections made", figures.connections);
    report.row("pages of history asked for", figures.pages);
    report.times("start to open, p50 / p99 / longest", &figures.opened);
    report.times("start to first ack, p50 / p99 / longest", &figures.first_acks);
    report.times("stop by SIGTERM, p50 / p99 / longest", &figures.stops);
    report.row("seconds", progress.elapsed().as_secs());
    Ok(report)
}

/// One folder's time: so many kills, then a server that stays until everybody is done, then the
/// comparison. `sabotage` breaks the server for all of it.
pub async fn play(
    round: Round,
    plan: &Plan,
    kills: u32,
    sabotage: Option<&str>,
    random: &mut StdRng,
    figures: &mut Figures,
    progress: &mut Progress,
) -> anyhow::Result<Vec<Violation>> {
    let nowhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
    let board = Arc::new(Board::new(nowhere));
    let members = Members {
        clients: plan.writers,
        rooms: plan.rooms,
        polling: 1,
        upgrading: 1,
        pace: Duration::from_millis(plan.pace),
        patience: Duration::from_secs(5),
        backoff: Duration::from_millis(150),
    };
    let crowd = Crowd::start(members, random.random(), &board);
    for kill in 0..kills {
        let point = (kill % 2 == 1).then(|| POINTS[random.random_range(0..POINTS.len())]);
        let passage = random.random_range(1..=PASSAGES);
        let faults = [sabotage.map(str::to_owned), point.map(|point| format!("kill:{point}:{passage}"))];
        let running = start(&round, &board, faults, figures).await?;
        let time = Duration::from_secs_f64(random.random_range(plan.seconds[0]..=plan.seconds[1]));
        if kill_within(running, point.is_some(), time).await? {
            *figures.at_points.entry(point.unwrap_or_default()).or_default() += 1;
        }
        figures.kills += 1;
        figures.first_acks.extend(board.first_ack());
        let acked = figures.acked + board.acked.get();
        progress.say(&format!("{} kills, {acked} messages acknowledged", figures.kills));
    }
    let running = start(&round, &board, [sabotage.map(str::to_owned), None], figures).await?;
    if kills == 0 {
        tokio::time::sleep(Duration::from_secs_f64(plan.seconds[1])).await;
    }
    crowd.settle(true, SETTLE).await;
    let served = log::served(running.open()?, rooms(plan.rooms)).await?;
    let histories = crowd.disperse().await?;
    figures.stops.push(running.stop().await?);
    let stored = log::read(&round.madang.database())?;
    figures.acked += board.acked.get();
    figures.connections += board.connections.get();
    figures.pages += board.pages.get();
    figures.stored += stored.values().map(Vec::len).sum::<usize>();
    let mut violations = check(&histories, &stored, Scope { pushes: true, settled: true });
    violations.extend(check_served(&served, &stored));
    round.end(&violations, &histories)?;
    Ok(violations)
}

async fn start(
    round: &Round,
    board: &Board,
    faults: [Option<String>; 2],
    figures: &mut Figures,
) -> anyhow::Result<Running> {
    let faults: Vec<String> = faults.into_iter().flatten().collect();
    let faults = faults.join(",");
    let running = round.madang.start((!faults.is_empty()).then_some(&faults)).await?;
    if let Some(address) = running.address {
        figures.opened.push(running.started.elapsed());
        board.open_at(address, running.started);
    }
    Ok(running)
}

/// Kills the program after this time, unless it dies at its failpoint before, which is told.
async fn kill_within(mut running: Running, at_point: bool, time: Duration) -> anyhow::Result<bool> {
    // A failpoint is met by its own count; the time is only the longest it may take.
    let longest = if at_point { time * 2 } else { time };
    match running.dies_within(longest).await? {
        Some(status) => madang::was_killed(status).map(|()| true),
        None => running.kill().await.map(|()| false),
    }
}
