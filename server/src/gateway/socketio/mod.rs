//! Socket.IO: clients of every generation, over WebSocket and long-polling, on the default namespace.
//!
//! Two dialects side by side: the tutorial's four words, and the full protocol of `common::event`.
//! Commands go into one bounded inbox in the order of the wire and are handled one at a time; the
//! library would run each in a task of its own, in any order. Every handler is registered before
//! the client is told that it is in; later ones would lose its first words.

mod lines;
mod old;

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};

use common::{
    event::{Command, Join, Push, Refused, Reply, What, tutorial},
    message::Body,
    person::DisplayName,
    refusal::Refusal,
    room::RoomName,
};
use serde::{Deserialize, Serialize};
use serde_json::{
    Value,
    value::{RawValue, to_raw_value},
};
use socketioxide::{
    ParserConfig, ProtocolVersion, SendError, SocketError, SocketIo, TransportType,
    extract::{AckSender, Event, SocketRef, TryData},
    handler::{ConnectHandler, FromMessageParts},
    layer::SocketIoLayer,
    socket::{DisconnectReason, Socket},
};
use socketioxide_core::parser::ParserError;
use tokio::{sync::mpsc, time::Duration};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};
use url::form_urlencoded;

pub(super) use self::lines::{Lines, watch};
use super::guard::Visitor;
use crate::{
    chat::{
        Chat,
        notice::{Lagging, Listener, Notice, Slot},
        people::{Claim, Identity},
        session::Session,
    },
    failure::Failure,
    lock::lock,
};

/// Where Socket.IO clients look by default.
pub(super) const PATH: &str = "/socket.io";

/// The largest packet a client may send, in bytes: a message of 16 KiB with room for its escapes.
/// Without this limit the library takes 64 MiB from anybody.
const MAX_PACKET: usize = 64 * 1024;
/// How many commands of one connection may wait. One more, and the connection is cut.
const INBOX: usize = 256;
/// How many packets may wait for one connection. One more, and it is cut and comes back.
const OUTBOX: usize = 256;
/// How long a client may take from opening the transport to entering the namespace.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long all connections may take to end when the server stops.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);
/// The event that carries a refusal to a client which asked for no acknowledgement.
const REFUSED: &str = "refused";

/// The layer that answers under [`PATH`], and the handle that ends it.
pub(super) fn layer(chat: Chat, stop: CancellationToken) -> (SocketIoLayer, SocketIo, Lines) {
    let (layer, io) = SocketIo::builder()
        .req_path(PATH)
        .connect_timeout(CONNECT_TIMEOUT)
        .max_payload(MAX_PACKET as u64)
        .ws_max_message_size(MAX_PACKET)
        .ws_max_frame_size(MAX_PACKET)
        .ws_read_buffer_size(4 * 1024)
        .max_buffer_size(OUTBOX)
        // Madang takes no binary data; attachments would pile up unseen.
        .with_parser(ParserConfig::common().max_incoming_binaries(0))
        .build_layer();
    let lines = Lines::new(chat.clone());
    let (speaking, begun) = (chat.clone(), lines.clone());
    let enter = move |socket: SocketRef| {
        let (chat, lines) = (speaking.clone(), begun.clone());
        async move { begin(&chat, &lines, &socket) }
    };
    let admitted = lines.clone();
    let admit = move |socket: SocketRef, auth: TryData<Auth>| {
        let (chat, lines, ended) = (chat.clone(), admitted.clone(), stop.child_token());
        async move { admit(&chat, lines, ended, &socket, auth).await }
    };
    io.ns("/", enter.with(admit));
    (layer, io, lines)
}

/// Ends every connection when the server stops. Clients come back by themselves.
pub(super) async fn close_on(io: SocketIo, stop: CancellationToken) {
    stop.cancelled().await;
    // A peer that does not read can keep the library waiting; the process ends all the same.
    let _ = tokio::time::timeout(CLOSE_TIMEOUT, io.close()).await;
}

/// What a client may say about itself when it connects. Old clients say it in the query.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Auth {
    token: Option<String>,
    name: Option<DisplayName>,
}

/// What the connecting client left for [`begin`].
#[derive(Clone)]
struct Admitted(Arc<Mutex<Option<Arrival>>>);

type Arrival = (Identity, mpsc::Receiver<Incoming>);

/// Runs before the client is told that it is in: finds out who it is and takes its commands from
/// the very first on.
async fn admit(
    chat: &Chat,
    lines: Lines,
    ended: CancellationToken,
    socket: &SocketRef,
    TryData(auth): TryData<Auth>,
) -> Result<(), Refusal> {
    let visitor = socket.req_parts().extensions.get::<Visitor>().ok_or(Refusal::Internal)?;
    let mut auth = auth.map_err(|error| Refusal::from_decoding(&error))?;
    for (name, value) in form_urlencoded::parse(socket.req_parts().uri.query().unwrap_or_default().as_bytes())
    {
        match name.as_ref() {
            "token" if auth.token.is_none() => auth.token = Some(value.into_owned()),
            "name" if auth.name.is_none() => auth.name = Some(DisplayName::parse(&value)?),
            _ => {}
        }
    }
    let claim = Claim { token: auth.token, remembered: visitor.token.clone(), name: auth.name };
    let identity = chat.identify(claim).await.map_err(Failure::tell)?;

    let (inbox, commands) = mpsc::channel(INBOX);
    socket.extensions.insert(Admitted(Arc::new(Mutex::new(Some((identity, commands))))));
    socket.extensions.insert(ended.clone());
    let (flooded, flooding) = (ended.clone(), lines.clone());
    socket.on_fallback(move |socket: SocketRef, incoming: Incoming| {
        if inbox.try_send(incoming).is_err() && !flooded.is_cancelled() {
            debug!("a client sent more than its inbox holds");
            flooding.cut(&socket);
        }
        std::future::ready(())
    });
    socket.on_disconnect(move |socket: SocketRef, reason: DisconnectReason| {
        ended.cancel();
        if reason == DisconnectReason::ClientNSDisconnect {
            // The client left the only namespace there is; its transport would stay for ever.
            lines.cut(&socket);
        } else {
            lines.forget(socket.id);
        }
        std::future::ready(())
    });
    Ok(())
}

/// Runs after the client was told that it is in: from here on it can be spoken to.
fn begin(chat: &Chat, lines: &Lines, socket: &SocketRef) {
    let admitted = socket.extensions.get::<Admitted>();
    let taken = admitted.and_then(|Admitted(left)| lock(&left).take());
    let (Some((identity, commands)), Some(ended), Some(visitor)) =
        (taken, socket.extensions.get::<CancellationToken>(), socket.req_parts().extensions.get::<Visitor>())
    else {
        warn!("a connection began without being admitted");
        return lines.cut(socket);
    };
    let connection = Arc::new(Connection {
        socket: socket.clone(),
        lines: lines.clone(),
        old: socket.protocol() == ProtocolVersion::V4,
        tutorial: AtomicBool::new(false),
    });
    let session = chat.enter(&identity, connection.clone(), visitor.peer.address);
    tokio::spawn(converse(session, connection, commands, ended));
}

/// One connection's side towards the rooms and the client.
struct Connection {
    socket: SocketRef,
    lines: Lines,
    /// Whether it speaks Engine.IO 3, see [`old`].
    old: bool,
    /// Whether it speaks the tutorial's dialect: it does from its `room` until it says `join`.
    tutorial: AtomicBool,
}

impl Connection {
    fn refuse(&self, error: Refusal) {
        self.emit(REFUSED, &Refused { error });
    }

    /// Tells the client something; false when the connection is over or had to be cut.
    fn emit(&self, event: &str, payload: &impl Serialize) -> bool {
        self.settle(match self.old.then(|| old::ascii_json(payload)) {
            Some(Ok(ascii)) => self.socket.emit(event, &ascii),
            Some(Err(error)) => Err(SendError::Serialize(ParserError::new(error))),
            None => self.socket.emit(event, payload),
        })
    }

    /// Sends what was written for everybody.
    fn send(&self, written: &Written) -> bool {
        match &written.payload {
            Ok(payload) => self.settle(self.socket.emit(written.event, payload)),
            Err(error) => {
                warn!("writing a push: {error}");
                false
            }
        }
    }

    /// Answers a command; nothing happens when the client asked for no answer.
    fn acknowledge(&self, ack: AckSender, reply: &impl Serialize) {
        self.settle(match self.old.then(|| old::ascii_json(reply)) {
            Some(Ok(ascii)) => ack.send(&ascii),
            Some(Err(error)) => Err(SendError::Serialize(ParserError::new(error))),
            None => ack.send(reply),
        });
    }

    /// Cuts the connection when its queue did not take something: it must not hear what comes after.
    fn settle(&self, sent: Result<(), SendError>) -> bool {
        match sent {
            Ok(()) => true,
            Err(SendError::Socket(SocketError::Closed)) => false,
            Err(error) => {
                debug!("cutting a connection that does not keep up: {error}");
                self.lines.cut(&self.socket);
                false
            }
        }
    }
}

/// A push as Socket.IO carries it: the event's name, and its payload written once for everybody.
struct Written {
    event: &'static str,
    payload: serde_json::Result<Box<RawValue>>,
}

fn write(push: &Push) -> Written {
    match push {
        Push::Event(told) => Written { event: Push::EVENT, payload: to_raw_value(told) },
        Push::Presence(told) => Written { event: Push::PRESENCE, payload: to_raw_value(told) },
        Push::Heartbeat(told) => Written { event: Push::HEARTBEAT, payload: to_raw_value(told) },
    }
}

fn write_ascii(push: &Push) -> Written {
    let written = write(push);
    Written { payload: written.payload.and_then(|payload| old::ascii_json(&payload)), ..written }
}

impl Listener for Connection {
    fn hear(&self, notice: &Notice) -> Result<(), Lagging> {
        let heard = match &notice.push {
            Push::Event(told) if self.tutorial.load(Ordering::Relaxed) => {
                let What::Posted { body, .. } = &told.event.what;
                self.emit(tutorial::CHAT_MESSAGE, &body.as_str())
            }
            Push::Presence(_) | Push::Heartbeat(_) if self.tutorial.load(Ordering::Relaxed) => true,
            _ if self.old => {
                notice.with_written(Slot::SOCKETIO_ASCII, write_ascii, |written| self.send(written))
            }
            _ => notice.with_written(Slot::SOCKETIO, write, |written| self.send(written)),
        };
        if heard { Ok(()) } else { Err(Lagging) }
    }
}

/// One event of a client, decoded.
struct Incoming {
    asked: Result<Asked, Refusal>,
    ack: AckSender,
    wants_ack: bool,
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
        Ok(Incoming { asked, ack, wants_ack: ack_id.is_some() })
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

/// Handles one connection's commands, one after the other, until it ends.
async fn converse(
    mut session: Session,
    connection: Arc<Connection>,
    mut inbox: mpsc::Receiver<Incoming>,
    ended: CancellationToken,
) {
    debug!(person = %session.person().id, "connected");
    loop {
        let incoming = tokio::select! {
            biased;
            () = ended.cancelled() => break,
            incoming = inbox.recv() => incoming,
        };
        let Some(Incoming { asked, ack, wants_ack }) = incoming else { break };
        let result = match asked {
            Ok(asked) => answer(&mut session, &connection, asked).await.map_err(Failure::tell),
            Err(refusal) => Err(refusal),
        };
        match result {
            Ok(reply) => connection.acknowledge(ack, &reply),
            Err(error) if wants_ack => connection.acknowledge(ack, &Refused { error }),
            Err(error) => connection.refuse(error),
        }
    }
    debug!(person = %session.person().id, "disconnected");
}

async fn answer(session: &mut Session, connection: &Connection, asked: Asked) -> Result<Reply, Failure> {
    match asked {
        Asked::Command(command) => {
            if matches!(command, Command::Join(Join { .. })) {
                connection.tutorial.store(false, Ordering::Relaxed);
            }
            session.handle(command).await
        }
        Asked::Room(room) => {
            connection.tutorial.store(true, Ordering::Relaxed);
            let joined = session.move_to(room).await;
            if matches!(joined, Err(Failure::Refused(Refusal::RoomFull))) {
                connection.emit(tutorial::RESULT, &tutorial::FAILED);
            }
            joined.map(Reply::Joined)
        }
        Asked::ChatMessage(body) => session.say(body).await.map(Reply::Sent),
    }
}
