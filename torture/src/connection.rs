//! A line inside the namespace: commands out, answers and pushes in, in the words of
//! `common::event`.
//!
//! It answers pings, gives up a line without any, and decodes; it keeps no log, repeats nothing and
//! never reconnects. `client` does that; campaigns that need a client without habits of its own use
//! it as it is.

use std::{fmt, net::SocketAddr};

use common::{
    event::{Ask, Event, Heartbeat, Joined, Push, Refused, Restart, RoomEvent},
    message::Seq,
    refusal::Refusal,
    socketio::{self, DISCONNECT, Frame, PONG},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::value::RawValue;
use tokio::time::{Duration, Instant, timeout, timeout_at};

use crate::line::{Line, Transport};

/// How long a handshake or an answer may take where no client decides that for itself.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// Somebody connected.
pub struct Connection {
    /// Where the server is.
    pub address: SocketAddr,
    line: Line,
    acks: u32,
    /// How long a living line may say nothing: Engine.IO's `pingInterval` and `pingTimeout`.
    silence: Duration,
    heard_at: Instant,
}

/// What comes in.
#[derive(Debug)]
pub enum Heard {
    /// The answer to the command with this id.
    Answer {
        id: u32,
        payload: Box<RawValue>,
    },
    Event(RoomEvent),
    Heartbeat(Heartbeat),
    Restart(Restart),
}

/// Where what a connection is told of a room begins: what of the answer to a join a reader of the
/// log needs.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Entered {
    /// The room's last event.
    pub last: Seq,
    pub events: Vec<Event>,
    /// Whether there are more events than these.
    pub more: bool,
}

impl From<Joined> for Entered {
    fn from(joined: Joined) -> Entered {
        Entered { last: joined.last, events: joined.events, more: joined.more }
    }
}

/// Why there is no answer.
#[derive(Debug)]
pub enum Failure {
    Refused(Refusal),
    /// The connection is over, or as good as that.
    Lost(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Refused(refusal) => write!(f, "{refusal}"),
            Failure::Lost(how) => write!(f, "the connection was lost: {how}"),
        }
    }
}

impl std::error::Error for Failure {}

pub(crate) fn lost(how: impl fmt::Display) -> Failure {
    Failure::Lost(how.to_string())
}

impl Connection {
    /// Opens a line and enters the namespace with `auth`.
    pub async fn open(
        address: SocketAddr,
        transport: Transport,
        auth: &impl Serialize,
    ) -> Result<Connection, Failure> {
        let mut line = Line::open(address, transport).await.map_err(lost)?;
        let mut silence = PATIENCE;
        loop {
            let packet = line.receive().await.ok_or_else(|| lost("before it was entered"))?;
            match Frame::decode(&packet) {
                Ok(Frame::Open(open)) => {
                    silence =
                        Duration::from_millis(u64::from(open.ping_interval) + u64::from(open.ping_timeout));
                    line.send(vec![socketio::connect(auth).map_err(lost)?]);
                }
                // The first ping comes before the server has let us in.
                Ok(Frame::Ping) => line.send(vec![PONG.to_owned()]),
                Ok(Frame::Connected) => {
                    return Ok(Connection { address, line, acks: 0, silence, heard_at: Instant::now() });
                }
                Ok(Frame::ConnectError(reason)) => {
                    return Err(Failure::Refused(Refusal::from_decoding(&reason)));
                }
                _ => {}
            }
        }
    }

    /// Our end of the connection.
    pub fn local(&self) -> SocketAddr {
        self.line.local
    }

    /// Gives a command and tells the id its answer will have.
    pub fn give<A: Ask>(&mut self, command: &A) -> u32 {
        self.burst([command])[0]
    }

    /// Gives several commands in one write.
    pub fn burst<'a, A: Ask + 'a>(&mut self, commands: impl IntoIterator<Item = &'a A>) -> Vec<u32> {
        let (mut packets, mut ids) = (Vec::new(), Vec::new());
        for command in commands {
            self.acks += 1;
            // Words of `common` always have a JSON form.
            packets.extend(socketio::command(A::NAME, command, self.acks));
            ids.push(self.acks);
        }
        self.line.send(packets);
        ids
    }

    /// What comes in next. Cancel safe.
    pub async fn hear(&mut self) -> Result<Heard, Failure> {
        loop {
            let packet = timeout_at(self.heard_at + self.silence, self.line.receive()).await;
            let packet =
                packet.map_err(|_| lost("a silent line"))?.ok_or_else(|| lost("the transport ended"))?;
            self.heard_at = Instant::now();
            match Frame::decode(&packet).map_err(|_| lost(format!("garbled: {packet}")))? {
                Frame::Ping => self.line.send(vec![PONG.to_owned()]),
                Frame::Close | Frame::Disconnect => return Err(lost("the server closed it")),
                Frame::Ack { id, payload } => {
                    let payload = RawValue::from_string(payload.to_owned()).map_err(lost)?;
                    return Ok(Heard::Answer { id, payload });
                }
                Frame::Event { name, payload } => match name.as_str() {
                    Push::EVENT => return read(payload).map(Heard::Event),
                    Push::HEARTBEAT => return read(payload).map(Heard::Heartbeat),
                    Restart::NAME => return read(payload).map(Heard::Restart),
                    _ => {}
                },
                _ => {}
            }
        }
    }

    /// Gives a command and waits for its answer; what is told meanwhile is not kept.
    pub async fn ask<A: Ask>(&mut self, command: &A) -> Result<A::Reply, Failure> {
        let asked = self.give(command);
        let answered = async {
            loop {
                match self.hear().await? {
                    Heard::Answer { id, payload } if id == asked => return answer(&payload),
                    _ => {}
                }
            }
        };
        timeout(PATIENCE, answered).await.map_err(|_| lost("no answer in time"))?
    }

    /// The same, asking again as long as it was too fast.
    pub async fn ask_patiently<A: Ask>(&mut self, command: &A) -> Result<A::Reply, Failure> {
        loop {
            match self.ask(command).await {
                Err(Failure::Refused(Refusal::TooFast)) => {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                answered => return answered,
            }
        }
    }

    /// Leaves the namespace and waits until the server has ended the connection.
    pub async fn goodbye(mut self) {
        self.line.send(vec![DISCONNECT.to_owned()]);
        let ended = async { while self.line.receive().await.is_some() {} };
        // A server that does not is caught by the seat that never comes back.
        let _ = timeout(PATIENCE, ended).await;
    }

    /// Ends the connection with a TCP reset.
    pub fn reset(self) {
        self.line.reset();
    }
}

/// Reads the answer to a command.
pub fn answer<T: DeserializeOwned>(payload: &RawValue) -> Result<T, Failure> {
    match serde_json::from_str::<Refused>(payload.get()) {
        Ok(refused) => Err(Failure::Refused(refused.error)),
        Err(_) => read(payload.get()),
    }
}

fn read<T: DeserializeOwned>(payload: &str) -> Result<T, Failure> {
    serde_json::from_str(payload).map_err(lost)
}
