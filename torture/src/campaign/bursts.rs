//! Bursts: ten messages in one write, by many clients at once. Their answers, their numbers and
//! what everybody is told keep the order in which they were written.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Instant,
};

use anyhow::ensure;
use clap::Args;
use common::{
    event::Send,
    message::{Body, Cid},
    room::RoomName,
};
use serde_json::json;
use tokio::{sync::Barrier, task::JoinSet, time::Duration};

use crate::{
    board::Board,
    checker::{Harm, Rule, Scope, Violation, check, check_served},
    client::room::Room,
    connection::{Connection, Failure, Heard, answer},
    crowd::rooms,
    history::{History, Outcome, Said},
    line::Transport,
    log,
    report::{Progress, Report},
    workshop::Workshop,
};

/// How many messages one write holds.
const BURST: u32 = 10;

/// How long everything may take to be told after the last burst.
const SETTLE: Duration = Duration::from_secs(20);

/// How a bursts campaign goes.
#[derive(Args, Clone, Debug)]
pub struct Plan {
    /// How many bursts are sent, by all clients together
    #[arg(long, default_value_t = 200)]
    pub bursts: u32,
    /// How many clients send them; one in five over long-polling
    #[arg(long, default_value_t = 20)]
    pub clients: u32,
    /// How many rooms they are in
    #[arg(long, default_value_t = 4)]
    pub rooms: u32,
}

/// Runs the campaign.
pub async fn run(workshop: &Workshop, plan: &Plan) -> anyhow::Result<Report> {
    let mut progress = Progress::default();
    let round = workshop.round("bursts")?;
    let running = round.madang.start(None).await?;
    let address = running.open()?;
    let shared = Arc::new(Shared {
        board: Board::new(address),
        left: AtomicU32::new(plan.bursts),
        speaking: AtomicU32::new(plan.clients),
        everybody: Barrier::new(plan.clients as usize),
    });
    let rooms = rooms(plan.rooms);
    let mut clients = JoinSet::new();
    for number in 0..plan.clients {
        let room = rooms[(number % plan.rooms) as usize].clone();
        clients.spawn(Burster::live(number, room, shared.clone()));
    }
    let (mut histories, mut violations) = (Vec::new(), Vec::new());
    while let Some(ended) = clients.join_next().await {
        let (history, found) = ended??;
        histories.push(history);
        violations.extend(found);
        progress.say(&format!("{} clients are done", histories.len()));
    }
    let served = log::served(address, rooms).await?;
    running.stop().await?;
    let stored = log::read(&round.madang.database())?;
    violations.extend(check(&histories, &stored, Scope { pushes: true, settled: true }));
    violations.extend(check_served(&served, &stored));

    let mut report = Report::new("bursts: ten commands in one write");
    let told = histories.iter().flat_map(|history| history.rooms.values());
    let told: usize = told.flat_map(|inside| &inside.stays).map(|stay| stay.pushes.len()).sum();
    report.row("bursts", plan.bursts);
    report.row("clients, rooms", format!("{}, {}", plan.clients, plan.rooms));
    report.row("messages acknowledged", shared.board.acked.get());
    report.row("pushes told", told);
    report.row("seconds", progress.elapsed().as_secs());
    report.judge(&violations);
    round.end(&violations, &histories)?;
    Ok(report)
}

struct Shared {
    board: Board,
    /// How many bursts are still to be sent.
    left: AtomicU32,
    /// How many clients have not sent their last one.
    speaking: AtomicU32,
    /// Nobody speaks before everybody is in.
    everybody: Barrier,
}

impl Shared {
    fn take_one(&self) -> bool {
        let less = |left: u32| left.checked_sub(1);
        self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok()
    }
}

/// A client that sends bursts and writes down what it hears.
struct Burster {
    name: String,
    connection: Connection,
    room: Room,
    shared: Arc<Shared>,
    /// The messages that are not answered, by their ack ids: each an index of what was said.
    awaited: BTreeMap<u32, usize>,
    violations: Vec<Violation>,
}

impl Burster {
    async fn live(
        number: u32,
        room: RoomName,
        shared: Arc<Shared>,
    ) -> anyhow::Result<(History, Vec<Violation>)> {
        let transport = if number % 5 == 4 { Transport::Polling } else { Transport::WebSocket };
        let address = *shared.board.address.borrow();
        let mut connection = Connection::open(address, transport, &json!({})).await?;
        let mut room = Room::new(room);
        let join = room.enter(connection.local(), Instant::now());
        room.joined(&connection.ask(&join).await?, Instant::now());
        shared.everybody.wait().await;
        let (awaited, violations) = (BTreeMap::new(), Vec::new());
        let mut burster =
            Burster { name: format!("b{number}"), connection, room, shared, awaited, violations };
        burster.speak().await?;
        burster.listen().await?;
        burster.room.lasted();
        let rooms = [(burster.room.name, burster.room.history)].into();
        Ok((History { client: burster.name, rooms, ..History::default() }, burster.violations))
    }

    async fn speak(&mut self) -> anyhow::Result<()> {
        while self.shared.take_one() {
            let first = self.room.history.said.len();
            let mut sends = Vec::new();
            for at in (first..).take(BURST as usize) {
                let cid = Cid::parse(&format!("{}-{at}", self.name))?;
                let body = Body::parse(&format!("{}: {at}번째", self.name))?;
                let (sent, outcome) = (Some(Instant::now()), Outcome::Unknown);
                self.room.history.said.push(Said { cid: cid.clone(), body: body.clone(), sent, outcome });
                sends.push(Send { room: self.room.name.clone(), cid, body });
            }
            let ids = self.connection.burst(&sends);
            self.awaited.extend(ids.into_iter().zip(first..));
            while !self.awaited.is_empty() {
                let heard = tokio::time::timeout(SETTLE, self.connection.hear()).await;
                self.take_in(heard.map_err(|_| Failure::Lost("no answer to a burst".to_owned()))??)?;
            }
        }
        self.shared.speaking.fetch_sub(1, Ordering::SeqCst);
        Ok(())
    }

    /// Hears the others out.
    async fn listen(&mut self) -> anyhow::Result<()> {
        let began = Instant::now();
        let done = |burster: &Burster| {
            burster.shared.speaking.load(Ordering::SeqCst) == 0
                && burster.room.was_told(burster.shared.board.last(&burster.room.name))
        };
        while !done(self) && began.elapsed() < SETTLE {
            if let Ok(heard) = tokio::time::timeout(Duration::from_millis(20), self.connection.hear()).await {
                self.take_in(heard?)?;
            }
        }
        Ok(())
    }

    fn take_in(&mut self, heard: Heard) -> anyhow::Result<()> {
        let now = Instant::now();
        match heard {
            Heard::Event(told) => self.room.pushed(&told.event, now),
            Heard::Answer { id, payload } => {
                let sent = answer::<Send>(&payload)?;
                let first = self.awaited.first_key_value().map(|(id, _)| *id);
                let said = self.awaited.remove(&id);
                ensure!(said.is_some(), "an answer to nothing");
                if first != Some(id) {
                    let what = format!("{} was answered {} out of turn", self.name, sent.cid.as_str());
                    let room = self.room.name.clone();
                    self.violations.push(Violation {
                        rule: Rule::SenderOrder,
                        harm: Harm::OutOfOrder,
                        room,
                        what,
                    });
                }
                let address = self.connection.address;
                self.shared.board.note_ack(address, &self.room.name, sent.seq, now);
                if let Some(said) = said {
                    self.room.history.said[said].outcome = Outcome::Acked { at: now, seq: sent.seq };
                }
            }
            Heard::Heartbeat(_) | Heard::Restart(_) => {}
        }
        Ok(())
    }
}
