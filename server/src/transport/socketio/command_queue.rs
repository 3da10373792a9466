//! The commands of one connection that wait to be executed.
//!
//! The queue is bounded in number and in bytes. A client that sends more bytes than fit is not read until
//! some were executed (TCP then slows it down); one that sends too many commands is disconnected. The
//! commands of a client that has left are still executed, as far as [`Leftovers`] allow: a script may send a
//! message and disconnect at once.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use parking_lot::Mutex;
use tokio::sync::mpsc;

use super::{engine_session::EngineSession, request::IncomingEvent};
use crate::address::ClientAddress;

/// The most commands in one queue; one more, and the client is disconnected.
const MAX_COMMANDS: usize = 256;

/// From this many bytes on, nothing more is read from the client. One packet more may be on its way.
const MAX_BYTES: usize = 64 * 1024;

/// When all queues together have this many bytes, a client is not read while it has a command waiting, except a
/// small one.
const MAX_TOTAL_BYTES: usize = 32 * 1024 * 1024;
const SMALL_QUEUE_BYTES: usize = 4 * 1024;

/// The most bytes of commands of clients that have left, in all and of one address.
const MAX_LEFTOVER_BYTES: usize = 16 * 1024 * 1024;
const MAX_LEFTOVER_BYTES_PER_ADDRESS: usize = 2 * 1024 * 1024;

/// The bytes in the queues of all connections. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct QueuedCommands {
    total_bytes: Arc<AtomicUsize>,
    leftovers: Arc<Mutex<Leftovers>>,
}

/// The bytes of commands whose clients have left.
#[derive(Default)]
struct Leftovers {
    bytes: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// The sending end of a connection's command queue. Cheap to clone.
#[derive(Clone)]
pub(super) struct CommandSender {
    /// Taken out when the client has left. The items are boxed, because a channel allocates room for 32 of them
    /// for as long as it exists.
    sender: Arc<Mutex<Option<mpsc::Sender<Box<IncomingEvent>>>>>,
    bytes: QueueBytes,
}

/// The receiving end of a connection's command queue.
pub(super) struct CommandReceiver {
    receiver: mpsc::Receiver<Box<IncomingEvent>>,
    bytes: QueueBytes,
}

/// The bytes of one queue, also counted in the total.
#[derive(Clone)]
struct QueueBytes {
    bytes: Arc<AtomicUsize>,
    all: QueuedCommands,
    session: Arc<EngineSession>,
}

/// Lets the commands of a client that has left be executed, until it is dropped.
pub(super) struct LeftoverPermit {
    leftovers: Arc<Mutex<Leftovers>>,
    bytes: usize,
    address: IpAddr,
}

/// Creates the queue of a connection.
pub(super) fn channel(
    all: &QueuedCommands,
    session: &Arc<EngineSession>,
) -> (CommandSender, CommandReceiver) {
    let (sender, receiver) = mpsc::channel(MAX_COMMANDS);
    let bytes = QueueBytes { bytes: Arc::default(), all: all.clone(), session: session.clone() };
    let sender = CommandSender { sender: Arc::new(Mutex::new(Some(sender))), bytes: bytes.clone() };
    (sender, CommandReceiver { receiver, bytes })
}

impl CommandSender {
    /// Queues a command; false if there are too many. Commands of a client that has left are ignored.
    pub(super) fn push(&self, event: IncomingEvent) -> bool {
        let locked = self.sender.lock();
        let Some(sender) = &*locked else { return true };
        let bytes = event.bytes;
        // Counted first: the receiver may take it at once.
        self.bytes.add(bytes);
        let is_queued = sender.try_send(Box::new(event)).is_ok();
        if !is_queued {
            self.bytes.subtract(bytes);
        }
        is_queued
    }

    /// Closes the queue. The commands in it can still be received.
    pub(super) fn close(&self) {
        drop(self.sender.lock().take());
    }
}

impl CommandReceiver {
    /// Waits for the next command; `None` when the queue is closed and empty.
    pub(super) async fn next(&mut self) -> Option<IncomingEvent> {
        let event = self.receiver.recv().await?;
        self.bytes.subtract(event.bytes);
        Some(*event)
    }

    /// Counts the commands that a client has left behind; `None` if clients that have left wait with too many
    /// bytes already.
    pub(super) fn leave_behind(&self, address: ClientAddress) -> Option<LeftoverPermit> {
        let bytes = self.bytes.bytes.load(Ordering::Relaxed);
        let leftovers = &self.bytes.all.leftovers;
        let mut locked = leftovers.lock();
        let from_address = locked.by_address.get(&address.network()).copied().unwrap_or_default();
        let is_too_much = locked.bytes + bytes > MAX_LEFTOVER_BYTES
            || (from_address + bytes > MAX_LEFTOVER_BYTES_PER_ADDRESS && !address.is_shared());
        if bytes > 0 && is_too_much {
            return None;
        }
        locked.bytes += bytes;
        locked.by_address.insert(address.network(), from_address + bytes);
        Some(LeftoverPermit { leftovers: leftovers.clone(), bytes, address: address.network() })
    }
}

impl Drop for CommandReceiver {
    fn drop(&mut self) {
        self.receiver.close();
        while let Ok(event) = self.receiver.try_recv() {
            self.bytes.subtract(event.bytes);
        }
    }
}

impl QueueBytes {
    fn add(&self, bytes: usize) {
        let total = self.all.total_bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
        let queued = self.bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
        if queued >= MAX_BYTES || (total >= MAX_TOTAL_BYTES && queued >= SMALL_QUEUE_BYTES) {
            self.session.pause_reading();
        }
    }

    fn subtract(&self, bytes: usize) {
        self.all.total_bytes.fetch_sub(bytes, Ordering::Relaxed);
        let queued = self.bytes.fetch_sub(bytes, Ordering::Relaxed) - bytes;
        if queued < MAX_BYTES {
            self.session.resume_reading();
        }
    }
}

impl Drop for LeftoverPermit {
    fn drop(&mut self) {
        let mut locked = self.leftovers.lock();
        locked.bytes -= self.bytes;
        if let Some(from_address) = locked.by_address.get_mut(&self.address) {
            *from_address -= self.bytes;
            if *from_address == 0 {
                locked.by_address.remove(&self.address);
            }
        }
    }
}
