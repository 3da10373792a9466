//! One client's Socket.IO connection; everything the server sends to it goes through here into a
//! bounded queue.
//!
//! A broadcast is encoded once for all connections. A client that does not keep up is disconnected,
//! so that it never receives anything after an event it has missed.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use common::protocol::{push::Push, tutorial};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use socketioxide::{
    ProtocolVersion, SendError, SocketError,
    extract::{AckSender, SocketRef},
};
use tokio::time::sleep;
use tracing::{debug, warn};

use super::{
    encode::{self, EncodedPush},
    engine_session::EngineSession,
    engineio3,
};
use crate::{
    chat::broadcast::{Broadcast, Encoding, Lagged, Subscriber},
    transport::{
        error::{Refused, RefusedReply},
        raw_socket::{ConnectionHandle, WriteError},
    },
};

/// The event for refusals of commands without an acknowledgement.
const REFUSED: &str = "refused";

/// The largest number of bytes combined into one write.
const MAX_BATCH_BYTES: usize = 64 * 1024;

/// The bytes around the name and payload of an event: `42["…",…]`.
const EVENT_OVERHEAD: usize = 7;
/// The bytes around the payload of an acknowledgement with a one-digit id: `430[…]`.
const ACK_OVERHEAD: usize = 5;

/// Sends replies and broadcasts to one client.
pub(super) struct Connection {
    socket: SocketRef,
    engine_session: Arc<EngineSession>,
    /// The WebSocket to write to directly, if the session was opened over one.
    raw_socket: Option<ConnectionHandle>,
    /// Whether the client speaks Engine.IO 3, see [`engineio3`].
    is_engineio3: bool,
    /// Whether the client speaks the tutorial's dialect: from its `room` event until its `join`.
    speaks_tutorial: AtomicBool,
}

impl Connection {
    pub(super) fn new(socket: SocketRef, engine_session: Arc<EngineSession>) -> Connection {
        let is_engineio3 = socket.protocol() == ProtocolVersion::V4;
        let raw_socket = engine_session.raw_socket.clone();
        Connection {
            socket,
            engine_session,
            raw_socket,
            is_engineio3,
            speaks_tutorial: AtomicBool::new(false),
        }
    }

    /// Switches the dialect and returns whether the tutorial's was spoken before.
    pub(super) fn set_tutorial_dialect(&self, speaks_tutorial: bool) -> bool {
        self.speaks_tutorial.swap(speaks_tutorial, Ordering::Relaxed)
    }

    /// Sleeps; false if the session was ended meanwhile.
    pub(super) async fn sleep_unless_ended(&self, time: Duration) -> bool {
        self.engine_session.ended.run_until_cancelled(sleep(time)).await.is_some()
    }

    /// Sends a refusal to a client that requested no acknowledgement.
    pub(super) fn refuse(&self, error: &Refused) {
        self.emit(REFUSED, &RefusedReply { error });
    }

    /// Sends an event; false if the connection is closed or had to be disconnected.
    pub(super) fn emit(&self, event: &str, payload: &impl Serialize) -> bool {
        self.encode(payload).is_some_and(|payload| self.send(event, &payload))
    }

    /// Acknowledges a command, if the client requested it.
    pub(super) fn acknowledge(&self, ack: AckSender, id: Option<i64>, reply: &impl Serialize) {
        let (Some(id), Some(payload)) = (id, self.encode(reply)) else { return };
        match &self.raw_socket {
            Some(raw_socket) => self.write(raw_socket, encode::ack_frame(id, &payload).as_deref()),
            None => self.enqueue(ACK_OVERHEAD + payload.get().len(), || ack.send(&payload)),
        };
    }

    fn encode(&self, payload: &impl Serialize) -> Option<Box<RawValue>> {
        let encoded = if self.is_engineio3 { engineio3::ascii_json(payload) } else { to_raw_value(payload) };
        encoded.inspect_err(|error| warn!("writing to a client: {error}")).ok()
    }

    fn send(&self, event: &str, payload: &RawValue) -> bool {
        match &self.raw_socket {
            Some(raw_socket) => self.write(raw_socket, encode::event_frame(event, payload).as_deref()),
            None => {
                let length = EVENT_OVERHEAD + event.len() + payload.get().len();
                self.enqueue(length, || self.socket.emit(event, payload))
            }
        }
    }

    /// Combines the frames of several broadcasts into one write, which costs little more than one
    /// frame; so a client that is behind catches up. `None` if they must be sent one by one.
    fn combine(&self, broadcasts: &[Broadcast]) -> Option<Vec<u8>> {
        if broadcasts.len() < 2
            || self.raw_socket.is_none()
            || self.is_engineio3
            || self.speaks_tutorial.load(Ordering::Relaxed)
        {
            return None;
        }
        let mut frames = Vec::new();
        for broadcast in broadcasts {
            broadcast.with_encoded(Encoding::SOCKETIO, encode::push, |encoded| {
                encoded.as_ref().ok().map(|encoded| frames.extend(&encoded.frame))
            })?;
        }
        (frames.len() <= MAX_BATCH_BYTES).then_some(frames)
    }

    /// Writes whole frames to the WebSocket; disconnects if too much is queued already.
    fn write(&self, raw_socket: &ConnectionHandle, frames: Result<&[u8], &serde_json::Error>) -> bool {
        match frames.map(|frames| raw_socket.send(frames)) {
            Ok(Ok(())) => return true,
            // The library notices the end as well. Ending the session here would drop the commands that the client
            // sent before it left.
            Ok(Err(WriteError::Closed)) => return false,
            Ok(Err(WriteError::Full)) => debug!("cutting a connection that does not read"),
            Err(error) => warn!("writing to a client: {error}"),
        }
        self.engine_session.disconnect();
        false
    }

    /// Queues a text in the library; disconnects if the queue is full, because later events must
    /// not arrive after a missed one.
    fn enqueue(&self, length: usize, send: impl FnOnce() -> Result<(), SendError>) -> bool {
        let sent = self.engine_session.count_queued(length, self.socket.transport_type()).map(|()| send());
        match sent {
            Ok(Ok(())) => return true,
            Ok(Err(SendError::Socket(SocketError::Closed))) => return false,
            Ok(Err(error)) => debug!("cutting a connection: {error}"),
            Err(Lagged) => debug!("cutting a connection that does not read"),
        }
        self.engine_session.disconnect();
        false
    }
}

impl Subscriber for Connection {
    fn deliver(&self, broadcast: &Broadcast) -> Result<(), Lagged> {
        let send = |encoded: &serde_json::Result<EncodedPush>| match (encoded, &self.raw_socket) {
            (Ok(encoded), Some(raw_socket)) => self.write(raw_socket, Ok(&encoded.frame)),
            (Ok(encoded), None) => self.send(encoded.event, &encoded.payload),
            (Err(error), _) => {
                warn!("writing a push: {error}");
                false
            }
        };
        let delivered = match &broadcast.push {
            Push::Event(push) if self.speaks_tutorial.load(Ordering::Relaxed) => {
                // The tutorial's clients know messages only.
                push.event.kind.body().is_none_or(|body| self.emit(tutorial::CHAT_MESSAGE, &body.as_str()))
            }
            Push::Kicked(_) if self.speaks_tutorial.load(Ordering::Relaxed) => {
                self.emit(tutorial::RESULT, &tutorial::FAILED)
            }
            _ if self.speaks_tutorial.load(Ordering::Relaxed) => true,
            _ if self.is_engineio3 => {
                broadcast.with_encoded(Encoding::SOCKETIO_ASCII, encode::ascii_push, send)
            }
            _ => broadcast.with_encoded(Encoding::SOCKETIO, encode::push, send),
        };
        if delivered { Ok(()) } else { Err(Lagged) }
    }

    fn deliver_all(&self, broadcasts: &[Broadcast]) -> Result<(), Lagged> {
        match (&self.raw_socket, self.combine(broadcasts)) {
            (Some(raw_socket), Some(frames)) if self.write(raw_socket, Ok(&frames)) => Ok(()),
            (Some(_), Some(_)) => Err(Lagged),
            _ => broadcasts.iter().try_for_each(|broadcast| self.deliver(broadcast)),
        }
    }
}
