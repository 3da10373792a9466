//! What is stored is told: committed events on their way from the log to the rooms.
//!
//! The store's writer puts every event in right after its commit, `chat` takes them out in the same
//! order. Here delivery is within this process; other nodes will hear of it from here too.
//! It never changes, drops or re-orders an event.

use common::event::RoomEvent;
use tokio::sync::mpsc;

/// How many committed events may be on their way. When this is full the writer waits, and the
/// senders behind it.
const CAPACITY: usize = 1024;

/// How many events are taken at once, when the rooms are behind.
const AT_ONCE: usize = 16;

/// The writer's end.
#[derive(Clone, Debug)]
pub struct Publisher(mpsc::Sender<RoomEvent>);

/// The rooms' end.
#[derive(Debug)]
pub struct Subscription(mpsc::Receiver<RoomEvent>);

/// A bus within this process.
pub fn local() -> (Publisher, Subscription) {
    let (sender, receiver) = mpsc::channel(CAPACITY);
    (Publisher(sender), Subscription(receiver))
}

impl Publisher {
    /// Hands an event on, waiting for room. Only for a thread that may block.
    pub fn publish(&self, event: RoomEvent) {
        // Without a subscriber the server is stopping: the event is in the log, and whoever missed
        // it will ask for it.
        let _ = self.0.blocking_send(event);
    }
}

impl Subscription {
    /// The next event and those right behind it, at most [`AT_ONCE`]; none when the store is closed
    /// and everything was told.
    pub async fn next(&mut self) -> Vec<RoomEvent> {
        let mut events = Vec::new();
        self.0.recv_many(&mut events, AT_ONCE).await;
        events
    }
}
