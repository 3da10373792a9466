//! Races for the last seats of a room: never more people than seats, never a seat that stays empty while a
//! person asks for it, and none that is lost for ever.
//!
//! In a rush everybody joins at once, so exactly as many get in as there are seats. In the other kind of
//! race people leave while others join. They leave in four ways: with the command, with a disconnect from
//! the namespace, by closing the connection or with a reset. After each race every seat must be free again.
//! Connections are reused from race to race.

use std::{
    ops::RangeInclusive,
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use clap::Args;
use common::{
    protocol::{
        command::{Join, Leave},
        reply::Joined,
    },
    refusal::Refusal,
    room::{RoomName, Seats},
};
use futures_util::future::{join_all, try_join_all};
use rand::{RngExt, SeedableRng, rngs::StdRng, seq::SliceRandom};
use serde_json::json;

use crate::{
    engineio::EngineTransport,
    harness::Harness,
    report::{Progress, Report},
    socketio::{Connection, RequestError},
};

/// How many people race at once.
const JOINERS: RangeInclusive<usize> = 2..=100;
/// How many seats they race for.
const SEATS: RangeInclusive<u16> = 1..=20;
/// How long a seat may take to become free.
const SEAT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long to wait before the next join when the seats should be free.
const RETRY_INTERVAL: Duration = Duration::from_millis(2);
/// How often each person joins and leaves in one race.
const STAYS_EACH: usize = 3;
/// How long a person keeps a seat, or waits before the next join, in milliseconds.
const STAY_MILLIS: RangeInclusive<u64> = 0..=10;

/// Options of the campaign.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// How many races are run
    #[arg(long, default_value_t = 200)]
    pub races: u32,
}

/// Counters of a campaign.
#[derive(Debug, Default)]
struct Stats {
    joins: AtomicUsize,
    entered: AtomicUsize,
    seats_free_after: Vec<Duration>,
    failures: Vec<String>,
}

/// Runs the campaign.
pub async fn run(harness: &Harness, options: &Options) -> anyhow::Result<Report> {
    let round = harness.round("seats")?;
    let running = round.server.start(None, None).await?;
    let mut pool = Pool { address: running.addresses()?.http, idle: Vec::new() };
    let (mut stats, mut progress) = (Stats::default(), Progress::default());
    let mut random = StdRng::seed_from_u64(harness.seed);
    let (mut rushes, mut done) = (0, 0);
    while done < options.races && stats.failures.is_empty() {
        let race = Race::new(random.random_range(SEATS))?;
        pool.idle.shuffle(&mut random);
        let people = pool.take(random.random_range(JOINERS)).await?;
        let is_rush = random.random();
        let left = if is_rush {
            rushes += 1;
            race.rush(people, &mut random, &mut stats).await
        } else {
            race.join_and_leave(people, &mut random, &mut stats).await
        };
        pool.idle.extend(left);
        race.check_all_seats_free(&mut pool, &mut stats).await?;
        done += 1;
        progress.print(&format!("{done} races, {} joins", stats.joins.load(Ordering::Relaxed)));
    }
    drop(pool);
    running.stop().await?;

    let mut report = Report::new("seats: races for the last one");
    report.row("races", done);
    report.row("of them rushes, comings and goings", format!("{rushes}, {}", done - rushes));
    report.row("people in a race, seats", format!("{JOINERS:?}, {SEATS:?}"));
    report.row("joins asked for", stats.joins.load(Ordering::Relaxed));
    report.row("of them let in", stats.entered.load(Ordering::Relaxed));
    report.times("all seats back, p50 / p99 / longest", &stats.seats_free_after);
    report.row("seconds", progress.elapsed().as_secs());
    let verdict = match stats.failures.len() {
        0 => "0 over capacity, 0 seats lost".to_owned(),
        failures => format!("{failures} races went wrong"),
    };
    if stats.failures.is_empty() {
        round.remove()?;
    }
    report.conclude(verdict, stats.failures);
    Ok(report)
}

/// Connections that wait for a race. They are guests, so no seat is kept for them.
struct Pool {
    address: std::net::SocketAddr,
    idle: Vec<Connection>,
}

impl Pool {
    /// Takes this many connections, and opens those that are missing.
    async fn take(&mut self, count: usize) -> Result<Vec<Connection>, RequestError> {
        let missing = count.saturating_sub(self.idle.len());
        let auth = json!({});
        let new = (0..missing).map(|_| Connection::open(self.address, EngineTransport::WebSocket, &auth));
        self.idle.extend(try_join_all(new).await?);
        Ok(self.idle.split_off(self.idle.len() - count))
    }
}

/// A race for one room. Later races use the same rooms, so they find what an earlier one broke.
struct Race {
    join: Join,
    seats: usize,
}

impl Race {
    fn new(seats: u16) -> anyhow::Result<Race> {
        let room = RoomName::parse(&format!("{seats}자리"))?;
        let join = Join { seats: Some(Seats::parse(seats)?), ..Join::new(room) };
        Ok(Race { join, seats: usize::from(seats) })
    }

    /// Everybody joins at once.
    async fn rush(
        &self,
        mut people: Vec<Connection>,
        random: &mut StdRng,
        stats: &mut Stats,
    ) -> Vec<Connection> {
        let joins = join_all(people.iter_mut().map(|person| self.try_join(person, stats))).await;
        let entered = joins.iter().filter(|joined| matches!(joined, Ok(true))).count();
        stats.failures.extend(joins.iter().filter_map(|joined| joined.clone().err()));
        let due = self.seats.min(people.len());
        if entered != due {
            stats.failures.push(format!(
                "{} joined a room of {} at once and {entered} were let in, not {due}",
                people.len(),
                self.seats
            ));
        }
        let methods: Vec<LeaveMethod> = joins.iter().map(|_| LeaveMethod::random(random)).collect();
        let leaving =
            people.into_iter().zip(joins).zip(methods).map(|((person, joined), method)| async move {
                if joined == Ok(true) { self.leave(person, method).await } else { Some(person) }
            });
        join_all(leaving).await.into_iter().flatten().collect()
    }

    /// People join and leave while others do.
    async fn join_and_leave(
        &self,
        people: Vec<Connection>,
        random: &mut StdRng,
        stats: &mut Stats,
    ) -> Vec<Connection> {
        let seated = AtomicUsize::new(0);
        let stays: Vec<[Stay; STAYS_EACH]> =
            people.iter().map(|_| std::array::from_fn(|_| Stay::random(random))).collect();
        let counted = &*stats;
        let stays = people.into_iter().zip(stays).map(|(person, stays)| {
            let seated = &seated;
            async move {
                let (mut person, mut failures) = (Some(person), Vec::new());
                for stay in stays {
                    let Some(mut connection) = person.take() else { break };
                    match self.try_join(&mut connection, counted).await {
                        Ok(true) => {
                            let now = seated.fetch_add(1, Ordering::SeqCst) + 1;
                            if now > self.seats {
                                failures.push(format!("{now} are in a room of {}", self.seats));
                            }
                            tokio::time::sleep(stay.duration).await;
                            // Counted before leaving: at this moment the person certainly has a seat.
                            seated.fetch_sub(1, Ordering::SeqCst);
                            person = self.leave(connection, stay.method).await;
                        }
                        Ok(false) => {
                            tokio::time::sleep(stay.duration).await;
                            person = Some(connection);
                        }
                        Err(failure) => failures.push(failure),
                    }
                }
                (person, failures)
            }
        });
        let (left, failures): (Vec<_>, Vec<_>) = join_all(stays).await.into_iter().unzip();
        stats.failures.extend(failures.into_iter().flatten());
        left.into_iter().flatten().collect()
    }

    /// Joins as many people as there are seats, while the last race's connections may still be ending.
    async fn check_all_seats_free(&self, pool: &mut Pool, stats: &mut Stats) -> anyhow::Result<()> {
        let mut people = pool.take(self.seats).await?;
        let started = Instant::now();
        let counted = &*stats;
        let seated = join_all(people.iter_mut().map(|person| async move {
            while started.elapsed() < SEAT_TIMEOUT {
                match self.try_join(person, counted).await {
                    Ok(true) => return Ok(true),
                    Ok(false) => tokio::time::sleep(RETRY_INTERVAL).await,
                    Err(failure) => return Err(failure),
                }
            }
            Ok(false)
        }))
        .await;
        stats.seats_free_after.push(started.elapsed());
        let missing = seated.iter().filter(|seated| **seated != Ok(true)).count();
        if missing > 0 {
            stats.failures.push(format!("{missing} of {} seats did not come back", self.seats));
        }
        let left = join_all(people.into_iter().map(|person| self.leave(person, LeaveMethod::Command))).await;
        pool.idle.extend(left.into_iter().flatten());
        Ok(())
    }

    /// Asks to join; an error is a failure of the server.
    async fn try_join(&self, person: &mut Connection, stats: &Stats) -> Result<bool, String> {
        stats.joins.fetch_add(1, Ordering::Relaxed);
        match person.request(&self.join).await {
            Ok(Joined { people, .. }) if people.len() > self.seats => {
                Err(format!("a room of {} shows {} people", self.seats, people.len()))
            }
            Ok(_) => {
                stats.entered.fetch_add(1, Ordering::Relaxed);
                Ok(true)
            }
            Err(RequestError::Refused(Refusal::RoomFull)) => Ok(false),
            Err(failure) => Err(format!("joining a room of {}: {failure}", self.seats)),
        }
    }

    /// Leaves in this way; returns the connection if it is still usable.
    async fn leave(&self, mut person: Connection, method: LeaveMethod) -> Option<Connection> {
        match method {
            LeaveMethod::Command => {
                let left = person.request(&Leave { room: self.join.room.clone() }).await;
                return left.is_ok().then_some(person);
            }
            LeaveMethod::Namespace => person.disconnect().await,
            LeaveMethod::Close => drop(person),
            LeaveMethod::Reset => person.reset(),
        }
        None
    }
}

/// One join, its duration, and the way of leaving.
#[derive(Clone, Copy, Debug)]
struct Stay {
    duration: Duration,
    method: LeaveMethod,
}

impl Stay {
    fn random(random: &mut StdRng) -> Stay {
        Stay {
            duration: Duration::from_millis(random.random_range(STAY_MILLIS)),
            method: LeaveMethod::random(random),
        }
    }
}

/// How a person leaves.
#[derive(Clone, Copy, Debug)]
enum LeaveMethod {
    Command,
    Namespace,
    Close,
    Reset,
}

impl LeaveMethod {
    fn random(random: &mut StdRng) -> LeaveMethod {
        // Half of them use the command, so that most connections can be reused.
        match random.random_range(0..6) {
            0 => LeaveMethod::Namespace,
            1 => LeaveMethod::Close,
            2 => LeaveMethod::Reset,
            _ => LeaveMethod::Command,
        }
    }
}
