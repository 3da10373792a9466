//! A Socket.IO connection: sends the commands of `common`, receives replies and pushes.
//!
//! It answers pings, gives up when none arrive, and decodes. It keeps no log, repeats nothing and never
//! reconnects: `client` does that. Campaigns that need none of that use it directly.

use std::{fmt, net::SocketAddr};

use common::{
    message::Seq,
    protocol::{
        command::Request,
        event::Event,
        push::{Heartbeat, Push, Restart, RoomEvent},
        reply::{ErrorReply, Joined},
    },
    refusal::Refusal,
    socketio::{self, DISCONNECT, Frame, PONG},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::value::RawValue;
use tokio::time::{Duration, Instant, timeout, timeout_at};

use crate::engineio::{EngineConnection, EngineTransport};

/// How long a handshake or a reply may take, unless a client has its own timeout.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// A connection that has entered the namespace.
pub struct Connection {
    /// The server's address.
    pub address: SocketAddr,
    engine: EngineConnection,
    last_ack: u32,
    /// How long an open connection may be silent: Engine.IO's `pingInterval` plus `pingTimeout`.
    silence_timeout: Duration,
    last_received_at: Instant,
}

/// A message from the server.
#[derive(Debug)]
pub enum Incoming {
    /// The reply to the command with this id.
    Reply {
        id: u32,
        payload: Box<RawValue>,
    },
    Event(RoomEvent),
    Heartbeat(Heartbeat),
    Restart(Restart),
}

/// Where the pushes of a room begin: the part of a join's reply that a reader of the log needs.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct JoinReply {
    /// The room's last event.
    pub last: Seq,
    pub events: Vec<Event>,
    /// Whether the log has more events than these.
    pub more: bool,
}

impl From<Joined> for JoinReply {
    fn from(joined: Joined) -> JoinReply {
        JoinReply { last: joined.last, events: joined.events, more: joined.more }
    }
}

/// Why a request has no reply.
#[derive(Debug)]
pub enum RequestError {
    Refused(Refusal),
    /// The connection ended or timed out.
    Lost(String),
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RequestError::Refused(refusal) => write!(f, "{refusal}"),
            RequestError::Lost(how) => write!(f, "the connection was lost: {how}"),
        }
    }
}

impl std::error::Error for RequestError {}

pub(crate) fn lost(how: impl fmt::Display) -> RequestError {
    RequestError::Lost(how.to_string())
}

impl Connection {
    /// Opens a connection and enters the namespace with `auth`.
    pub async fn open(
        address: SocketAddr,
        transport: EngineTransport,
        auth: &impl Serialize,
    ) -> Result<Connection, RequestError> {
        let mut engine = EngineConnection::open(address, transport).await.map_err(lost)?;
        let mut silence_timeout = REQUEST_TIMEOUT;
        loop {
            let packet = engine.receive().await.ok_or_else(|| lost("before it was entered"))?;
            match Frame::decode(&packet) {
                Ok(Frame::Open(open)) => {
                    silence_timeout =
                        Duration::from_millis(u64::from(open.ping_interval) + u64::from(open.ping_timeout));
                    engine.send(vec![socketio::connect(auth).map_err(lost)?]);
                }
                // The first ping comes before the namespace is entered.
                Ok(Frame::Ping) => engine.send(vec![PONG.to_owned()]),
                Ok(Frame::Connected) => {
                    return Ok(Connection {
                        address,
                        engine,
                        last_ack: 0,
                        silence_timeout,
                        last_received_at: Instant::now(),
                    });
                }
                Ok(Frame::ConnectError(reason)) => {
                    return Err(RequestError::Refused(Refusal::from_decoding(&reason)));
                }
                _ => {}
            }
        }
    }

    /// Returns the client's end of the connection.
    pub fn local_address(&self) -> SocketAddr {
        self.engine.local_address
    }

    /// Sends a command; returns the id of its reply.
    pub fn send_command<A: Request>(&mut self, command: &A) -> u32 {
        self.burst([command])[0]
    }

    /// Sends several commands in one write.
    pub fn burst<'a, A: Request + 'a>(&mut self, commands: impl IntoIterator<Item = &'a A>) -> Vec<u32> {
        let (mut packets, mut ids) = (Vec::new(), Vec::new());
        for command in commands {
            self.last_ack += 1;
            // Commands of `common` always have a JSON form.
            packets.extend(socketio::command(A::NAME, command, self.last_ack));
            ids.push(self.last_ack);
        }
        self.engine.send(packets);
        ids
    }

    /// Returns the next message from the server. Cancel safe.
    pub async fn receive(&mut self) -> Result<Incoming, RequestError> {
        loop {
            let packet =
                timeout_at(self.last_received_at + self.silence_timeout, self.engine.receive()).await;
            let packet =
                packet.map_err(|_| lost("a silent line"))?.ok_or_else(|| lost("the transport ended"))?;
            self.last_received_at = Instant::now();
            match Frame::decode(&packet).map_err(|_| lost(format!("garbled: {packet}")))? {
                Frame::Ping => self.engine.send(vec![PONG.to_owned()]),
                Frame::Close | Frame::Disconnect => return Err(lost("the server closed it")),
                Frame::Ack { id, payload } => {
                    let payload = RawValue::from_string(payload.to_owned()).map_err(lost)?;
                    return Ok(Incoming::Reply { id, payload });
                }
                Frame::Event { name, payload } => match name.as_str() {
                    Push::EVENT => return parse(payload).map(Incoming::Event),
                    Push::HEARTBEAT => return parse(payload).map(Incoming::Heartbeat),
                    Restart::NAME => return parse(payload).map(Incoming::Restart),
                    _ => {}
                },
                _ => {}
            }
        }
    }

    /// Sends a command and waits for its reply; pushes that arrive meanwhile are dropped.
    pub async fn request<A: Request>(&mut self, command: &A) -> Result<A::Reply, RequestError> {
        let request_id = self.send_command(command);
        let reply = async {
            loop {
                match self.receive().await? {
                    Incoming::Reply { id, payload } if id == request_id => return parse_reply(&payload),
                    _ => {}
                }
            }
        };
        timeout(REQUEST_TIMEOUT, reply).await.map_err(|_| lost("no reply in time"))?
    }

    /// Does the same, and retries for as long as the refusal is `too_fast`.
    pub async fn request_until_allowed<A: Request>(&mut self, command: &A) -> Result<A::Reply, RequestError> {
        loop {
            match self.request(command).await {
                Err(RequestError::Refused(Refusal::TooFast)) => {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                reply => return reply,
            }
        }
    }

    /// Leaves the namespace and waits until the server has closed the connection.
    pub async fn disconnect(mut self) {
        self.engine.send(vec![DISCONNECT.to_owned()]);
        let ended = async { while self.engine.receive().await.is_some() {} };
        // If the server does not close it, the seat stays taken, which the campaign notices.
        let _ = timeout(REQUEST_TIMEOUT, ended).await;
    }

    /// Ends the connection with a TCP reset.
    pub fn reset(self) {
        self.engine.reset();
    }
}

/// Parses the reply to a command.
pub fn parse_reply<T: DeserializeOwned>(payload: &RawValue) -> Result<T, RequestError> {
    match serde_json::from_str::<ErrorReply>(payload.get()) {
        Ok(refused) => Err(RequestError::Refused(refused.error)),
        Err(_) => parse(payload.get()),
    }
}

fn parse<T: DeserializeOwned>(payload: &str) -> Result<T, RequestError> {
    serde_json::from_str(payload).map_err(lost)
}
