//! A disk that is full or broken for a while, over and over: senders hear a clear no, nothing is
//! lost or half stored, and everything goes on by itself as soon as the disk works again.

use std::{sync::Arc, time::Instant};

use anyhow::ensure;
use clap::Args;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use tokio::time::{Duration, sleep};

use crate::{
    board::{Board, Counter},
    checker::{Scope, check, check_served},
    crowd::{Crowd, Members, rooms},
    disk::Mood,
    door::{Doors, Transports},
    log,
    report::{Progress, Report},
    workshop::Workshop,
};

/// How often is looked whether messages are refused, or acknowledged again.
const LOOK: Duration = Duration::from_millis(5);
/// How long that may take once the disk feels differently.
const RECOVERY: Duration = Duration::from_secs(10);

/// How a disk campaign goes.
#[derive(Args, Clone, Debug)]
pub struct Plan {
    /// How many times the disk is full, and how many times it is broken
    #[arg(long, default_value_t = 10)]
    pub runs: u32,
    /// How many clients write
    #[arg(long, default_value_t = 100)]
    pub writers: u32,
    /// By which doors they come
    #[arg(long = "door", value_enum, default_value_t)]
    pub doors: Doors,
    /// How many rooms they write in
    #[arg(long, default_value_t = 10)]
    pub rooms: u32,
    /// How long everybody may take to finish once the disk works for good, in seconds
    #[arg(long, default_value_t = 30)]
    pub settle: u64,
}

/// Runs the campaign.
pub async fn run(workshop: &Workshop, plan: &Plan) -> anyhow::Result<Report> {
    let (mut progress, mut random) = (Progress::default(), StdRng::seed_from_u64(workshop.seed));
    let round = workshop.round("disk")?;
    let disk = round.disk()?;
    let running = round.madang.start(None, Some(&disk)).await?;
    let board = Arc::new(Board::new(running.open()?));
    let members = Members {
        clients: plan.writers,
        rooms: plan.rooms,
        doors: plan.doors,
        transports: Transports { polling: 1, upgrading: 1 },
        pace: Duration::from_millis(100),
        patience: Duration::from_secs(5),
        backoff: Duration::from_millis(150),
    };
    let crowd = Crowd::start(members, random.random(), &board);
    let mut recoveries = Vec::new();
    for run in 0..plan.runs {
        for mood in [Mood::Full, Mood::Broken] {
            wait_for_acks(&board).await?;
            sleep(Duration::from_millis(random.random_range(50..300))).await;
            disk.feel(mood)?;
            let silence = format!("nobody is refused although the disk is {mood:?}");
            wait_for_one_more(&board.refusals, &silence).await?;
            sleep(Duration::from_millis(random.random_range(100..500))).await;
            disk.feel(Mood::Works)?;
            recoveries.push(wait_for_acks(&board).await?);
        }
        progress.say(&format!("{} times, {} messages acknowledged", 2 * (run + 1), board.acked.get()));
    }
    crowd.settle(true, Duration::from_secs(plan.settle)).await;
    let served = log::served(running.open()?, rooms(plan.rooms)).await?;
    let histories = crowd.disperse().await?;
    running.stop().await?;
    let stored = log::read(&round.madang.database())?;
    let mut violations = check(&histories, &stored, Scope { pushes: true, settled: true });
    violations.extend(check_served(&served, &stored));

    let mut report = Report::new("disk: full and broken, over and over");
    report.row("times full, times broken", format!("{}, {}", plan.runs, plan.runs));
    report.row("writers, rooms", format!("{}, {}", plan.writers, plan.rooms));
    report.row("messages acknowledged", board.acked.get());
    report.row("messages refused for a while", board.refusals.get());
    report.times("disk works to next ack, p50 / p99 / longest", &recoveries);
    report.row("seconds", progress.elapsed().as_secs());
    report.judge(&violations);
    round.end(&violations, &histories)?;
    Ok(report)
}

/// Waits until one more message is acknowledged, and tells how long that took.
async fn wait_for_acks(board: &Board) -> anyhow::Result<Duration> {
    wait_for_one_more(&board.acked, "nothing is acknowledged although the disk works").await
}

/// Waits until this was counted once more, and tells how long that took; fails with this `silence`.
async fn wait_for_one_more(counter: &Counter, silence: &str) -> anyhow::Result<Duration> {
    let (began, before) = (Instant::now(), counter.get());
    while counter.get() == before {
        ensure!(began.elapsed() < RECOVERY, "{silence}");
        sleep(LOOK).await;
    }
    Ok(began.elapsed())
}
