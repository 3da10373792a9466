//! What a campaign and its clients tell each other: where the server is, whether to speak, and how
//! far everybody is.
//!
//! Clients read it and write their own figures; campaigns read those and turn the switches.

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

use crate::madang::Open;

/// What the clients are to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Say something now and then.
    Speak,
    /// Say nothing new; finish what was begun.
    Quiet,
    /// Stop where they are and hand their histories over.
    Over,
}

/// The board. Shared by all of one campaign.
pub struct Board {
    pub open: watch::Sender<Open>,
    pub phase: watch::Sender<Phase>,
    pub acked: Counter,
    pub connections: Counter,
    pub refusals: Counter,
    pub pages: Counter,
    last: Mutex<HashMap<RoomName, Seq>>,
    ends: Mutex<HashMap<RoomName, Body>>,
    first_ack: Mutex<Option<Duration>>,
    started: Mutex<Option<(Open, Instant)>>,
}

/// A figure that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    pub fn count(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Board {
    /// A board over which nobody has spoken yet.
    pub fn new(open: Open) -> Board {
        Board {
            open: watch::Sender::new(open),
            phase: watch::Sender::new(Phase::Speak),
            acked: Counter::default(),
            connections: Counter::default(),
            refusals: Counter::default(),
            pages: Counter::default(),
            last: Mutex::default(),
            ends: Mutex::default(),
            first_ack: Mutex::default(),
            started: Mutex::default(),
        }
    }

    /// The server that was started at this moment is open here.
    pub fn open_at(&self, open: Open, started: Instant) {
        *lock(&self.first_ack) = None;
        *lock(&self.started) = Some((open, started));
        self.open.send_replace(open);
    }

    /// A client's message was acknowledged by the server that is, or was, open here.
    pub fn note_ack(&self, open: Open, at: Instant) {
        self.acked.count();
        if let Some((_, started)) = lock(&self.started).filter(|(now, _)| *now == open) {
            lock(&self.first_ack).get_or_insert(at - started);
        }
    }

    /// This event of a room is known to be stored.
    pub fn note_last(&self, room: &RoomName, seq: Seq) {
        let mut last = lock(&self.last);
        match last.get_mut(room) {
            Some(last) => *last = seq.max(*last),
            None => {
                last.insert(room.clone(), seq);
            }
        }
    }

    /// Nobody says any more, and this is what was said last in a room.
    pub fn note_end(&self, room: &RoomName, seq: Seq, text: Body) {
        self.note_last(room, seq);
        lock(&self.ends).insert(room.clone(), text);
    }

    /// How long the server that is open now took from its start to its first acknowledgement.
    pub fn first_ack(&self) -> Option<Duration> {
        *lock(&self.first_ack)
    }

    /// The last event of a room that is known to be stored.
    pub fn last(&self, room: &RoomName) -> Seq {
        lock(&self.last).get(room).copied().unwrap_or_default()
    }

    /// What was said last in a room, once nobody says any more.
    pub fn end(&self, room: &RoomName) -> Option<Body> {
        lock(&self.ends).get(room).cloned()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
