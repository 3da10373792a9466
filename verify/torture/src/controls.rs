//! State shared by a campaign and its clients: the server's addresses, the phase, and counters.
//!
//! Clients read the phase and write the counters; the campaign does the opposite.

use std::{
    collections::HashMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use common::{
    message::{Body, Seq},
    room::RoomName,
};
use tokio::sync::watch;

use crate::server::ServerAddresses;

/// What the clients have to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Create messages at their pace.
    Send,
    /// Create no new messages; finish those that exist.
    Drain,
    /// Return the history.
    Stop,
}

/// Shared by all tasks of one campaign.
pub struct Controls {
    pub addresses: watch::Sender<ServerAddresses>,
    pub phase: watch::Sender<Phase>,
    pub acked: Counter,
    pub connections: Counter,
    pub refusals: Counter,
    pub history_pages: Counter,
    last_seqs: Mutex<HashMap<RoomName, Seq>>,
    final_messages: Mutex<HashMap<RoomName, Body>>,
    first_ack: Mutex<Option<Duration>>,
    started: Mutex<Option<(ServerAddresses, Instant)>>,
}

/// A counter that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    pub fn increment(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Controls {
    /// Controls before the first message.
    pub fn new(addresses: ServerAddresses) -> Controls {
        Controls {
            addresses: watch::Sender::new(addresses),
            phase: watch::Sender::new(Phase::Send),
            acked: Counter::default(),
            connections: Counter::default(),
            refusals: Counter::default(),
            history_pages: Counter::default(),
            last_seqs: Mutex::default(),
            final_messages: Mutex::default(),
            first_ack: Mutex::default(),
            started: Mutex::default(),
        }
    }

    /// Records that a server was started at this moment and listens at these addresses.
    pub fn server_started(&self, addresses: ServerAddresses, started: Instant) {
        *lock(&self.first_ack) = None;
        *lock(&self.started) = Some((addresses, started));
        self.addresses.send_replace(addresses);
    }

    /// Records an acknowledgement from the server that listens, or listened, at these addresses.
    pub fn record_ack(&self, addresses: ServerAddresses, at: Instant) {
        self.acked.increment();
        if let Some((_, started)) = lock(&self.started).filter(|(running, _)| *running == addresses) {
            lock(&self.first_ack).get_or_insert(at - started);
        }
    }

    /// Records that this event of a room is stored.
    pub fn record_seq(&self, room: &RoomName, seq: Seq) {
        let mut last_seqs = lock(&self.last_seqs);
        match last_seqs.get_mut(room) {
            Some(known) => *known = seq.max(*known),
            None => {
                last_seqs.insert(room.clone(), seq);
            }
        }
    }

    /// Records the last message of a room, after the clients stopped creating new ones.
    pub fn record_final_message(&self, room: &RoomName, seq: Seq, text: Body) {
        self.record_seq(room, seq);
        lock(&self.final_messages).insert(room.clone(), text);
    }

    /// Returns how long the current server took from its start to its first acknowledgement.
    pub fn first_ack(&self) -> Option<Duration> {
        *lock(&self.first_ack)
    }

    /// Returns the last event of a room that is known to be stored.
    pub fn last_seq(&self, room: &RoomName) -> Seq {
        lock(&self.last_seqs).get(room).copied().unwrap_or_default()
    }

    /// Returns the text of a room's last message, once no new ones are created.
    pub fn final_message(&self, room: &RoomName) -> Option<Body> {
        lock(&self.final_messages).get(room).cloned()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
