//! Races for the last seats of a room: never more people than seats, never a seat that stays empty
//! while somebody wants it, and none that is lost for ever.
//!
//! In a rush everybody joins at once, so exactly as many get in as there are seats. In a coming and
//! going people leave while others join. They leave in every way there is: with the command, out of
//! the namespace, by closing the connection or with a reset. After each race every seat must come
//! back. Connections are kept from race to race.

use std::{
    ops::RangeInclusive,
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use clap::Args;
use common::{
    event::{Join, Joined, Leave},
    refusal::Refusal,
    room::{RoomName, Seats},
};
use futures_util::future::{join_all, try_join_all};
use rand::{RngExt, SeedableRng, rngs::StdRng, seq::SliceRandom};
use serde_json::json;

use crate::{
    connection::{Connection, Failure},
    line::Transport,
    report::{Progress, Report},
    workshop::Workshop,
};

/// How many people race at once.
const JOINERS: RangeInclusive<usize> = 2..=100;
/// How many seats they race for.
const SEATS: RangeInclusive<u16> = 1..=20;
/// How long a seat may take to come back.
const SEAT_BACK: Duration = Duration::from_secs(5);
/// How long to wait before asking again for a seat that should be free.
const ASK_AGAIN: Duration = Duration::from_millis(2);
/// How often somebody comes in a coming and going.
const VISITS: usize = 3;
/// How long somebody stays on a seat, or waits for one before asking again, in milliseconds.
const STAY: RangeInclusive<u64> = 0..=10;

/// How a seats campaign goes.
#[derive(Args, Clone, Debug)]
pub struct Plan {
    /// How many races are run
    #[arg(long, default_value_t = 200)]
    pub races: u32,
}

/// What a campaign counts.
#[derive(Debug, Default)]
struct Figures {
    joins: AtomicUsize,
    entered: AtomicUsize,
    seats_back: Vec<Duration>,
    failures: Vec<String>,
}

/// Runs the campaign.
pub async fn run(workshop: &Workshop, plan: &Plan) -> anyhow::Result<Report> {
    let round = workshop.round("seats")?;
    let running = round.madang.start(None, None).await?;
    let mut pool = Pool { address: running.open()?.http, idle: Vec::new() };
    let (mut figures, mut progress) = (Figures::default(), Progress::default());
    let mut random = StdRng::seed_from_u64(workshop.seed);
    let (mut rushes, mut done) = (0, 0);
    while done < plan.races && figures.failures.is_empty() {
        let race = Race::new(random.random_range(SEATS))?;
        pool.idle.shuffle(&mut random);
        let people = pool.take(random.random_range(JOINERS)).await?;
        let is_rush = random.random();
        let left = if is_rush {
            rushes += 1;
            race.rush(people, &mut random, &mut figures).await
        } else {
            race.come_and_go(people, &mut random, &mut figures).await
        };
        pool.idle.extend(left);
        race.seats_come_back(&mut pool, &mut figures).await?;
        done += 1;
        progress.say(&format!("{done} races, {} joins", figures.joins.load(Ordering::Relaxed)));
    }
    drop(pool);
    running.stop().await?;

    let mut report = Report::new("seats: races for the last one");
    report.row("races", done);
    report.row("of them rushes, comings and goings", format!("{rushes}, {}", done - rushes));
    report.row("people in a race, seats", format!("{JOINERS:?}, {SEATS:?}"));
    report.row("joins asked for", figures.joins.load(Ordering::Relaxed));
    report.row("of them let in", figures.entered.load(Ordering::Relaxed));
    report.times("all seats back, p50 / p99 / longest", &figures.seats_back);
    report.row("seconds", progress.elapsed().as_secs());
    let verdict = match figures.failures.len() {
        0 => "0 over capacity, 0 seats lost".to_owned(),
        failures => format!("{failures} races went wrong"),
    };
    if figures.failures.is_empty() {
        round.remove()?;
    }
    report.conclude(verdict, figures.failures);
    Ok(report)
}

/// Connections that wait for a race: guests, so that nobody's seat is held.
struct Pool {
    address: std::net::SocketAddr,
    idle: Vec<Connection>,
}

impl Pool {
    /// Takes this many, making those that are missing.
    async fn take(&mut self, count: usize) -> Result<Vec<Connection>, Failure> {
        let missing = count.saturating_sub(self.idle.len());
        let auth = json!({});
        let new = (0..missing).map(|_| Connection::open(self.address, Transport::WebSocket, &auth));
        self.idle.extend(try_join_all(new).await?);
        Ok(self.idle.split_off(self.idle.len() - count))
    }
}

/// One room's race. A room is raced for again and again: what one race breaks the next ones find.
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

    /// Everybody at once.
    async fn rush(
        &self,
        mut people: Vec<Connection>,
        random: &mut StdRng,
        figures: &mut Figures,
    ) -> Vec<Connection> {
        let joins = join_all(people.iter_mut().map(|person| self.ask_in(person, figures))).await;
        let entered = joins.iter().filter(|joined| matches!(joined, Ok(true))).count();
        figures.failures.extend(joins.iter().filter_map(|joined| joined.clone().err()));
        let due = self.seats.min(people.len());
        if entered != due {
            figures.failures.push(format!(
                "{} joined a room of {} at once and {entered} were let in, not {due}",
                people.len(),
                self.seats
            ));
        }
        let ways: Vec<Way> = joins.iter().map(|_| Way::any(random)).collect();
        let leaving = people.into_iter().zip(joins).zip(ways).map(|((person, joined), way)| async move {
            if joined == Ok(true) { self.leave(person, way).await } else { Some(person) }
        });
        join_all(leaving).await.into_iter().flatten().collect()
    }

    /// People join and leave while others do.
    async fn come_and_go(
        &self,
        people: Vec<Connection>,
        random: &mut StdRng,
        figures: &mut Figures,
    ) -> Vec<Connection> {
        let inside = AtomicUsize::new(0);
        let visits: Vec<[Visit; VISITS]> =
            people.iter().map(|_| std::array::from_fn(|_| Visit::any(random))).collect();
        let counted = &*figures;
        let visits = people.into_iter().zip(visits).map(|(person, visits)| {
            let inside = &inside;
            async move {
                let (mut person, mut failures) = (Some(person), Vec::new());
                for visit in visits {
                    let Some(mut visitor) = person.take() else { break };
                    match self.ask_in(&mut visitor, counted).await {
                        Ok(true) => {
                            let now = inside.fetch_add(1, Ordering::SeqCst) + 1;
                            if now > self.seats {
                                failures.push(format!("{now} are in a room of {}", self.seats));
                            }
                            tokio::time::sleep(visit.stay).await;
                            // Before leaving: who is counted has a seat for certain.
                            inside.fetch_sub(1, Ordering::SeqCst);
                            person = self.leave(visitor, visit.way).await;
                        }
                        Ok(false) => {
                            tokio::time::sleep(visit.stay).await;
                            person = Some(visitor);
                        }
                        Err(failure) => failures.push(failure),
                    }
                }
                (person, failures)
            }
        });
        let (left, failures): (Vec<_>, Vec<_>) = join_all(visits).await.into_iter().unzip();
        figures.failures.extend(failures.into_iter().flatten());
        left.into_iter().flatten().collect()
    }

    /// As many as there are seats sit down, however long the last race's connections take to end.
    async fn seats_come_back(&self, pool: &mut Pool, figures: &mut Figures) -> anyhow::Result<()> {
        let mut people = pool.take(self.seats).await?;
        let began = Instant::now();
        let counted = &*figures;
        let seated = join_all(people.iter_mut().map(|person| async move {
            while began.elapsed() < SEAT_BACK {
                match self.ask_in(person, counted).await {
                    Ok(true) => return Ok(true),
                    Ok(false) => tokio::time::sleep(ASK_AGAIN).await,
                    Err(failure) => return Err(failure),
                }
            }
            Ok(false)
        }))
        .await;
        figures.seats_back.push(began.elapsed());
        let missing = seated.iter().filter(|seated| **seated != Ok(true)).count();
        if missing > 0 {
            figures.failures.push(format!("{missing} of {} seats did not come back", self.seats));
        }
        let left = join_all(people.into_iter().map(|person| self.leave(person, Way::Command))).await;
        pool.idle.extend(left.into_iter().flatten());
        Ok(())
    }

    /// Asks to be let in; an error is a failure of the server.
    async fn ask_in(&self, person: &mut Connection, figures: &Figures) -> Result<bool, String> {
        figures.joins.fetch_add(1, Ordering::Relaxed);
        match person.ask(&self.join).await {
            Ok(Joined { people, .. }) if people.len() > self.seats => {
                Err(format!("a room of {} shows {} people", self.seats, people.len()))
            }
            Ok(_) => {
                figures.entered.fetch_add(1, Ordering::Relaxed);
                Ok(true)
            }
            Err(Failure::Refused(Refusal::RoomFull)) => Ok(false),
            Err(failure) => Err(format!("joining a room of {}: {failure}", self.seats)),
        }
    }

    /// Leaves this way; the connection is there afterwards only if it was the command.
    async fn leave(&self, mut person: Connection, way: Way) -> Option<Connection> {
        match way {
            Way::Command => {
                let left = person.ask(&Leave { room: self.join.room.clone() }).await;
                return left.is_ok().then_some(person);
            }
            Way::Namespace => person.goodbye().await,
            Way::Close => drop(person),
            Way::Reset => person.reset(),
        }
        None
    }
}

/// One time of coming and going.
#[derive(Clone, Copy, Debug)]
struct Visit {
    stay: Duration,
    way: Way,
}

impl Visit {
    fn any(random: &mut StdRng) -> Visit {
        Visit { stay: Duration::from_millis(random.random_range(STAY)), way: Way::any(random) }
    }
}

/// How somebody leaves.
#[derive(Clone, Copy, Debug)]
enum Way {
    Command,
    Namespace,
    Close,
    Reset,
}

impl Way {
    fn any(random: &mut StdRng) -> Way {
        // Half of them by the command, so that most connections are kept.
        match random.random_range(0..6) {
            0 => Way::Namespace,
            1 => Way::Close,
            2 => Way::Reset,
            _ => Way::Command,
        }
    }
}
