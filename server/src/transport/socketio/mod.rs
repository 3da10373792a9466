//! Socket.IO: clients of every version, over WebSocket and long-polling, in the default namespace.
//!
//! Clients speak one of two dialects: the four events of the tutorial, or the full protocol of
//! `common::protocol`. The library speaks the protocol; around it are, in the order in which a client
//! meets them:
//!
//! - [`middleware`]: limits the rate of handshakes and counts the traffic of each session, whose
//!   id it reads with [`query`];
//! - [`handshakes`]: bounds the sessions that have not entered the namespace;
//! - [`session`]: a connection's life, from its handshake through its commands to its end;
//! - [`request`]: decodes the events of a client and hands them to the chat;
//! - [`command_queue`]: what waits to be handed on;
//! - [`connection`]: sends replies and broadcasts to a client, without ever waiting for it;
//! - [`encode`]: the payloads and frames of these, and [`engineio3`] those of old clients;
//! - [`engine_session`] and [`registry`]: the leases and queued bytes of all Engine.IO sessions.

mod command_queue;
mod connection;
mod encode;
mod engine_session;
mod engineio3;
mod handshakes;
mod middleware;
mod query;
mod registry;
mod request;
mod session;

use socketioxide::{
    ParserConfig, SocketIo, extract::SocketRef, handler::ConnectHandler, layer::SocketIoLayer,
};
use tokio::time::{Duration, timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::debug;

pub(super) use self::middleware::track_request;
use self::{
    command_queue::QueuedCommands, registry::EngineSessions, request::AuthPayload, session::Handlers,
};
use super::{guard::SOCKETIO_PATH, permits::Permits};
use crate::chat::Chat;

/// The largest packet a client may send, in bytes: a message of 16 KiB with room for its escapes.
/// The library's default is 64 MiB.
const MAX_PACKET: usize = 64 * 1024;
/// The read buffer of a WebSocket, in bytes. Each connection keeps one, and most packets are smaller.
const READ_BUFFER: usize = 512;
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

/// The running Socket.IO transport.
pub(super) struct SocketIoTransport {
    io: SocketIo,
    handlers: Handlers,
}

/// Builds the layer that handles [`SOCKETIO_PATH`], for sessions with these permits, and its transport.
pub(super) fn build(
    chat: Chat,
    permits: Permits,
    stop: CancellationToken,
) -> (SocketIoLayer, SocketIoTransport) {
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
        engine_sessions: EngineSessions::new(chat.clone(), permits),
        chat,
        queued_commands: QueuedCommands::default(),
        stop,
        session_tasks: TaskTracker::new(),
    };
    let (accept_handlers, connect_handlers) = (handlers.clone(), handlers.clone());
    let accept = move |socket: SocketRef, auth: AuthPayload| {
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
