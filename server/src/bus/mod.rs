//! Carries committed events from the store to the rooms.
//!
//! The store's writer thread puts each event in right after its commit; `chat` takes them out in the
//! same order. Delivery is within this process; events of other nodes could enter here too. The bus
//! never changes, drops or reorders an event.

use common::protocol::push::RoomEvent;
use tokio::sync::mpsc;

/// The capacity of the bus. When it is full, the writer thread waits, and with it all writes.
const CAPACITY: usize = 1024;

/// The most events in one batch.
const MAX_BATCH: usize = 16;

/// The sending end of the bus, which the store's writer thread uses.
#[derive(Clone, Debug)]
pub struct EventSender(mpsc::Sender<RoomEvent>);

/// The receiving end of the bus, which the chat uses.
#[derive(Debug)]
pub struct EventReceiver(mpsc::Receiver<RoomEvent>);

/// Creates a bus within this process.
pub fn channel() -> (EventSender, EventReceiver) {
    let (sender, receiver) = mpsc::channel(CAPACITY);
    (EventSender(sender), EventReceiver(receiver))
}

impl EventSender {
    /// Sends an event, blocking while the bus is full. Only for a thread that may block.
    pub fn send(&self, event: RoomEvent) {
        // Without a receiver the server is stopping. The event is in the log, and clients that missed it will
        // read it there.
        let _ = self.0.blocking_send(event);
    }
}

impl EventReceiver {
    /// Waits for the next events, at most [`MAX_BATCH`]. Empty once the store is closed and all are read.
    pub async fn next_batch(&mut self) -> Vec<RoomEvent> {
        let mut events = Vec::new();
        self.0.recv_many(&mut events, MAX_BATCH).await;
        events
    }
}
