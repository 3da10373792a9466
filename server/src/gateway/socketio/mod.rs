//! Socket.IO: clients of every generation, over WebSocket and long-polling, on the default namespace.
//!
//! Two dialects side by side: the tutorial's four words, and the full protocol of `common::event`.
//! Commands go into one bounded inbox in the order of the wire and are handled one at a time; the
//! library would run each in a task of its own, in any order. Every handler is registered before
//! the client is told that it is in; later ones would lose its first words.

mod connection;
mod line;
mod old;
mod packet;

use std::sync::{Arc, Mutex};

use common::{
    event::{Command, Join, Refused, Reply, Restart, tutorial},
    message::Body,
    person::DisplayName,
    refusal::Refusal,
    room::RoomName,
};
use serde::Deserialize;
use serde_json::Value;
use socketioxide::{
    ParserConfig, ProtocolVersion, SocketIo, TransportType,
    extract::{AckSender, Event, SocketRef, TryData},
    handler::{ConnectHandler, FromMessageParts},
    layer::SocketIoLayer,
    socket::{DisconnectReason, Socket},
};
use tokio::{
    sync::mpsc,
    time::{Duration, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{debug, warn};
use url::form_urlencoded;

pub(super) use self::line::{Lines, watch};
use self::{connection::Connection, line::Line};
use super::guard::{SOCKETS, Visitor};
use crate::{
    chat::{
        Chat,
        people::{Claim, Identity},
        session::Session,
    },
    failure::Failure,
    fault::{self, Point},
    lock::lock,
};

/// The largest packet a client may send, in bytes: a message of 16 KiB with room for its escapes.
/// Without this limit the library takes 64 MiB from anybody.
const MAX_PACKET: usize = 64 * 1024;
/// How much is read from a WebSocket at once, in bytes: most packets are smaller, and each connection
/// keeps as much.
const READ_BUFFER: usize = 512;
/// How many commands of one connection may wait. One more, and the connection is cut.
const INBOX: usize = 256;
/// How long a program of the tutorial's that is too fast waits until the next try.
const SLOWER: Duration = Duration::from_millis(100);
/// How many packets may wait for a connection that began with long-polling. One more, and it is cut
/// and comes back. (A WebSocket is written to directly; what waits for it is bounded in bytes.)
const OUTBOX: usize = 256;
/// How long a client may take from opening the transport to entering the namespace.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How often a client is asked for a sign of life, and how long it may take to give one. Together
/// they are the 25 seconds after which a client that vanished is gone.
const PING_INTERVAL: Duration = Duration::from_secs(15);
const PING_TIMEOUT: Duration = Duration::from_secs(10);
/// How long all connections may take to end when the server stops.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);
/// When clients come back to a server that is started again, in milliseconds: from the first to the
/// last of a few. Many are spread so that a thousand come in a second.
const FIRST_BACK: u32 = 500;
const LAST_BACK: u32 = 1_000;

/// The Socket.IO door: the layer that answers under [`SOCKETS`], and what is needed to end it.
pub(super) struct Door {
    io: SocketIo,
    sessions: Sessions,
}

/// What every session needs to know.
#[derive(Clone)]
struct Sessions {
    chat: Chat,
    lines: Lines,
    stop: CancellationToken,
    /// The tasks that handle the sessions' commands.
    speaking: TaskTracker,
}

/// A door for at most `max` sessions at once, and its layer.
pub(super) fn open(chat: Chat, max: usize, stop: CancellationToken) -> (SocketIoLayer, Door) {
    let (layer, io) = SocketIo::builder()
        .req_path(SOCKETS)
        .connect_timeout(CONNECT_TIMEOUT)
        .ping_interval(PING_INTERVAL)
        .ping_timeout(PING_TIMEOUT)
        .max_payload(MAX_PACKET as u64)
        .ws_max_message_size(MAX_PACKET)
        .ws_max_frame_size(MAX_PACKET)
        .ws_read_buffer_size(READ_BUFFER)
        .max_buffer_size(OUTBOX)
        // Madang takes no binary data; attachments would pile up unseen.
        .with_parser(ParserConfig::common().max_incoming_binaries(0))
        .build_layer();
    let sessions =
        Sessions { lines: Lines::new(chat.clone(), max), chat, stop, speaking: TaskTracker::new() };
    let (admitting, beginning) = (sessions.clone(), sessions.clone());
    let admit = move |socket: SocketRef, auth: TryData<Auth>| {
        let sessions = admitting.clone();
        async move { sessions.admit(&socket, auth).await }
    };
    let begin = move |socket: SocketRef| {
        let sessions = beginning.clone();
        async move { sessions.begin(&socket) }
    };
    io.ns("/", begin.with(admit));
    (layer, Door { io, sessions })
}

impl Door {
    /// What [`watch`] needs to see.
    pub(super) fn lines(&self) -> Lines {
        self.sessions.lines.clone()
    }

    /// Keeps the door until the server stops, then ends every connection.
    pub(super) async fn keep(self) {
        let Sessions { lines, stop, speaking, .. } = self.sessions;
        lines.clone().sweep(stop).await;
        speaking.close();
        let goodbyes = async {
            // Commands that are being carried out are finished and answered, then everybody is told.
            speaking.wait().await;
            self.io.close().await;
        };
        // A peer that does not read can keep the library waiting.
        if timeout(CLOSE_TIMEOUT, goodbyes).await.is_err() {
            debug!("cutting connections that do not end");
        }
        lines.cut_all();
    }
}

/// What a client may say about itself when it connects. Old clients say it in the query.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Auth {
    token: Option<String>,
    name: Option<DisplayName>,
}

/// What the connecting client left for [`Sessions::begin`].
#[derive(Clone)]
struct Admitted(Arc<Mutex<Option<Arrival>>>);

type Arrival = (Identity, mpsc::Receiver<Box<Incoming>>, Arc<Line>);

impl Sessions {
    /// Runs before the client is told that it is in: finds out who it is and takes its commands from
    /// the very first on.
    async fn admit(&self, socket: &SocketRef, TryData(auth): TryData<Auth>) -> Result<(), Refusal> {
        let visitor = socket.req_parts().extensions.get::<Visitor>().ok_or(Refusal::Internal)?;
        let mut auth = auth.map_err(|error| Refusal::from_decoding(&error))?;
        let query = socket.req_parts().uri.query().unwrap_or_default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match name.as_ref() {
                "token" if auth.token.is_none() => auth.token = Some(value.into_owned()),
                "name" if auth.name.is_none() => auth.name = Some(DisplayName::parse(&value)?),
                _ => {}
            }
        }
        let claim = Claim { token: auth.token, remembered: visitor.token.clone(), name: auth.name };
        let identity = self.chat.identify(claim).await.map_err(Failure::tell)?;

        // In boxes: the channel makes room for 32 at once, for each connection and as long as it lives.
        let (inbox, commands) = mpsc::channel(INBOX);
        let inbox = Arc::new(Mutex::new(Some(inbox)));
        let line = self.lines.add(socket)?;
        socket.extensions.insert(Admitted(Arc::new(Mutex::new(Some((identity, commands, line.clone()))))));
        let (flooded, filled) = (line.clone(), inbox.clone());
        socket.on_fallback(move |incoming: Incoming| {
            if let Some(inbox) = &*lock(&filled)
                && inbox.try_send(Box::new(incoming)).is_err()
                && !flooded.ended.is_cancelled()
            {
                debug!("a client sent more than its inbox holds");
                flooded.cut();
            }
            std::future::ready(())
        });
        let lines = self.lines.clone();
        socket.on_disconnect(move |socket: SocketRef, reason: DisconnectReason| {
            // Who left the only namespace there is has a transport still.
            if reason != DisconnectReason::ClientNSDisconnect {
                lines.forget(socket.id);
            }
            if reason == DisconnectReason::HeartbeatTimeout {
                line.bury();
            } else {
                line.leave();
            }
            // A program may say something and be gone: what is in there is carried out.
            drop(lock(&inbox).take());
            std::future::ready(())
        });
        Ok(())
    }

    /// Runs after the client was told that it is in: from here on it can be spoken to.
    fn begin(&self, socket: &SocketRef) {
        let admitted = socket.extensions.get::<Admitted>();
        let taken = admitted.and_then(|Admitted(left)| lock(&left).take());
        let (Some((identity, commands, line)), Some(visitor)) =
            (taken, socket.req_parts().extensions.get::<Visitor>())
        else {
            return warn!("a connection began without being admitted");
        };
        let connection = Arc::new(Connection::new(socket.clone(), line.clone()));
        let session = self.chat.enter(&identity, connection.clone(), visitor.peer.address);
        self.speaking.spawn(self.clone().converse(session, connection, commands, line));
    }

    /// Handles one connection's commands, one after the other, until it ends.
    async fn converse(
        self,
        mut session: Session,
        connection: Arc<Connection>,
        mut inbox: mpsc::Receiver<Box<Incoming>>,
        line: Arc<Line>,
    ) {
        debug!(person = %session.person().id, "connected");
        loop {
            let incoming = tokio::select! {
                biased;
                () = line.ended.cancelled() => break,
                () = self.stop.cancelled() => {
                    connection.emit(Restart::NAME, &self.restart());
                    break;
                }
                incoming = async { line.drained().await; inbox.recv().await } => incoming,
            };
            let Some(incoming) = incoming else { break };
            let Incoming { asked, ack, ack_id } = *incoming;
            let result = match asked {
                // In a box, so that a connection which says nothing keeps no room for what it might say.
                Ok(asked) => Box::pin(answer(&mut session, &connection, asked)).await.map_err(Failure::tell),
                Err(refusal) => Err(refusal),
            };
            match result {
                Ok(reply) => {
                    fault::pass(Point::BeforeAck);
                    connection.acknowledge(ack, ack_id, &reply);
                    fault::pass(Point::AfterAck);
                }
                Err(error) if ack_id.is_some() => connection.acknowledge(ack, ack_id, &Refused { error }),
                Err(error) => connection.refuse(error),
            }
        }
        // Its transport would stay for ever.
        line.cut();
        if line.is_dead() {
            // It had its time already; nobody waits for it any longer.
            session.leave_all();
        }
        debug!(person = %session.person().id, "disconnected");
    }

    /// When one client shall come back; each hears another time.
    fn restart(&self) -> Restart {
        let one_a_millisecond = u32::try_from(self.lines.count()).unwrap_or(u32::MAX);
        let last = LAST_BACK.max(FIRST_BACK.saturating_add(one_a_millisecond));
        Restart { after: rand::random_range(FIRST_BACK..last) }
    }
}

/// One event of a client, decoded.
struct Incoming {
    asked: Result<Asked, Refusal>,
    ack: AckSender,
    /// What the client calls the answer, when it wants one.
    ack_id: Option<i64>,
}

enum Asked {
    Command(Command),
    /// The tutorial's `room`.
    Room(RoomName),
    /// The tutorial's `chat message`.
    ChatMessage(Body),
}

impl FromMessageParts<socketioxide::adapter::LocalAdapter> for Incoming {
    type Error = std::convert::Infallible;

    fn from_message_parts(
        socket: &Arc<Socket>,
        value: &mut socketioxide_core::Value,
        ack_id: &Option<i64>,
    ) -> Result<Self, Self::Error> {
        let name = Event::from_message_parts(socket, value, ack_id);
        let TryData(payload) = TryData::<Value>::from_message_parts(socket, value, ack_id)?;
        let ack = AckSender::from_message_parts(socket, value, ack_id)?;
        let asked = match (name, payload) {
            (Ok(Event(name)), Ok(payload)) if was_encoded_twice(socket) => {
                decode(&name, old::decode_twice(payload))
            }
            (Ok(Event(name)), Ok(payload)) => decode(&name, payload),
            _ => Err(Refusal::BadRequest),
        };
        Ok(Incoming { asked, ack, ack_id: *ack_id })
    }
}

/// Whether what this client sends may have been encoded twice, see [`old`].
fn was_encoded_twice(socket: &Socket) -> bool {
    socket.protocol() == ProtocolVersion::V4 && socket.transport_type() == TransportType::Polling
}

fn decode(name: &str, payload: Value) -> Result<Asked, Refusal> {
    let decoded = match name {
        tutorial::ROOM => RoomName::deserialize(payload).map(Asked::Room),
        tutorial::CHAT_MESSAGE => Body::deserialize(payload).map(Asked::ChatMessage),
        _ => {
            let command = Command::decode(name, payload).ok_or(Refusal::UnknownCommand)?;
            command.map(Asked::Command)
        }
    };
    decoded.map_err(|error| Refusal::from_decoding(&error))
}

async fn answer(session: &mut Session, connection: &Connection, asked: Asked) -> Result<Reply, Failure> {
    match asked {
        Asked::Command(command) => {
            if !matches!(command, Command::Join(Join { .. })) {
                return session.handle(command).await;
            }
            let spoke = connection.speak_tutorial(false);
            let joined = session.handle(command).await;
            if joined.is_err() {
                connection.speak_tutorial(spoke);
            }
            joined
        }
        Asked::Room(room) => {
            let spoke = connection.speak_tutorial(true);
            let joined = session.move_to(room).await;
            if joined.is_err() {
                connection.speak_tutorial(spoke);
            }
            if matches!(joined, Err(Failure::Refused(Refusal::RoomFull | Refusal::Removed))) {
                connection.emit(tutorial::RESULT, &tutorial::FAILED);
            }
            joined.map(Reply::Joined)
        }
        // Its programs know no refusal and say nothing a second time: too fast, they are slowed down.
        Asked::ChatMessage(body) => loop {
            match session.say(body.clone()).await {
                Err(Failure::Refused(Refusal::TooFast)) if connection.pause(SLOWER).await => {}
                said => return said.map(Reply::Sent),
            }
        },
    }
}
