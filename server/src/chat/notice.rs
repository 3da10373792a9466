//! What a room tells its connections, and how a connection listens.
//!
//! A room tells everybody the same thing, so each wire format is written once and every connection
//! gets the same bytes. The room does not know what the formats are: a gateway brings the writing,
//! the notice keeps the result.

use std::{any::Any, sync::OnceLock};

use common::event::Push;

/// How many wire formats there may be; each has a slot of its own.
const SLOTS: usize = 4;

/// Something told to everybody in a room.
pub struct Notice {
    pub push: Push,
    written: [OnceLock<Box<dyn Any + Send + Sync>>; SLOTS],
}

/// Where a notice keeps what one gateway made of it.
#[derive(Clone, Copy, Debug)]
pub struct Slot(usize);

impl Slot {
    /// Socket.IO's full protocol.
    pub const SOCKETIO: Slot = Slot(0);
    /// The same in ASCII, for the oldest clients.
    pub const SOCKETIO_ASCII: Slot = Slot(1);
    /// Lines of text.
    pub const LINES: Slot = Slot(2);
    /// A stream of server-sent events.
    pub const EVENT_STREAM: Slot = Slot(3);
}

impl Notice {
    /// A notice that nobody has written down yet.
    pub fn new(push: Push) -> Notice {
        Notice { push, written: Default::default() }
    }

    /// Gives `send` this notice in a gateway's own format, which `write` makes for the first
    /// connection that needs it.
    pub fn with_written<T: Send + Sync + 'static, R>(
        &self,
        slot: Slot,
        write: impl Fn(&Push) -> T,
        send: impl FnOnce(&T) -> R,
    ) -> R {
        let kept = self.written[slot.0].get_or_init(|| Box::new(write(&self.push)));
        match kept.downcast_ref::<T>() {
            Some(written) => send(written),
            // Two gateways took the same slot: slower, but right.
            None => send(&write(&self.push)),
        }
    }
}

/// A connection, as the rooms it is in see it.
pub trait Listener: Send + Sync {
    /// Puts the notice into the connection's bounded queue, without waiting.
    ///
    /// A connection that can not take it has missed something and must not hear what comes after:
    /// the listener cuts it, the room forgets it, and it comes back and asks for what it missed.
    fn hear(&self, notice: &Notice) -> Result<(), Lagging>;

    /// Hears several, one after the other; a listener may take them in one go.
    fn hear_all(&self, notices: &[Notice]) -> Result<(), Lagging> {
        notices.iter().try_for_each(|notice| self.hear(notice))
    }
}

/// The connection does not keep up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lagging;
