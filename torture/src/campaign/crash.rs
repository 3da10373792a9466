//! `kill -9` at any moment, half of the time at a named point: what was acknowledged is there, once,
//! at its place, and everybody ends up with the same log. It may be the power that goes away: then
//! whatever was not synced to the disk is lost with it.
//!
//! Two hundred writers live through it: they find the server gone, come back when it is, send again
//! what was not acknowledged and ask for what they missed. Every few kills everything is compared,
//! and the next ones begin over an empty folder, so that memory stays bounded.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
};

use anyhow::bail;
use clap::Args;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use tokio::time::Duration;

use crate::{
    board::Board,
    checker::{Scope, Violation, check, check_served},
    crowd::{Crowd, Members, rooms},
    disk::Disk,
    door::{Doors, Transports},
    history::History,
    log::{self, Log},
    madang::{self, Open, Running},
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

/// Where no server is, before there is one.
const NOWHERE: Open = Open { http: CLOSED, tcp: CLOSED, udp: CLOSED };
const CLOSED: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 1);

/// How often the server may pass a point before it dies there.
const PASSAGES: u64 = 300;

/// How a crash campaign goes.
#[derive(Args, Clone, Debug)]
pub struct Plan {
    /// How many times the program is killed, or the power is cut
    #[arg(long, visible_alias = "cuts", default_value_t = 20)]
    pub kills: u32,
    /// How many clients write
    #[arg(long, default_value_t = 200)]
    pub writers: u32,
    /// By which doors they come
    #[arg(long = "door", value_enum, default_value_t)]
    pub doors: Doors,
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
    /// How long everybody may take to finish once the server stays, in seconds
    #[arg(long, default_value_t = 30)]
    pub settle: u64,
}

/// What is lost when the program is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// What it held in memory.
    Memory,
    /// Also what was written and not synced, wholly or in part.
    Unsynced,
}

/// What a campaign counts, over all its rounds.
#[derive(Debug, Default)]
pub struct Figures {
    pub kills: u32,
    pub at_points: BTreeMap<&'static str, u32>,
    pub acked: u64,
    pub stored: usize,
    pub reconnects: u64,
    pub pages: u64,
    pub first_acks: Vec<Duration>,
    pub opened: Vec<Duration>,
    pub stops: Vec<Duration>,
}

impl Figures {
    fn add(&mut self, board: &Board, stored: &Log, clients: u32) {
        self.acked += board.acked.get();
        self.reconnects += board.connections.get().saturating_sub(u64::from(clients));
        self.pages += board.pages.get();
        self.stored += stored.values().map(Vec::len).sum::<usize>();
    }
}

/// Runs the campaign.
pub async fn run(workshop: &Workshop, plan: &Plan, loss: Loss) -> anyhow::Result<Report> {
    let (mut figures, mut progress) = (Figures::default(), Progress::default());
    let (title, kills) = match loss {
        Loss::Memory => ("crash: kill -9 at any moment", "kills"),
        Loss::Unsynced => ("power: cut at any moment, unsynced writes lost or torn", "power cuts"),
    };
    let mut report = Report::new(title);
    let mut random = StdRng::seed_from_u64(workshop.seed);
    let mut violations = Vec::new();
    while figures.kills < plan.kills && violations.is_empty() {
        let round = workshop.round("crash")?;
        let kills = plan.check_every.min(plan.kills - figures.kills);
        let played = Game { plan, kills, sabotage: None, loss }
            .play(&round, &mut random, &mut figures, &mut progress)
            .await?;
        violations = played.violations;
        round.end(&violations, &played.histories)?;
    }
    report.row(kills, figures.kills);
    let at_points: u32 = figures.at_points.values().sum();
    let named: Vec<String> =
        figures.at_points.iter().map(|(point, count)| format!("{point} {count}")).collect();
    report.row("of them at failpoints", format!("{at_points} ({})", named.join(", ")));
    report.row("writers, rooms", format!("{}, {}", plan.writers, plan.rooms));
    report.row("messages acknowledged", figures.acked);
    report.row("events in the logs", figures.stored);
    report.row("reconnects", figures.reconnects);
    report.row("pages of history asked for", figures.pages);
    report.times("start to open, p50 / p99 / longest", &figures.opened);
    report.times("start to first ack, p50 / p99 / longest", &figures.first_acks);
    report.times("stop by SIGTERM under load, p50 / p99 / longest", &figures.stops);
    report.row("seconds", progress.elapsed().as_secs());
    report.judge(&violations);
    Ok(report)
}

/// One folder's time: so many kills, an orderly stop under load, then a server that stays until
/// everybody is done, and the comparison.
#[derive(Clone, Copy, Debug)]
pub struct Game<'a> {
    pub plan: &'a Plan,
    /// Without any there is no stop either: one server for all of it.
    pub kills: u32,
    /// What breaks the server for all of it.
    pub sabotage: Option<&'a str>,
    pub loss: Loss,
}

/// What came of a game.
#[derive(Debug)]
pub struct Played {
    pub violations: Vec<Violation>,
    pub histories: Vec<History>,
}

impl Game<'_> {
    /// Plays it in the folder of this round.
    pub async fn play(
        &self,
        round: &Round,
        random: &mut StdRng,
        figures: &mut Figures,
        progress: &mut Progress,
    ) -> anyhow::Result<Played> {
        let [from, to] = self.plan.seconds[..] else { bail!("--seconds takes two numbers") };
        let board = Arc::new(Board::new(NOWHERE));
        let mut disk = (self.loss == Loss::Unsynced).then(|| round.disk()).transpose()?;
        let crowd = Crowd::start(self.members(), random.random(), &board);
        for kill in 0..self.kills {
            // Every second one dies at a point.
            let point = (kill % 2 == 1).then(|| POINTS[random.random_range(0..POINTS.len())]);
            let passage = random.random_range(1..=PASSAGES);
            let fault = point.map(|point| format!("kill:{point}:{passage}"));
            let running = self.start(round, &board, fault, disk.as_ref(), figures).await?;
            let time = Duration::from_secs_f64(random.random_range(from..=to));
            match (kill_within(running, point.is_some(), time).await?, point) {
                (true, Some(point)) => *figures.at_points.entry(point).or_default() += 1,
                (true, None) => bail!("the program died by itself"),
                (false, _) => {}
            }
            if let Some(disk) = &mut disk {
                disk.lose_power(random)?;
            }
            figures.kills += 1;
            figures.first_acks.extend(board.first_ack());
            let acked = figures.acked + board.acked.get();
            progress.say(&format!("{} kills, {acked} messages acknowledged", figures.kills));
        }
        let mut running = self.start(round, &board, None, disk.as_ref(), figures).await?;
        tokio::time::sleep(Duration::from_secs_f64(to)).await;
        if self.kills > 0 {
            figures.stops.push(running.stop().await?);
            running = self.start(round, &board, None, disk.as_ref(), figures).await?;
        }
        // Who can not finish shows in the comparison, by name.
        crowd.settle(true, Duration::from_secs(self.plan.settle)).await;
        let served = log::served(running.open()?, rooms(self.plan.rooms)).await?;
        let histories = crowd.disperse().await?;
        running.stop().await?;
        let stored = log::read(&round.madang.database())?;
        figures.add(&board, &stored, self.plan.writers);
        let mut violations = check(&histories, &stored, Scope { pushes: true, settled: true });
        violations.extend(check_served(&served, &stored));
        Ok(Played { violations, histories })
    }

    fn members(&self) -> Members {
        Members {
            clients: self.plan.writers,
            rooms: self.plan.rooms,
            doors: self.plan.doors,
            transports: Transports { polling: 1, upgrading: 1 },
            pace: Duration::from_millis(self.plan.pace),
            patience: Duration::from_secs(5),
            backoff: Duration::from_millis(150),
        }
    }

    async fn start(
        &self,
        round: &Round,
        board: &Board,
        kill: Option<String>,
        disk: Option<&Disk>,
        figures: &mut Figures,
    ) -> anyhow::Result<Running> {
        let sabotage = self.sabotage.map(|name| format!("sabotage:{name}"));
        let faults: Vec<String> = sabotage.into_iter().chain(kill).collect();
        let faults = faults.join(",");
        let running = round.madang.start((!faults.is_empty()).then_some(&faults), disk).await?;
        if let Some(open) = running.open {
            figures.opened.push(running.started.elapsed());
            board.open_at(open, running.started);
        }
        Ok(running)
    }
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
