//! Makes the disk full or broken for a while, over and over: senders get a clear refusal, nothing is lost
//! or half stored, and everything goes on by itself as soon as the disk works again.

use std::{sync::Arc, time::Instant};

use anyhow::ensure;
use clap::Args;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use tokio::time::{Duration, sleep};

use crate::{
    checker::{Scope, check, check_served},
    client_group::{ClientGroup, GroupOptions, rooms},
    controls::{Controls, Counter},
    disk::DiskState,
    harness::Harness,
    log,
    report::{Progress, Report},
    transports::{EngineMix, TransportChoice},
};

/// How often the counters are read.
const POLL_INTERVAL: Duration = Duration::from_millis(5);
/// How long the server may take to notice a change of the disk.
const RECOVERY_TIMEOUT: Duration = Duration::from_secs(10);

/// Options of the campaign.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// How many times the disk is full, and how many times it is broken
    #[arg(long, default_value_t = 10)]
    pub runs: u32,
    /// How many clients write
    #[arg(long, default_value_t = 100)]
    pub writers: u32,
    /// Which transports they use
    #[arg(long = "door", value_enum, default_value_t)]
    pub transports: TransportChoice,
    /// How many rooms they write in
    #[arg(long, default_value_t = 10)]
    pub rooms: u32,
    /// How long all clients may take to finish once the disk works for good, in seconds
    #[arg(long, default_value_t = 30)]
    pub settle: u64,
}

/// Runs the campaign.
pub async fn run(harness: &Harness, options: &Options) -> anyhow::Result<Report> {
    let (mut progress, mut random) = (Progress::default(), StdRng::seed_from_u64(harness.seed));
    let round = harness.round("disk")?;
    let disk = round.disk()?;
    let running = round.server.start(None, Some(&disk)).await?;
    let controls = Arc::new(Controls::new(running.addresses()?));
    let group_options = GroupOptions {
        clients: options.writers,
        rooms: options.rooms,
        transports: options.transports,
        engine_mix: EngineMix { polling: 1, upgrading: 1 },
        pace: Duration::from_millis(100),
        reply_timeout: Duration::from_secs(5),
        max_backoff: Duration::from_millis(150),
    };
    let group = ClientGroup::start(group_options, random.random(), &controls);
    let mut recoveries = Vec::new();
    for run in 0..options.runs {
        for state in [DiskState::Full, DiskState::Broken] {
            wait_for_acks(&controls).await?;
            sleep(Duration::from_millis(random.random_range(50..300))).await;
            disk.set_state(state)?;
            let failure = format!("nobody is refused although the disk is {state:?}");
            wait_for_one_more(&controls.refusals, &failure).await?;
            sleep(Duration::from_millis(random.random_range(100..500))).await;
            disk.set_state(DiskState::Works)?;
            recoveries.push(wait_for_acks(&controls).await?);
        }
        progress.print(&format!("{} times, {} messages acknowledged", 2 * (run + 1), controls.acked.get()));
    }
    group.drain(true, Duration::from_secs(options.settle)).await;
    let served = log::read_served(running.addresses()?, rooms(options.rooms)).await?;
    let histories = group.stop().await?;
    running.stop().await?;
    let stored = log::read_database(&round.server.database())?;
    let mut violations = check(&histories, &stored, Scope { complete_pushes: true, drained: true });
    violations.extend(check_served(&served, &stored));

    let mut report = Report::new("disk: full and broken, over and over");
    report.row("times full, times broken", format!("{}, {}", options.runs, options.runs));
    report.row("writers, rooms", format!("{}, {}", options.writers, options.rooms));
    report.row("messages acknowledged", controls.acked.get());
    report.row("messages refused for a while", controls.refusals.get());
    report.times("disk works to next ack, p50 / p99 / longest", &recoveries);
    report.row("seconds", progress.elapsed().as_secs());
    report.judge(&violations);
    round.end(&violations, &histories)?;
    Ok(report)
}

/// Waits until one more message is acknowledged; returns how long that took.
async fn wait_for_acks(controls: &Controls) -> anyhow::Result<Duration> {
    wait_for_one_more(&controls.acked, "nothing is acknowledged although the disk works").await
}

/// Waits until this counter grows; returns how long that took, or fails with this message.
async fn wait_for_one_more(counter: &Counter, failure: &str) -> anyhow::Result<Duration> {
    let (started, before) = (Instant::now(), counter.get());
    while counter.get() == before {
        ensure!(started.elapsed() < RECOVERY_TIMEOUT, "{failure}");
        sleep(POLL_INTERVAL).await;
    }
    Ok(started.elapsed())
}
