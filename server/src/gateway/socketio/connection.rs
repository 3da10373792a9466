//! The server's side of one client: everything it is told goes through here, into a bounded queue.
//!
//! What a room tells everybody is written once and kept with the notice. A client that does not take
//! what it is told in time is cut, so that it never hears what comes after something it has missed.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use common::{
    event::{Push, Refused, tutorial},
    refusal::Refusal,
};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use socketioxide::{
    ProtocolVersion, SendError, SocketError,
    extract::{AckSender, SocketRef},
};
use tokio::time::sleep;
use tracing::{debug, warn};

use super::{line::Line, old, packet};
use crate::{
    chat::notice::{Lagging, Listener, Notice, Slot},
    gateway::wire::{Unsent, Wire},
};

/// The event that carries a refusal to a client which asked for no acknowledgement.
const REFUSED: &str = "refused";

/// The most that is put together for one write, in bytes.
const MAX_TOGETHER: usize = 64 * 1024;

/// What stands around the name and the payload of an event: `42["…",…]`.
const EVENT_FRAME: usize = 7;
/// What stands around the payload of an acknowledgement with a number of one digit: `430[…]`.
const ACK_FRAME: usize = 5;

/// One connection's side towards the rooms and the client.
pub(super) struct Connection {
    socket: SocketRef,
    line: Arc<Line>,
    /// The WebSocket to write right into, if the session was opened over one.
    wire: Option<Wire>,
    /// Whether it speaks Engine.IO 3, see [`old`].
    old: bool,
    /// Whether it speaks the tutorial's dialect: it does from its `room` until it says `join`.
    tutorial: AtomicBool,
}

impl Connection {
    pub(super) fn new(socket: SocketRef, line: Arc<Line>) -> Connection {
        let old = socket.protocol() == ProtocolVersion::V4;
        let wire = line.direct.clone();
        Connection { socket, line, wire, old, tutorial: AtomicBool::new(false) }
    }

    /// From now on this client speaks the tutorial's dialect, or the full protocol; tells which it
    /// was.
    pub(super) fn speak_tutorial(&self, tutorial: bool) -> bool {
        self.tutorial.swap(tutorial, Ordering::Relaxed)
    }

    /// Waits for so long; false when the connection was ended meanwhile.
    pub(super) async fn pause(&self, time: Duration) -> bool {
        self.line.ended.run_until_cancelled(sleep(time)).await.is_some()
    }

    /// Tells a client that asked for no acknowledgement why its command was not carried out.
    pub(super) fn refuse(&self, error: Refusal) {
        self.emit(REFUSED, &Refused { error });
    }

    /// Tells the client something; false when the connection is over or had to be cut.
    pub(super) fn emit(&self, event: &str, payload: &impl Serialize) -> bool {
        self.written(payload).is_some_and(|payload| self.send(event, &payload))
    }

    /// Answers a command; nothing happens when the client asked for no answer.
    pub(super) fn acknowledge(&self, ack: AckSender, id: Option<i64>, reply: &impl Serialize) {
        let (Some(id), Some(payload)) = (id, self.written(reply)) else { return };
        match &self.wire {
            Some(wire) => self.sent(wire, packet::ack(id, &payload).as_deref()),
            None => self.queued(ACK_FRAME + payload.get().len(), || ack.send(&payload)),
        };
    }

    fn written(&self, payload: &impl Serialize) -> Option<Box<RawValue>> {
        let written = if self.old { old::ascii_json(payload) } else { to_raw_value(payload) };
        written.inspect_err(|error| warn!("writing to a client: {error}")).ok()
    }

    fn send(&self, event: &str, payload: &RawValue) -> bool {
        match &self.wire {
            Some(wire) => self.sent(wire, packet::event(event, payload).as_deref()),
            None => {
                let text = EVENT_FRAME + event.len() + payload.get().len();
                self.queued(text, || self.socket.emit(event, payload))
            }
        }
    }

    /// The frames of several notices for one write, which costs little more than the write of one:
    /// who is behind catches up. `None` when they must be sent one by one.
    fn together(&self, notices: &[Notice]) -> Option<Vec<u8>> {
        if notices.len() < 2 || self.wire.is_none() || self.old || self.tutorial.load(Ordering::Relaxed) {
            return None;
        }
        let mut frames = Vec::new();
        for notice in notices {
            notice.with_written(Slot::SOCKETIO, write, |written| {
                written.as_ref().ok().map(|written| frames.extend(&written.frame))
            })?;
        }
        (frames.len() <= MAX_TOGETHER).then_some(frames)
    }

    /// Sends whole frames right away, and cuts the connection when too much waits already.
    fn sent(&self, wire: &Wire, frames: Result<&[u8], &serde_json::Error>) -> bool {
        match frames.map(|frames| wire.send(frames)) {
            Ok(Ok(())) => return true,
            Ok(Err(Unsent::Over)) => {}
            Ok(Err(Unsent::Full)) => debug!("cutting a connection that does not read"),
            Err(error) => warn!("writing to a client: {error}"),
        }
        self.line.cut();
        false
    }

    /// Queues a text of so many bytes with `send`, and cuts the connection when the queue is full: it
    /// must not hear what comes after.
    fn queued(&self, text: usize, send: impl FnOnce() -> Result<(), SendError>) -> bool {
        let sent = self.line.queue(text, self.socket.transport_type()).map(|()| send());
        match sent {
            Ok(Ok(())) => return true,
            Ok(Err(SendError::Socket(SocketError::Closed))) => return false,
            Ok(Err(error)) => debug!("cutting a connection: {error}"),
            Err(Lagging) => debug!("cutting a connection that does not read"),
        }
        self.line.cut();
        false
    }
}

/// A push as Socket.IO carries it, written once for everybody: as the library wants it, and as the
/// frame that goes right into a WebSocket.
struct Written {
    event: &'static str,
    payload: Box<RawValue>,
    frame: Vec<u8>,
}

impl Written {
    fn new(event: &'static str, payload: Box<RawValue>) -> serde_json::Result<Written> {
        Ok(Written { event, frame: packet::event(event, &payload)?, payload })
    }
}

fn write(push: &Push) -> serde_json::Result<Written> {
    let (event, payload) = raw(push)?;
    Written::new(event, payload)
}

fn write_ascii(push: &Push) -> serde_json::Result<Written> {
    let (event, payload) = raw(push)?;
    Written::new(event, old::ascii_json(&payload)?)
}

fn raw(push: &Push) -> serde_json::Result<(&'static str, Box<RawValue>)> {
    Ok(match push {
        Push::Event(told) => (Push::EVENT, to_raw_value(told)?),
        Push::Presence(told) => (Push::PRESENCE, to_raw_value(told)?),
        Push::Heartbeat(told) => (Push::HEARTBEAT, to_raw_value(told)?),
        Push::Typing(told) => (Push::TYPING, to_raw_value(told)?),
        Push::Seat(told) => (Push::SEAT, to_raw_value(told)?),
        Push::Removed(told) => (Push::REMOVED, to_raw_value(told)?),
    })
}

impl Listener for Connection {
    fn hear(&self, notice: &Notice) -> Result<(), Lagging> {
        let send = |written: &serde_json::Result<Written>| match (written, &self.wire) {
            (Ok(written), Some(wire)) => self.sent(wire, Ok(&written.frame)),
            (Ok(written), None) => self.send(written.event, &written.payload),
            (Err(error), _) => {
                warn!("writing a push: {error}");
                false
            }
        };
        let heard = match &notice.push {
            Push::Event(told) if self.tutorial.load(Ordering::Relaxed) => {
                // The tutorial knows nothing but what is said.
                told.event.what.body().is_none_or(|body| self.emit(tutorial::CHAT_MESSAGE, &body.as_str()))
            }
            Push::Removed(_) if self.tutorial.load(Ordering::Relaxed) => {
                self.emit(tutorial::RESULT, &tutorial::FAILED)
            }
            _ if self.tutorial.load(Ordering::Relaxed) => true,
            _ if self.old => notice.with_written(Slot::SOCKETIO_ASCII, write_ascii, send),
            _ => notice.with_written(Slot::SOCKETIO, write, send),
        };
        if heard { Ok(()) } else { Err(Lagging) }
    }

    fn hear_all(&self, notices: &[Notice]) -> Result<(), Lagging> {
        match (&self.wire, self.together(notices)) {
            (Some(wire), Some(frames)) if self.sent(wire, Ok(&frames)) => Ok(()),
            (Some(_), Some(_)) => Err(Lagging),
            _ => notices.iter().try_for_each(|notice| self.hear(notice)),
        }
    }
}
