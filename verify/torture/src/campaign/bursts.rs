//! Sends bursts: ten messages in one write, from many clients at once. The replies, the numbers and the
//! pushes must keep the order in which the messages were written.
//!
//! The clients of a room write at the same moment and wait until all have received everything. So none
//! falls so far behind that the server would have to cut it, which is another promise.

use std::{collections::BTreeMap, sync::Arc, time::Instant};

use anyhow::ensure;
use clap::Args;
use common::{
    message::{Body, Cid, Seq},
    protocol::{command::Send, reply::Sent},
    room::RoomName,
};
use serde_json::json;
use tokio::{
    sync::Barrier,
    task::JoinSet,
    time::{Duration, timeout},
};

use crate::{
    checker::{Harm, Rule, Scope, Violation, check, check_served},
    client::room::Room,
    client_group::rooms,
    controls::Controls,
    engineio::EngineTransport,
    harness::Harness,
    history::{History, Outcome, SentMessage},
    log,
    report::{Progress, Report},
    socketio::{Connection, Incoming, parse_reply},
};

/// How many messages one write holds.
const BURST_SIZE: u32 = 10;

/// How long every client of a room may take to receive a round of bursts.
const ROUND_TIMEOUT: Duration = Duration::from_secs(20);

/// Options of the campaign.
#[derive(Args, Clone, Debug)]
pub struct Options {
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
pub async fn run(harness: &Harness, options: &Options) -> anyhow::Result<Report> {
    let mut progress = Progress::default();
    let round = harness.round("bursts")?;
    let running = round.server.start(None, None).await?;
    let addresses = running.addresses()?;
    let rounds = options.bursts.div_ceil(options.clients);
    let controls = Arc::new(Controls::new(addresses));
    let mut clients = JoinSet::new();
    let rooms = rooms(options.rooms);
    for (at, name) in (0..options.rooms).zip(&rooms) {
        let members = (at..options.clients).step_by(options.rooms as usize);
        let barrier = Arc::new(Barrier::new(members.len()));
        for number in members.clone() {
            let burster = BurstClient::join(number, name.clone(), &controls).await?;
            clients.spawn(burster.run(rounds, members.len(), barrier.clone()));
        }
    }
    let (mut histories, mut violations) = (Vec::new(), Vec::new());
    while let Some(ended) = clients.join_next().await {
        let BurstClient { name, room, violations: found, .. } = ended??;
        let rooms = [(room.name, room.history)].into();
        let history = History { client: name, rooms, ..History::default() };
        histories.push(history);
        violations.extend(found);
        progress.print(&format!("{} clients are done", histories.len()));
    }
    let served = log::read_served(addresses, rooms).await?;
    running.stop().await?;
    let stored = log::read_database(&round.server.database())?;
    violations.extend(check(&histories, &stored, Scope { complete_pushes: true, drained: true }));
    violations.extend(check_served(&served, &stored));

    let mut report = Report::new("bursts: ten commands in one write");
    let received = histories.iter().flat_map(|history| history.rooms.values());
    let received: usize = received
        .flat_map(|room_history| &room_history.connections)
        .map(|connection| connection.pushes.len())
        .sum();
    report.row("bursts", rounds * options.clients);
    report.row("clients, rooms", format!("{}, {}", options.clients, options.rooms));
    report.row("messages acknowledged", controls.acked.get());
    report.row("pushes told", received);
    report.row("seconds", progress.elapsed().as_secs());
    report.judge(&violations);
    round.end(&violations, &histories)?;
    Ok(report)
}

/// A client that sends bursts and records what it receives.
struct BurstClient {
    name: String,
    connection: Connection,
    room: Room,
    controls: Arc<Controls>,
    /// The messages without a reply, by ack id; each is an index into `room.history.messages`.
    unanswered: BTreeMap<u32, usize>,
    violations: Vec<Violation>,
}

impl BurstClient {
    async fn join(number: u32, room: RoomName, controls: &Arc<Controls>) -> anyhow::Result<BurstClient> {
        let transport = if number % 5 == 4 { EngineTransport::Polling } else { EngineTransport::WebSocket };
        let address = controls.addresses.borrow().http;
        let mut connection = Connection::open(address, transport, &json!({})).await?;
        let mut room = Room::new(room);
        let join = room.start_join(connection.local_address(), Instant::now());
        room.on_join_reply(&connection.request(&join).await?.into(), Instant::now());
        let (unanswered, violations) = (BTreeMap::new(), Vec::new());
        Ok(BurstClient {
            name: format!("b{number}"),
            connection,
            room,
            controls: controls.clone(),
            unanswered,
            violations,
        })
    }

    /// Sends its bursts, each at the same time as the others of the room.
    async fn run(
        mut self,
        rounds: u32,
        members: usize,
        barrier: Arc<Barrier>,
    ) -> anyhow::Result<BurstClient> {
        for round in 1..=rounds {
            // A client that is missing makes the others time out; the checker reports what was lost.
            if timeout(ROUND_TIMEOUT, barrier.wait()).await.is_err() {
                break;
            }
            self.burst()?;
            let last = Seq(u64::from(round * BURST_SIZE) * members as u64);
            let received = async {
                while !self.unanswered.is_empty() || !self.room.received_up_to(last) {
                    let incoming = self.connection.receive().await?;
                    self.apply(incoming)?;
                }
                anyhow::Ok(())
            };
            match timeout(ROUND_TIMEOUT, received).await {
                Ok(received) => received?,
                Err(_) => break,
            }
        }
        self.room.mark_open_at_end();
        Ok(self)
    }

    fn burst(&mut self) -> anyhow::Result<()> {
        let first = self.room.history.messages.len();
        let mut sends = Vec::new();
        for at in (first..).take(BURST_SIZE as usize) {
            let cid = Cid::parse(&format!("{}-{at}", self.name))?;
            let body = Body::parse(&format!("{}: {at}번째", self.name))?;
            let (first_sent, outcome) = (Some(Instant::now()), Outcome::Unknown);
            self.room.history.messages.push(SentMessage {
                cid: cid.clone(),
                body: body.clone(),
                first_sent,
                outcome,
            });
            sends.push(Send::new(self.room.name.clone(), cid, body));
        }
        let ids = self.connection.burst(&sends);
        self.unanswered.extend(ids.into_iter().zip(first..));
        Ok(())
    }

    fn apply(&mut self, incoming: Incoming) -> anyhow::Result<()> {
        let now = Instant::now();
        match incoming {
            Incoming::Event(pushed) => self.room.on_push(&pushed.event, now),
            Incoming::Reply { id, payload } => {
                let sent = parse_reply::<Sent>(&payload)?;
                let first = self.unanswered.first_key_value().map(|(id, _)| *id);
                let index = self.unanswered.remove(&id);
                ensure!(index.is_some(), "an answer to nothing");
                if first != Some(id) {
                    let details = format!("{} was answered {} out of turn", self.name, sent.cid.as_str());
                    let room = self.room.name.clone();
                    self.violations.push(Violation {
                        rule: Rule::SenderOrder,
                        harm: Harm::OutOfOrder,
                        room,
                        details,
                    });
                }
                let addresses = *self.controls.addresses.borrow();
                self.controls.record_ack(addresses, now);
                if let Some(index) = index {
                    self.room.history.messages[index].outcome = Outcome::Acked { at: now, seq: sent.seq };
                }
            }
            Incoming::Heartbeat(_) | Incoming::Restart(_) => {}
        }
        Ok(())
    }
}
