//! What one client did and heard, written down while it happens and judged later.
//!
//! The client writes it, the checker reads it. Times are of one clock, this process', so that
//! "before" means the same for all clients.

use std::{collections::BTreeMap, net::SocketAddr, time::Instant};

use common::{
    message::{Body, Cid, Seq},
    refusal::Refusal,
    room::RoomName,
};

/// Everything one client did and heard, by room.
#[derive(Clone, Debug, Default)]
pub struct History {
    pub client: String,
    /// How often the server did not know the identity it had acknowledged.
    pub forgotten: u32,
    pub rooms: BTreeMap<RoomName, RoomHistory>,
}

/// What one client did and heard in one room.
#[derive(Clone, Debug, Default)]
pub struct RoomHistory {
    /// What it said, in the order in which it said it.
    pub said: Vec<Said>,
    /// The event before the first it applied; nothing before the first join.
    pub from: Option<Seq>,
    /// The log as this client shows it.
    pub applied: Vec<Applied>,
    /// Its times in this room, one for each connection.
    pub stays: Vec<Stay>,
    /// The same, of a client of the line door.
    pub calls: Vec<Call>,
}

/// A message of this client's.
#[derive(Clone, Debug)]
pub struct Said {
    pub cid: Cid,
    pub body: Body,
    /// When it was sent for the first time; later tries carry the same `cid`.
    pub sent: Option<Instant>,
    pub outcome: Outcome,
}

/// What became of a message, as far as its sender knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Unknown,
    Acked {
        at: Instant,
        seq: Seq,
    },
    /// Refused for good: trying again would not help.
    Refused(Refusal),
}

/// An event that the client took into its log.
#[derive(Clone, Debug)]
pub struct Applied {
    pub seq: Seq,
    pub cid: Cid,
    pub body: Body,
    pub at: Instant,
}

/// One connection's time in one room.
#[derive(Clone, Debug)]
pub struct Stay {
    /// The client's end of the connection.
    pub line: SocketAddr,
    pub began: Instant,
    /// The room's last event when the join was answered, if the answer went that far.
    pub joined: Option<Seq>,
    /// The numbers of all pushes, as they arrived.
    pub pushes: Vec<Seq>,
    /// Whether the connection was still there when everything was over.
    pub lasted: bool,
}

impl Stay {
    /// The last event this connection was told of without having asked.
    pub fn told(&self) -> Option<Seq> {
        self.pushes.last().copied().max(self.joined)
    }
}

/// One connection's time in one room at the line door, where nothing has a number or a `cid`: a
/// message is known by its text, and nobody says a text twice.
#[derive(Clone, Debug, Default)]
pub struct Call {
    /// What it said, in order.
    pub said: Vec<Spoken>,
    /// What it was shown, in order: what the join showed, and what others said from then on.
    pub shown: Vec<String>,
    /// How many of these the join showed; none of a room in which nothing had been said.
    pub joined: usize,
    /// Whether it was still there when everything was over.
    pub lasted: bool,
}

/// A message said over a line.
#[derive(Clone, Debug)]
pub struct Spoken {
    pub text: Body,
    pub sent: Instant,
    pub fate: Fate,
}

/// What became of it, as far as its sender knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The line was lost before: it may have been taken, or its beginning, or nothing.
    Unknown,
    /// What was asked after it was answered, and it was not refused.
    Taken {
        at: Instant,
    },
    Refused(Refusal),
}
