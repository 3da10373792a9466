//! Bursts: ten messages in one write, by many clients at once. Their answers, their numbers and
//! what everybody is told keep the order in which they were written.
//!
//! The clients of a room write at the same moment and wait until all have been told everything:
//! nobody can fall so far behind that the server would have to cut them, which is another promise.

use std::{collections::BTreeMap, sync::Arc, time::Instant};

use anyhow::ensure;
use clap::Args;
use common::{
    event::{Send, Sent},
    message::{Body, Cid, Seq},
    room::RoomName,
};
use serde_json::json;
use tokio::{
    sync::Barrier,
    task::JoinSet,
    time::{Duration, timeout},
};

use crate::{
    board::Board,
    checker::{Harm, Rule, Scope, Violation, check, check_served},
    client::room::Room,
    connection::{Connection, Heard, answer},
    crowd::rooms,
    history::{History, Outcome, Said},
    line::Transport,
    log,
    report::{Progress, Report},
    workshop::Workshop,
};

/// How many messages one write holds.
const BURST: u32 = 10;

/// How long it may take until everybody in a room was told a round of bursts.
const PATIENCE: Duration = Duration::from_secs(20);

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
    let running = round.madang.start(None, None).await?;
    let open = running.open()?;
    let rounds = plan.bursts.div_ceil(plan.clients);
    let board = Arc::new(Board::new(open));
    let mut clients = JoinSet::new();
    let rooms = rooms(plan.rooms);
    for (at, name) in (0..plan.rooms).zip(&rooms) {
        let members = (at..plan.clients).step_by(plan.rooms as usize);
        let together = Arc::new(Barrier::new(members.len()));
        for number in members.clone() {
            let burster = Burster::join(number, name.clone(), &board).await?;
            clients.spawn(burster.live(rounds, members.len(), together.clone()));
        }
    }
    let (mut histories, mut violations) = (Vec::new(), Vec::new());
    while let Some(ended) = clients.join_next().await {
        let Burster { name, room, violations: found, .. } = ended??;
        let rooms = [(room.name, room.history)].into();
        let history = History { client: name, rooms, ..History::default() };
        histories.push(history);
        violations.extend(found);
        progress.say(&format!("{} clients are done", histories.len()));
    }
    let served = log::served(open, rooms).await?;
    running.stop().await?;
    let stored = log::read(&round.madang.database())?;
    violations.extend(check(&histories, &stored, Scope { pushes: true, settled: true }));
    violations.extend(check_served(&served, &stored));

    let mut report = Report::new("bursts: ten commands in one write");
    let told = histories.iter().flat_map(|history| history.rooms.values());
    let told: usize = told.flat_map(|inside| &inside.stays).map(|stay| stay.pushes.len()).sum();
    report.row("bursts", rounds * plan.clients);
    report.row("clients, rooms", format!("{}, {}", plan.clients, plan.rooms));
    report.row("messages acknowledged", board.acked.get());
    report.row("pushes told", told);
    report.row("seconds", progress.elapsed().as_secs());
    report.judge(&violations);
    round.end(&violations, &histories)?;
    Ok(report)
}

/// A client that sends bursts and writes down what it hears.
struct Burster {
    name: String,
    connection: Connection,
    room: Room,
    board: Arc<Board>,
    /// The messages that are not answered, by their ack ids: each an index of what was said.
    awaited: BTreeMap<u32, usize>,
    violations: Vec<Violation>,
}

impl Burster {
    async fn join(number: u32, room: RoomName, board: &Arc<Board>) -> anyhow::Result<Burster> {
        let transport = if number % 5 == 4 { Transport::Polling } else { Transport::WebSocket };
        let address = board.open.borrow().http;
        let mut connection = Connection::open(address, transport, &json!({})).await?;
        let mut room = Room::new(room);
        let join = room.enter(connection.local(), Instant::now());
        room.joined(&connection.ask(&join).await?.into(), Instant::now());
        let (awaited, violations) = (BTreeMap::new(), Vec::new());
        Ok(Burster {
            name: format!("b{number}"),
            connection,
            room,
            board: board.clone(),
            awaited,
            violations,
        })
    }

    /// Sends its bursts, each together with the others of the room.
    async fn live(mut self, rounds: u32, members: usize, together: Arc<Barrier>) -> anyhow::Result<Burster> {
        for round in 1..=rounds {
            // Who waits in vain is missed by the comparison, which says what was not told.
            if timeout(PATIENCE, together.wait()).await.is_err() {
                break;
            }
            self.burst()?;
            let last = Seq(u64::from(round * BURST) * members as u64);
            let told = async {
                while !self.awaited.is_empty() || !self.room.was_told(last) {
                    let heard = self.connection.hear().await?;
                    self.take_in(heard)?;
                }
                anyhow::Ok(())
            };
            match timeout(PATIENCE, told).await {
                Ok(told) => told?,
                Err(_) => break,
            }
        }
        self.room.lasted();
        Ok(self)
    }

    fn burst(&mut self) -> anyhow::Result<()> {
        let first = self.room.history.said.len();
        let mut sends = Vec::new();
        for at in (first..).take(BURST as usize) {
            let cid = Cid::parse(&format!("{}-{at}", self.name))?;
            let body = Body::parse(&format!("{}: {at}번째", self.name))?;
            let (sent, outcome) = (Some(Instant::now()), Outcome::Unknown);
            self.room.history.said.push(Said { cid: cid.clone(), body: body.clone(), sent, outcome });
            sends.push(Send::new(self.room.name.clone(), cid, body));
        }
        let ids = self.connection.burst(&sends);
        self.awaited.extend(ids.into_iter().zip(first..));
        Ok(())
    }

    fn take_in(&mut self, heard: Heard) -> anyhow::Result<()> {
        let now = Instant::now();
        match heard {
            Heard::Event(told) => self.room.pushed(&told.event, now),
            Heard::Answer { id, payload } => {
                let sent = answer::<Sent>(&payload)?;
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
                let open = *self.board.open.borrow();
                self.board.note_ack(open, now);
                if let Some(said) = said {
                    self.room.history.said[said].outcome = Outcome::Acked { at: now, seq: sent.seq };
                }
            }
            Heard::Heartbeat(_) | Heard::Restart(_) => {}
        }
        Ok(())
    }
}
