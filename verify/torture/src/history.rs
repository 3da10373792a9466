//! What one client sent and received, recorded while it runs and checked later.
//!
//! The client writes it, the checker reads it. All times come from this process's clock, so they can be
//! compared between clients.

use std::{collections::BTreeMap, net::SocketAddr, time::Instant};

use common::{
    message::{Body, Cid, Seq},
    refusal::Refusal,
    room::RoomName,
};

/// Everything that one client sent and received, by room.
#[derive(Clone, Debug, Default)]
pub struct History {
    pub client: String,
    /// How often the server did not know a token that it had issued.
    pub unknown_tokens: u32,
    pub rooms: BTreeMap<RoomName, RoomHistory>,
}

/// What one client sent and received in one room.
#[derive(Clone, Debug, Default)]
pub struct RoomHistory {
    /// Its messages, in the order in which it created them.
    pub messages: Vec<SentMessage>,
    /// The event before the first one that it applied; `None` before the first join.
    pub applied_after: Option<Seq>,
    /// The log as this client shows it.
    pub applied: Vec<Applied>,
    /// Its connections to this room.
    pub connections: Vec<RoomConnection>,
    /// The same, for a client of the line transport.
    pub line_connections: Vec<LineConnection>,
}

/// A message of this client.
#[derive(Clone, Debug)]
pub struct SentMessage {
    pub cid: Cid,
    pub body: Body,
    /// When it was first sent; retries carry the same `cid`.
    pub first_sent: Option<Instant>,
    pub outcome: Outcome,
}

/// What its sender knows about a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Unknown,
    Acked {
        at: Instant,
        seq: Seq,
    },
    /// Refused permanently: a retry would not help.
    Refused(Refusal),
}

/// An event that the client applied.
#[derive(Clone, Debug)]
pub struct Applied {
    pub seq: Seq,
    pub cid: Cid,
    pub body: Body,
    pub at: Instant,
}

/// What one connection received in one room.
#[derive(Clone, Debug)]
pub struct RoomConnection {
    /// The client's end of the connection.
    pub local_address: SocketAddr,
    pub opened_at: Instant,
    /// The room's last event at the join, unless the reply was cut short before it.
    pub join_last: Option<Seq>,
    /// The numbers of all pushes, as they arrived.
    pub pushes: Vec<Seq>,
    /// Whether the connection was still open when the campaign stopped.
    pub open_at_end: bool,
}

impl RoomConnection {
    /// Returns the last event that this connection received without a request for it.
    pub fn last_received(&self) -> Option<Seq> {
        self.pushes.last().copied().max(self.join_last)
    }
}

/// What one connection over the line transport sent and received. Nothing has a number or a `cid` there: a
/// message is known by its text, and no text is sent twice.
#[derive(Clone, Debug, Default)]
pub struct LineConnection {
    /// What it sent, in order.
    pub messages: Vec<LineMessage>,
    /// What it received, in order: first the messages that the join showed, then those of others.
    pub received: Vec<String>,
    /// How many of these the join showed.
    pub from_join: usize,
    /// Whether it was still open when the campaign stopped.
    pub open_at_end: bool,
}

/// A message sent over the line transport.
#[derive(Clone, Debug)]
pub struct LineMessage {
    pub text: Body,
    pub sent_at: Instant,
    pub outcome: LineOutcome,
}

/// What its sender knows about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineOutcome {
    /// The connection was lost before the answer: all of it may be stored, its beginning, or nothing.
    Unknown,
    /// The `/who` after it was answered, and it was not refused.
    Accepted {
        at: Instant,
    },
    Refused(Refusal),
}
