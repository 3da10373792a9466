//! Subscribes one connection to its room: encodes broadcasts as lines and queues them until the
//! connection's task writes them.
//!
//! A broadcast is encoded once for all line connections. A connection that does not keep up is
//! closed, so that it never shows anything after an event it has missed.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use common::{
    line::Line,
    message::Seq,
    person::PersonId,
    protocol::push::{Kicked, Presence, PresenceChange, Push},
    room::RoomName,
};
use tracing::debug;

use crate::{
    chat::broadcast::{Broadcast, Encoding, Lagged, Subscriber},
    transport::queue::{Queue, WhenFull},
};

/// Queues the broadcasts of the room for one connection.
pub(super) struct LineSubscriber {
    pub(super) queue: Queue<Arc<QueuedItem>>,
    /// Whether presence changes are queued.
    presence_wanted: AtomicBool,
}

impl LineSubscriber {
    pub(super) fn new() -> LineSubscriber {
        LineSubscriber { queue: Queue::new(WhenFull::Close), presence_wanted: AtomicBool::new(true) }
    }

    /// Switches the queueing of presence changes. In a crowd they are off, because each change
    /// would wake thousands of connections.
    pub(super) fn set_presence_wanted(&self, wanted: bool) {
        self.presence_wanted.store(wanted, Ordering::Relaxed);
    }
}

impl Subscriber for LineSubscriber {
    fn deliver(&self, broadcast: &Broadcast) -> Result<(), Lagged> {
        if matches!(broadcast.push, Push::Presence(_)) && !self.presence_wanted.load(Ordering::Relaxed) {
            return Ok(());
        }
        broadcast.with_encoded(Encoding::LINE, QueuedItem::encode, |item| match item {
            Some(item) => self
                .queue
                .push(item.clone(), item.bytes())
                .inspect_err(|Lagged| debug!("cutting a line that does not read")),
            None => Ok(()),
        })
    }
}

/// A broadcast in the form in which all line connections share it.
#[derive(Debug)]
pub(super) enum QueuedItem {
    Event { room: RoomName, seq: Seq, person: PersonId, lines: String },
    Presence(Presence),
    Kicked(Kicked),
}

impl QueuedItem {
    fn encode(push: &Push) -> Option<Arc<QueuedItem>> {
        Some(Arc::new(match push {
            Push::Event(push) => QueuedItem::Event {
                room: push.room.clone(),
                seq: push.event.seq,
                person: push.event.person.id,
                lines: encode_lines(&Line::from_event(&push.event, false)),
            },
            Push::Presence(push) => QueuedItem::Presence(push.clone()),
            Push::Kicked(push) => QueuedItem::Kicked(push.clone()),
            // TCP loses nothing while the connection lives, so heartbeats are not needed; typing
            // and free seats have no line.
            Push::Heartbeat(_) | Push::Typing(_) | Push::SeatAvailable(_) => return None,
        }))
    }

    fn bytes(&self) -> usize {
        match self {
            QueuedItem::Event { lines, .. } => lines.len(),
            QueuedItem::Presence(push) => push.changes.len() * size_of::<PresenceChange>(),
            QueuedItem::Kicked(push) => push.room.as_str().len(),
        }
    }
}

/// Encodes lines as they are sent.
pub(super) fn encode_lines(lines: &[Line]) -> String {
    lines.iter().map(|line| format!("{line}\n")).collect()
}
