//! The bounded queue of room broadcasts for one connection, until its task writes them.
//!
//! A broadcast is encoded once for all line connections. A connection that does not keep up is
//! closed, so that it never shows anything after an event it has missed.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use common::{
    event::{Presence, PresenceChange, Push},
    line::Line,
    message::Seq,
    person::PersonId,
    room::RoomName,
};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::debug;

use crate::{
    chat::broadcast::{Broadcast, Encoding, Lagged, Subscriber},
    transport::raw_socket::MAX_QUEUED_BYTES,
};

/// The largest number of queued items; their bytes are bounded as in every transport.
const MAX_QUEUED_ITEMS: usize = 256;

/// A broadcast in the form in which all line connections share it.
#[derive(Debug)]
pub(super) enum QueuedItem {
    Event { room: RoomName, seq: Seq, person: PersonId, lines: String },
    Presence(Presence),
    Kicked(RoomName),
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
            Push::Kicked(push) => QueuedItem::Kicked(push.room.clone()),
            // TCP loses nothing while the connection lives, so heartbeats are not needed; typing
            // and free seats have no line.
            Push::Heartbeat(_) | Push::Typing(_) | Push::SeatAvailable(_) => return None,
        }))
    }

    fn bytes(&self) -> usize {
        match self {
            QueuedItem::Event { lines, .. } => lines.len(),
            QueuedItem::Presence(push) => push.changes.len() * size_of::<PresenceChange>(),
            QueuedItem::Kicked(room) => room.as_str().len(),
        }
    }
}

/// Encodes lines as they are sent.
pub(super) fn encode_lines(lines: &[Line]) -> String {
    lines.iter().map(|line| format!("{line}\n")).collect()
}

/// The sending side of the queue, subscribed to the room.
pub(super) struct LineQueue {
    sender: mpsc::Sender<Arc<QueuedItem>>,
    queued_bytes: AtomicUsize,
    /// Whether presence changes are queued.
    presence_wanted: AtomicBool,
    /// Cancelled when the queue overflowed.
    pub(super) overflowed: CancellationToken,
}

impl LineQueue {
    /// Creates a queue and its receiver.
    pub(super) fn new() -> (Arc<LineQueue>, mpsc::Receiver<Arc<QueuedItem>>) {
        let (sender, receiver) = mpsc::channel(MAX_QUEUED_ITEMS);
        let queue = LineQueue {
            sender,
            queued_bytes: AtomicUsize::new(0),
            presence_wanted: AtomicBool::new(true),
            overflowed: CancellationToken::new(),
        };
        (Arc::new(queue), receiver)
    }

    /// Switches the queueing of presence changes. In a crowd they are off, because each change
    /// would wake thousands of connections.
    pub(super) fn set_presence_wanted(&self, wanted: bool) {
        self.presence_wanted.store(wanted, Ordering::Relaxed);
    }

    /// Subtracts items that were taken out of the queue.
    pub(super) fn release(&self, items: &[Arc<QueuedItem>]) {
        self.queued_bytes.fetch_sub(items.iter().map(|item| item.bytes()).sum(), Ordering::Relaxed);
    }

    fn push(&self, item: Arc<QueuedItem>) -> Result<(), Lagged> {
        let bytes = item.bytes();
        let queued_bytes = self.queued_bytes.fetch_add(bytes, Ordering::Relaxed);
        if (queued_bytes > 0 && queued_bytes + bytes > MAX_QUEUED_BYTES)
            || self.sender.try_send(item).is_err()
        {
            debug!("cutting a line that does not read");
            self.overflowed.cancel();
            return Err(Lagged);
        }
        Ok(())
    }
}

impl Subscriber for LineQueue {
    fn deliver(&self, broadcast: &Broadcast) -> Result<(), Lagged> {
        if matches!(broadcast.push, Push::Presence(_)) && !self.presence_wanted.load(Ordering::Relaxed) {
            return Ok(());
        }
        broadcast.with_encoded(Encoding::LINE, QueuedItem::encode, |item| match item {
            Some(item) => self.push(item.clone()),
            None => Ok(()),
        })
    }
}
