//! Replies: the acknowledgement of a command, or the error that refuses it.

use serde::{Deserialize, Serialize};

use super::event::Event;
use crate::{
    message::{Cid, Seq, Timestamp},
    person::{Person, PersonId},
    refusal::Refusal,
    room::{RoomName, Seats, Topic},
};

/// All replies; each is serialized as its content alone.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Reply {
    Welcome(Welcome),
    Joined(Joined),
    Left(Left),
    Sent(Sent),
    Page(Page),
    Renamed(Renamed),
    Ack(Ack),
}

/// The reply to `hello`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Welcome {
    pub you: Person,
    /// The secret with which this person can reconnect (`auth: {token}`). Present only if the
    /// identity was created for this connection; a browser has a cookie instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    pub protocol: u32,
}

/// The reply to `join`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Joined {
    pub room: RoomName,
    /// The seat limit; `null` if there is none.
    pub seats: Option<Seats>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<Topic>,
    /// The number of the room's last event at the time of the reply.
    pub last: Seq,
    /// The last events, or those after `since`, in the order of the log.
    pub events: Vec<Event>,
    /// Whether the log has more events before these, or after them if `since` was given.
    pub more: bool,
    /// The members, including the one who joined; at most [`Joined::MAX_PEOPLE`].
    pub people: Vec<Person>,
    /// The number of all members.
    #[serde(rename = "here", default, skip_serializing_if = "Option::is_none")]
    pub member_count: Option<u32>,
    /// Which of `people` are away.
    #[serde(default)]
    pub away: Vec<PersonId>,
    /// Whether newcomers from one network may take all seats. Otherwise they get half of them, so that one
    /// stranger can not fill the room.
    #[serde(default)]
    pub shared_network: bool,
    /// What the person who joined may do in the room.
    #[serde(rename = "may")]
    pub permissions: Vec<Permission>,
}

impl Joined {
    /// The most people listed.
    pub const MAX_PEOPLE: usize = 500;
}

/// A permission of a person in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Permission {
    /// Read the log and the list of members.
    Read,
    /// Send messages and reactions.
    Post,
    /// Change the room, kick members and delete messages of others; only the owner has it.
    Own,
    /// A permission that only a newer client knows.
    #[serde(other)]
    Unknown,
}

/// The reply to `leave`; it has no fields.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Left {}

/// The reply to every command that appends an event, sent once the event is on disk.
/// A no-op (such as reacting twice) returns the existing event instead of appending one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sent {
    pub cid: Cid,
    pub seq: Seq,
    pub at: Timestamp,
}

/// The reply to `history`: events in the order of the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Page {
    pub events: Vec<Event>,
    /// Whether the log has events before the first of these.
    pub more_before: bool,
    /// Whether the log has events after the last of these.
    pub more_after: bool,
}

/// The reply to `rename`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Renamed {
    pub you: Person,
}

/// The reply to commands that append no event; it has no fields.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ack {}

/// The acknowledgement of a refused command: `{"error": {"code", "message"}}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ErrorReply {
    pub error: Refusal,
}
