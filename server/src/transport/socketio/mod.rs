//! Socket.IO: clients of every version, over WebSocket and long-polling, in the default namespace.
//!
//! Clients speak one of two dialects: the four events of the tutorial, or the full protocol of
//! `common::event`. The commands of one connection go into a bounded queue in the order in which
//! they arrive and are handled one at a time; the library alone would run each in its own task, in
//! any order. All handlers are registered before the client is told that it is connected; handlers
//! registered later would miss its first events.

mod connection;
mod engine_session;
mod engineio3;
mod packet;

use std::sync::Arc;

use common::{
    event::{Command, ErrorReply, Join, Reply, Restart, tutorial},
    message::Body,
    person::DisplayName,
    refusal::Refusal,
    room::RoomName,
};
use parking_lot::Mutex;
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

pub(super) use self::engine_session::{EngineSessions, track_request};
use self::{connection::Connection, engine_session::EngineSession};
use super::guard::{ClientInfo, SOCKETIO_PATH};
use crate::{
    chat::{
        Chat,
        identity::{Credentials, Identity},
        session::Session,
    },
    error::Error,
    failpoint::{self, Failpoint},
};

/// The largest packet a client may send, in bytes: a message of 16 KiB with room for its escapes.
/// The library's default is 64 MiB.
const MAX_PACKET: usize = 64 * 1024;
/// The read buffer of a WebSocket, in bytes. Each connection keeps one, and most packets are smaller.
const READ_BUFFER: usize = 512;
/// The largest number of queued commands per connection; if exceeded, the connection is disconnected.
const MAX_QUEUED_COMMANDS: usize = 256;
/// The delay before a message of the tutorial's dialect that exceeded the rate limit is retried.
const TUTORIAL_RETRY_DELAY: Duration = Duration::from_millis(100);
/// The largest number of queued packets for a connection that began with long-polling; if exceeded,
/// it is disconnected and reconnects. (WebSockets bypass this queue and are bounded in bytes.)
const MAX_QUEUED_PACKETS: usize = 256;
/// The time a client has from opening the transport to entering the namespace.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The ping interval and the time a client has to answer a ping. Together they are the 25 seconds
/// after which a vanished client is disconnected.
const PING_INTERVAL: Duration = Duration::from_secs(15);
const PING_TIMEOUT: Duration = Duration::from_secs(10);
/// The time all connections have to end when the server stops.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);
/// The range of the reconnect delays when the server restarts, in milliseconds. With many clients
/// the range is longer, so that about a thousand reconnect per second.
const MIN_RECONNECT_DELAY: u32 = 500;
const USUAL_MAX_RECONNECT_DELAY: u32 = 1_000;

/// The running Socket.IO transport.
pub(super) struct SocketIoTransport {
    io: SocketIo,
    handlers: Handlers,
}

/// The state and the event handlers shared by all connections.
#[derive(Clone)]
struct Handlers {
    chat: Chat,
    engine_sessions: EngineSessions,
    stop: CancellationToken,
    /// The tasks of [`Handlers::run_session`].
    session_tasks: TaskTracker,
}

/// Builds the layer that handles [`SOCKETIO_PATH`] for at most `max` sessions, and its transport.
pub(super) fn build(chat: Chat, max: usize, stop: CancellationToken) -> (SocketIoLayer, SocketIoTransport) {
    let (layer, io) = SocketIo::builder()
        .req_path(SOCKETIO_PATH)
        .connect_timeout(CONNECT_TIMEOUT)
        .ping_interval(PING_INTERVAL)
        .ping_timeout(PING_TIMEOUT)
        .max_payload(MAX_PACKET as u64)
        .ws_max_message_size(MAX_PACKET)
        .ws_max_frame_size(MAX_PACKET)
        .ws_read_buffer_size(READ_BUFFER)
        .max_buffer_size(MAX_QUEUED_PACKETS)
        // No event has binary data; the library would hold attachments without any limit of ours.
        .with_parser(ParserConfig::common().max_incoming_binaries(0))
        .build_layer();
    let handlers = Handlers {
        engine_sessions: EngineSessions::new(chat.clone(), max),
        chat,
        stop,
        session_tasks: TaskTracker::new(),
    };
    let (accept_handlers, connect_handlers) = (handlers.clone(), handlers.clone());
    let accept = move |socket: SocketRef, auth: TryData<Auth>| {
        let handlers = accept_handlers.clone();
        async move { handlers.accept(&socket, auth).await }
    };
    let on_connect = move |socket: SocketRef| {
        let handlers = connect_handlers.clone();
        async move { handlers.on_connect(&socket) }
    };
    io.ns("/", on_connect.with(accept));
    (layer, SocketIoTransport { io, handlers })
}

impl SocketIoTransport {
    /// The state of [`track_request`].
    pub(super) fn engine_sessions(&self) -> EngineSessions {
        self.handlers.engine_sessions.clone()
    }

    /// Runs until the server stops, then ends all connections.
    pub(super) async fn run(self) {
        let Handlers { engine_sessions, stop, session_tasks, .. } = self.handlers;
        engine_sessions.clone().run_expiry(stop).await;
        session_tasks.close();
        let close_all = async {
            // Commands in progress are finished and acknowledged before the clients are disconnected.
            session_tasks.wait().await;
            self.io.close().await;
        };
        // A client that does not read can block the library.
        if timeout(CLOSE_TIMEOUT, close_all).await.is_err() {
            debug!("cutting connections that do not end");
        }
        engine_sessions.disconnect_all();
    }
}

/// The credentials a client sends when it connects, in the auth payload or, by old clients, the query.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Auth {
    token: Option<String>,
    name: Option<DisplayName>,
}

/// Passes the handshake from [`Handlers::accept`] to [`Handlers::on_connect`].
#[derive(Clone)]
struct HandshakeSlot(Arc<Mutex<Option<Handshake>>>);

type Handshake = (Identity, mpsc::Receiver<Box<IncomingEvent>>, Arc<EngineSession>);

impl Handlers {
    /// Runs before the client is told that it is connected: authenticates it and starts to queue
    /// its commands, so that none is lost.
    async fn accept(&self, socket: &SocketRef, TryData(auth): TryData<Auth>) -> Result<(), Refusal> {
        let client = socket.req_parts().extensions.get::<ClientInfo>().ok_or(Refusal::Internal)?;
        let mut auth = auth.map_err(|error| Refusal::from_decoding(&error))?;
        let query = socket.req_parts().uri.query().unwrap_or_default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match name.as_ref() {
                "token" if auth.token.is_none() => auth.token = Some(value.into_owned()),
                "name" if auth.name.is_none() => auth.name = Some(DisplayName::parse(&value)?),
                _ => {}
            }
        }
        let credentials =
            Credentials { token: auth.token, cookie_token: client.token.clone(), name: auth.name };
        let identity = self.chat.authenticate(credentials).await.map_err(Error::into_refusal)?;

        // Boxed, because a channel allocates room for 32 items for as long as it exists.
        let (command_sender, command_receiver) = mpsc::channel(MAX_QUEUED_COMMANDS);
        let command_sender = Arc::new(Mutex::new(Some(command_sender)));
        let engine_session = self.engine_sessions.add(socket)?;
        socket.extensions.insert(HandshakeSlot(Arc::new(Mutex::new(Some((
            identity,
            command_receiver,
            engine_session.clone(),
        ))))));
        let (fallback_session, fallback_queue) = (engine_session.clone(), command_sender.clone());
        socket.on_fallback(move |event: IncomingEvent| {
            if let Some(sender) = &*fallback_queue.lock()
                && sender.try_send(Box::new(event)).is_err()
                && !fallback_session.ended.is_cancelled()
            {
                debug!("a client sent more than its inbox holds");
                fallback_session.disconnect();
            }
            std::future::ready(())
        });
        let engine_sessions = self.engine_sessions.clone();
        socket.on_disconnect(move |socket: SocketRef, reason: DisconnectReason| {
            // A client that left the namespace still has its
            // transport, so the session stays in the table.
            if reason != DisconnectReason::ClientNSDisconnect {
                engine_sessions.remove(socket.id);
            }
            if reason == DisconnectReason::HeartbeatTimeout {
                engine_session.expire();
            } else {
                engine_session.mark_left();
            }
            // Closes the command queue. The commands in it are still handled, as a script may send
            // a message and disconnect at once.
            drop(command_sender.lock().take());
            std::future::ready(())
        });
        Ok(())
    }

    /// Runs after the client was told that it is connected, so that it can be sent events.
    fn on_connect(&self, socket: &SocketRef) {
        let slot = socket.extensions.get::<HandshakeSlot>();
        let handshake = slot.and_then(|HandshakeSlot(handshake)| handshake.lock().take());
        let (Some((identity, commands, engine_session)), Some(client)) =
            (handshake, socket.req_parts().extensions.get::<ClientInfo>())
        else {
            return warn!("a connection began without being admitted");
        };
        let connection = Arc::new(Connection::new(socket.clone(), engine_session.clone()));
        let session = self.chat.open_session(&identity, connection.clone(), client.peer.address);
        self.session_tasks.spawn(self.clone().run_session(session, connection, commands, engine_session));
    }

    /// Handles the commands of one connection, one after the other, until it ends.
    async fn run_session(
        self,
        mut session: Session,
        connection: Arc<Connection>,
        mut commands: mpsc::Receiver<Box<IncomingEvent>>,
        engine_session: Arc<EngineSession>,
    ) {
        debug!(person = %session.person().id, "connected");
        loop {
            let event = tokio::select! {
                biased;
                () = engine_session.ended.cancelled() => break,
                () = self.stop.cancelled() => {
                    connection.emit(Restart::NAME, &self.restart_message());
                    break;
                }
                event = async { engine_session.wait_until_drained().await; commands.recv().await } => event,
            };
            let Some(event) = event else { break };
            let IncomingEvent { request, ack, ack_id } = *event;
            let result = match request {
                // Boxed, so that idle connections do not reserve the memory of this future.
                Ok(request) => Box::pin(handle_request(&mut session, &connection, request))
                    .await
                    .map_err(Error::into_refusal),
                Err(refusal) => Err(refusal),
            };
            match result {
                Ok(reply) => {
                    failpoint::hit(Failpoint::BeforeAck);
                    connection.acknowledge(ack, ack_id, &reply);
                    failpoint::hit(Failpoint::AfterAck);
                }
                Err(error) if ack_id.is_some() => connection.acknowledge(ack, ack_id, &ErrorReply { error }),
                Err(error) => connection.refuse(error),
            }
        }
        // Otherwise the transport would stay open for ever.
        engine_session.disconnect();
        if engine_session.is_expired() {
            // The client has used up its lease, so its seats need no further grace.
            session.leave_all();
        }
        debug!(person = %session.person().id, "disconnected");
    }

    /// The advice when to reconnect, with a random delay for each client.
    fn restart_message(&self) -> Restart {
        let session_count = u32::try_from(self.engine_sessions.count()).unwrap_or(u32::MAX);
        let last = USUAL_MAX_RECONNECT_DELAY.max(MIN_RECONNECT_DELAY.saturating_add(session_count));
        Restart { after: rand::random_range(MIN_RECONNECT_DELAY..last) }
    }
}

/// A decoded event of a client.
struct IncomingEvent {
    request: Result<ClientRequest, Refusal>,
    ack: AckSender,
    /// The id of the acknowledgement, if the client requested one.
    ack_id: Option<i64>,
}

enum ClientRequest {
    Command(Command),
    /// The tutorial's `room` event.
    TutorialRoom(RoomName),
    /// The tutorial's `chat message` event.
    TutorialMessage(Body),
}

impl FromMessageParts<socketioxide::adapter::LocalAdapter> for IncomingEvent {
    type Error = std::convert::Infallible;

    fn from_message_parts(
        socket: &Arc<Socket>,
        value: &mut socketioxide_core::Value,
        ack_id: &Option<i64>,
    ) -> Result<Self, Self::Error> {
        let name = Event::from_message_parts(socket, value, ack_id);
        let TryData(payload) = TryData::<Value>::from_message_parts(socket, value, ack_id)?;
        let ack = AckSender::from_message_parts(socket, value, ack_id)?;
        let request = match (name, payload) {
            (Ok(Event(name)), Ok(payload)) if may_be_double_encoded(socket) => {
                decode(&name, engineio3::decode_doubled(payload))
            }
            (Ok(Event(name)), Ok(payload)) => decode(&name, payload),
            _ => Err(Refusal::BadRequest),
        };
        Ok(IncomingEvent { request, ack, ack_id: *ack_id })
    }
}

/// Whether this client's strings may be encoded twice, see [`engineio3`].
fn may_be_double_encoded(socket: &Socket) -> bool {
    socket.protocol() == ProtocolVersion::V4 && socket.transport_type() == TransportType::Polling
}

fn decode(name: &str, payload: Value) -> Result<ClientRequest, Refusal> {
    let decoded = match name {
        tutorial::ROOM => RoomName::deserialize(payload).map(ClientRequest::TutorialRoom),
        tutorial::CHAT_MESSAGE => Body::deserialize(payload).map(ClientRequest::TutorialMessage),
        _ => {
            let command = Command::decode(name, payload).ok_or(Refusal::UnknownCommand)?;
            command.map(ClientRequest::Command)
        }
    };
    decoded.map_err(|error| Refusal::from_decoding(&error))
}

async fn handle_request(
    session: &mut Session,
    connection: &Connection,
    request: ClientRequest,
) -> Result<Reply, Error> {
    match request {
        ClientRequest::Command(command) => {
            if !matches!(command, Command::Join(Join { .. })) {
                return session.handle(command).await;
            }
            let was_tutorial = connection.set_tutorial_dialect(false);
            let joined = session.handle(command).await;
            if joined.is_err() {
                connection.set_tutorial_dialect(was_tutorial);
            }
            joined
        }
        ClientRequest::TutorialRoom(room) => {
            let was_tutorial = connection.set_tutorial_dialect(true);
            let joined = session.switch_to_room_for_two(room).await;
            if joined.is_err() {
                connection.set_tutorial_dialect(was_tutorial);
            }
            if matches!(joined, Err(Error::Refused(Refusal::RoomFull | Refusal::Banned))) {
                connection.emit(tutorial::RESULT, &tutorial::FAILED);
            }
            joined.map(Reply::Joined)
        }
        // The tutorial's clients know no refusals and never
        // retry, so a message above the rate limit waits.
        ClientRequest::TutorialMessage(body) => loop {
            match session.send(body.clone()).await {
                Err(Error::Refused(Refusal::TooFast))
                    if connection.sleep_unless_ended(TUTORIAL_RETRY_DELAY).await => {}
                result => return result.map(Reply::Sent),
            }
        },
    }
}
