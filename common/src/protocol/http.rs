//! The JSON bodies of the HTTP API that are neither a command nor a reply.

use serde::{Deserialize, Serialize};

use super::command::Rename;
use crate::{
    message::{Body, Cid, Seq, Timestamp},
    person::{DisplayName, Person},
    room::{RoomName, Seats, Topic},
};

/// The response to `GET /api/rooms`: rooms with members or messages, most recently active first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RoomList {
    pub rooms: Vec<RoomSummary>,
}

/// A room in a [`RoomList`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RoomSummary {
    pub room: RoomName,
    pub seats: Option<Seats>,
    /// The number of members.
    #[serde(rename = "here")]
    pub member_count: u32,
    /// Some of the members, at most [`RoomSummary::MAX_PEOPLE`].
    pub people: Vec<Person>,
    /// When the last message was sent.
    pub last_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<Topic>,
}

impl RoomSummary {
    /// The most people listed.
    pub const MAX_PEOPLE: usize = 8;
}

/// The response to `GET /ready`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Readiness {
    /// Whether the server can do all its work.
    pub ready: bool,
    /// What is wrong, by stable names that `docs/protocol.md` explains.
    pub problems: Vec<String>,
}

/// The response to `GET /api/me` and `POST /api/me`: the person of the browser's cookie.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Me {
    pub you: Option<Person>,
}

/// The JSON body of `POST /api/rooms/{room}/messages`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Post {
    pub body: Body,
    /// Makes a retry safe, as for `send`; the header `Idempotency-Key` has the same effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cid: Option<Cid>,
    /// The display name of a guest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<DisplayName>,
    /// The message to which this one replies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<Seq>,
}

/// The JSON body of `POST /api/me`: the new display name.
pub type UpdateMe = Rename;
