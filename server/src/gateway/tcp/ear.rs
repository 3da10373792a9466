//! What a line's rooms tell it, in a bounded queue until its conversation writes it.
//!
//! A message is written once for all lines. A line that does not take what it is told is cut, so
//! that it never shows what comes after something it has missed.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use common::{
    event::{Change, Presence, Push},
    line::Line,
    message::Seq,
    person::PersonId,
    room::RoomName,
};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::debug;

use crate::{
    chat::notice::{Lagging, Listener, Notice, Slot},
    gateway::wire::MAX_WAITING,
};

/// How many notices may wait for one line; in bytes they are bounded as at every door.
const MAX_NOTICES: usize = 256;

/// Something a room told.
#[derive(Debug)]
pub(super) enum Heard {
    Event { room: RoomName, seq: Seq, person: PersonId, lines: String },
    Presence(Presence),
    Removed(RoomName),
}

impl Heard {
    fn write(push: &Push) -> Option<Arc<Heard>> {
        Some(Arc::new(match push {
            Push::Event(told) => Heard::Event {
                room: told.room.clone(),
                seq: told.event.seq,
                person: told.event.person.id,
                lines: text(&Line::of_event(&told.event, false)),
            },
            Push::Presence(told) => Heard::Presence(told.clone()),
            Push::Removed(told) => Heard::Removed(told.room.clone()),
            // Over TCP nothing is lost without the connection being lost, and a line says what was
            // said, not that somebody is about to.
            Push::Heartbeat(_) | Push::Typing(_) | Push::Seat(_) => return None,
        }))
    }

    fn bytes(&self) -> usize {
        match self {
            Heard::Event { lines, .. } => lines.len(),
            Heard::Presence(told) => told.changes.len() * size_of::<Change>(),
            Heard::Removed(room) => room.as_str().len(),
        }
    }
}

/// These lines as they are sent.
pub(super) fn text(lines: &[Line]) -> String {
    lines.iter().map(|line| format!("{line}\n")).collect()
}

/// A line's side towards its room.
pub(super) struct Ear {
    queue: mpsc::Sender<Arc<Heard>>,
    waiting: AtomicUsize,
    /// Whether it is told who comes and goes.
    minds_people: AtomicBool,
    /// Cancelled when the line did not keep up.
    pub(super) cut: CancellationToken,
}

impl Ear {
    /// An ear, and the queue of what it hears.
    pub(super) fn new() -> (Arc<Ear>, mpsc::Receiver<Arc<Heard>>) {
        let (queue, heard) = mpsc::channel(MAX_NOTICES);
        let ear = Ear {
            queue,
            waiting: AtomicUsize::new(0),
            minds_people: AtomicBool::new(true),
            cut: CancellationToken::new(),
        };
        (Arc::new(ear), heard)
    }

    /// From now on this line is told who comes and goes, or is not: of a crowd that would wake ten
    /// thousand lines for each who comes.
    pub(super) fn mind_people(&self, minds: bool) {
        self.minds_people.store(minds, Ordering::Relaxed);
    }

    /// These do not wait any more.
    pub(super) fn took(&self, heard: &[Arc<Heard>]) {
        self.waiting.fetch_sub(heard.iter().map(|heard| heard.bytes()).sum(), Ordering::Relaxed);
    }

    fn queue(&self, heard: Arc<Heard>) -> Result<(), Lagging> {
        let bytes = heard.bytes();
        let waiting = self.waiting.fetch_add(bytes, Ordering::Relaxed);
        if (waiting > 0 && waiting + bytes > MAX_WAITING) || self.queue.try_send(heard).is_err() {
            debug!("cutting a line that does not read");
            self.cut.cancel();
            return Err(Lagging);
        }
        Ok(())
    }
}

impl Listener for Ear {
    fn hear(&self, notice: &Notice) -> Result<(), Lagging> {
        if matches!(notice.push, Push::Presence(_)) && !self.minds_people.load(Ordering::Relaxed) {
            return Ok(());
        }
        notice.with_written(Slot::LINES, Heard::write, |heard| match heard {
            Some(heard) => self.queue(heard.clone()),
            None => Ok(()),
        })
    }
}
