//! Kills the server with SIGKILL at any moment, every second time at a failpoint: what was acknowledged
//! must be in the log, once, at its number, and every client must end with the same log. In the power
//! campaign, writes that were not synced to the disk are lost as well.
//!
//! Two hundred clients run through it: they find the server gone, reconnect when it is back, send again
//! what was not acknowledged and request what they missed. Every few kills everything is compared and the
//! next round begins over an empty folder, which bounds the memory.

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
    checker::{Scope, Violation, check, check_served},
    client_group::{ClientGroup, GroupOptions, rooms},
    controls::Controls,
    disk::Disk,
    harness::{Harness, Round},
    history::History,
    log::{self, Log},
    report::{Progress, Report},
    server::{self, RunningServer, ServerAddresses},
    transports::{EngineMix, TransportChoice},
};

/// The names in `server/src/failpoint.rs`.
const FAILPOINTS: [&str; 8] = [
    "before-insert",
    "after-insert",
    "before-commit",
    "after-commit",
    "before-ack",
    "after-ack",
    "before-fan-out",
    "after-fan-out",
];

/// The addresses before the first start: nothing listens there.
const NO_SERVER: ServerAddresses = ServerAddresses { http: CLOSED_PORT, tcp: CLOSED_PORT, udp: CLOSED_PORT };
const CLOSED_PORT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 1);

/// How often the server may pass a failpoint before it dies there.
const MAX_PASSES: u64 = 300;

/// Options of the campaign.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// How many times the program is killed, or the power is cut
    #[arg(long, visible_alias = "cuts", default_value_t = 20)]
    pub kills: u32,
    /// How many clients write
    #[arg(long, default_value_t = 200)]
    pub writers: u32,
    /// Which transports they use
    #[arg(long = "door", value_enum, default_value_t)]
    pub transports: TransportChoice,
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
    /// How long all clients may take to finish once the server stays up, in seconds
    #[arg(long, default_value_t = 30)]
    pub settle: u64,
}

/// What is lost when the program is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// The program's memory.
    Memory,
    /// Also what was written and not synced, wholly or in part.
    Unsynced,
}

/// Counters over all rounds of a campaign.
#[derive(Debug, Default)]
pub struct Stats {
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

impl Stats {
    fn add(&mut self, controls: &Controls, stored: &Log, clients: u32) {
        self.acked += controls.acked.get();
        self.reconnects += controls.connections.get().saturating_sub(u64::from(clients));
        self.pages += controls.history_pages.get();
        self.stored += stored.values().map(Vec::len).sum::<usize>();
    }
}

/// Runs the campaign.
pub async fn run(harness: &Harness, options: &Options, loss: Loss) -> anyhow::Result<Report> {
    let (mut stats, mut progress) = (Stats::default(), Progress::default());
    let (title, kills) = match loss {
        Loss::Memory => ("crash: kill -9 at any moment", "kills"),
        Loss::Unsynced => ("power: cut at any moment, unsynced writes lost or torn", "power cuts"),
    };
    let mut report = Report::new(title);
    let mut random = StdRng::seed_from_u64(harness.seed);
    let mut violations = Vec::new();
    while stats.kills < options.kills && violations.is_empty() {
        let round = harness.round("crash")?;
        let kills = options.check_every.min(options.kills - stats.kills);
        let result = CrashRound { options, kills, sabotage: None, loss }
            .run(&round, &mut random, &mut stats, &mut progress)
            .await?;
        violations = result.violations;
        round.end(&violations, &result.histories)?;
    }
    report.row(kills, stats.kills);
    let at_points: u32 = stats.at_points.values().sum();
    let named: Vec<String> =
        stats.at_points.iter().map(|(point, count)| format!("{point} {count}")).collect();
    report.row("of them at failpoints", format!("{at_points} ({})", named.join(", ")));
    report.row("writers, rooms", format!("{}, {}", options.writers, options.rooms));
    report.row("messages acknowledged", stats.acked);
    report.row("events in the logs", stats.stored);
    report.row("reconnects", stats.reconnects);
    report.row("pages of history asked for", stats.pages);
    report.times("start to open, p50 / p99 / longest", &stats.opened);
    report.times("start to first ack, p50 / p99 / longest", &stats.first_acks);
    report.times("stop by SIGTERM under load, p50 / p99 / longest", &stats.stops);
    report.row("seconds", progress.elapsed().as_secs());
    report.judge(&violations);
    Ok(report)
}

/// One data folder: a number of kills, an orderly stop under load, then a server that stays up until the
/// clients have finished, and the comparison.
#[derive(Clone, Copy, Debug)]
pub struct CrashRound<'a> {
    pub options: &'a Options,
    /// With none there is no stop either: one server runs all the time.
    pub kills: u32,
    /// The sabotage that stays active in every start.
    pub sabotage: Option<&'a str>,
    pub loss: Loss,
}

/// The outcome of a round.
#[derive(Debug)]
pub struct RoundResult {
    pub violations: Vec<Violation>,
    pub histories: Vec<History>,
}

impl CrashRound<'_> {
    /// Runs it in the folder of this round.
    pub async fn run(
        &self,
        round: &Round,
        random: &mut StdRng,
        stats: &mut Stats,
        progress: &mut Progress,
    ) -> anyhow::Result<RoundResult> {
        let [from, to] = self.options.seconds[..] else { bail!("--seconds takes two numbers") };
        let controls = Arc::new(Controls::new(NO_SERVER));
        let mut disk = (self.loss == Loss::Unsynced).then(|| round.disk()).transpose()?;
        let group = ClientGroup::start(self.group_options(), random.random(), &controls);
        for kill in 0..self.kills {
            // Every second kill happens at a failpoint.
            let point = (kill % 2 == 1).then(|| FAILPOINTS[random.random_range(0..FAILPOINTS.len())]);
            let nth_pass = random.random_range(1..=MAX_PASSES);
            let failpoint = point.map(|point| format!("kill:{point}:{nth_pass}"));
            let running = self.start(round, &controls, failpoint, disk.as_ref(), stats).await?;
            let time = Duration::from_secs_f64(random.random_range(from..=to));
            match (kill_within(running, point.is_some(), time).await?, point) {
                (true, Some(point)) => *stats.at_points.entry(point).or_default() += 1,
                (true, None) => bail!("the program died by itself"),
                (false, _) => {}
            }
            if let Some(disk) = &mut disk {
                disk.lose_power(random)?;
            }
            stats.kills += 1;
            stats.first_acks.extend(controls.first_ack());
            let acked = stats.acked + controls.acked.get();
            progress.print(&format!("{} kills, {acked} messages acknowledged", stats.kills));
        }
        let mut running = self.start(round, &controls, None, disk.as_ref(), stats).await?;
        tokio::time::sleep(Duration::from_secs_f64(to)).await;
        if self.kills > 0 {
            stats.stops.push(running.stop().await?);
            running = self.start(round, &controls, None, disk.as_ref(), stats).await?;
        }
        // Clients that do not finish are reported by the checker, by name.
        group.drain(true, Duration::from_secs(self.options.settle)).await;
        let served = log::read_served(running.addresses()?, rooms(self.options.rooms)).await?;
        let histories = group.stop().await?;
        running.stop().await?;
        let stored = log::read_database(&round.server.database())?;
        stats.add(&controls, &stored, self.options.writers);
        let mut violations = check(&histories, &stored, Scope { complete_pushes: true, drained: true });
        violations.extend(check_served(&served, &stored));
        Ok(RoundResult { violations, histories })
    }

    fn group_options(&self) -> GroupOptions {
        GroupOptions {
            clients: self.options.writers,
            rooms: self.options.rooms,
            transports: self.options.transports,
            engine_mix: EngineMix { polling: 1, upgrading: 1 },
            pace: Duration::from_millis(self.options.pace),
            reply_timeout: Duration::from_secs(5),
            max_backoff: Duration::from_millis(150),
        }
    }

    async fn start(
        &self,
        round: &Round,
        controls: &Controls,
        kill: Option<String>,
        disk: Option<&Disk>,
        stats: &mut Stats,
    ) -> anyhow::Result<RunningServer> {
        let sabotage = self.sabotage.map(|name| format!("sabotage:{name}"));
        let failpoints: Vec<String> = sabotage.into_iter().chain(kill).collect();
        let failpoints = failpoints.join(",");
        let running = round.server.start((!failpoints.is_empty()).then_some(&failpoints), disk).await?;
        if let Some(addresses) = running.addresses {
            stats.opened.push(running.started_at.elapsed());
            controls.server_started(addresses, running.started_at);
        }
        Ok(running)
    }
}

/// Kills the program after this time; returns whether it died at its failpoint before.
async fn kill_within(mut running: RunningServer, at_point: bool, time: Duration) -> anyhow::Result<bool> {
    // The failpoint's count decides when it dies; the time only bounds the wait.
    let limit = if at_point { time * 2 } else { time };
    match running.exits_within(limit).await? {
        Some(status) => server::expect_killed(status).map(|()| true),
        None => running.kill().await.map(|()| false),
    }
}
