//! Pushes: what the server sends without a request.

use serde::{Deserialize, Serialize};

use super::event::Event;
use crate::{
    message::Seq,
    person::{Person, PersonId},
    refusal::Refusal,
    room::RoomName,
};

/// All pushes about a room, each with its own Socket.IO event name.
#[derive(Clone, Debug, PartialEq)]
pub enum Push {
    /// `event`: a room's log got an event, caused by any member including the receiver.
    Event(RoomEvent),
    /// `presence`: members joined, left, were renamed, or went away or came back.
    Presence(Presence),
    /// `heartbeat`: the last number of a room's log, every few seconds.
    Heartbeat(Heartbeat),
    /// `typing`: another member is typing.
    Typing(TypingUpdate),
    /// `seat`: a room for which the receiver waits has a free seat.
    SeatAvailable(SeatAvailable),
    /// `removed`: the receiver was removed from a room; it gets no more pushes about the room.
    Kicked(Kicked),
}

impl Push {
    /// The Socket.IO event name of [`Push::Event`].
    pub const EVENT: &'static str = "event";
    /// The Socket.IO event name of [`Push::Presence`].
    pub const PRESENCE: &'static str = "presence";
    /// The Socket.IO event name of [`Push::Heartbeat`].
    pub const HEARTBEAT: &'static str = "heartbeat";
    /// The Socket.IO event name of [`Push::Typing`].
    pub const TYPING: &'static str = "typing";
    /// The Socket.IO event name of [`Push::SeatAvailable`].
    pub const SEAT_AVAILABLE: &'static str = "seat";
    /// The Socket.IO event name of [`Push::Kicked`].
    pub const KICKED: &'static str = "removed";

    /// Returns the room of this push.
    pub fn room(&self) -> &RoomName {
        match self {
            Push::Event(push) => &push.room,
            Push::Presence(push) => &push.room,
            Push::Heartbeat(push) => &push.room,
            Push::Typing(push) => &push.room,
            Push::SeatAvailable(push) => &push.room,
            Push::Kicked(push) => &push.room,
        }
    }
}

/// An event with its room.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RoomEvent {
    pub room: RoomName,
    pub event: Event,
}

/// Changes to the list of people in [`Joined`](super::reply::Joined), in the order in which they happened.
/// Apply all of them: some may be in the list already, others are about members it did not list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Presence {
    pub room: RoomName,
    pub changes: Vec<PresenceChange>,
    /// The number of members after these changes.
    #[serde(rename = "here", default, skip_serializing_if = "Option::is_none")]
    pub member_count: Option<u32>,
}

/// One change of a room's presence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PresenceChange {
    /// This person joined.
    #[serde(rename = "here")]
    Joined(Person),
    /// This person left.
    #[serde(rename = "gone")]
    Left(PersonId),
    /// This person has a new name.
    Renamed(Person),
    /// This person is away on all connections.
    Away(PersonId),
    /// This person is no longer away.
    Back(PersonId),
    /// A change that only a newer client knows.
    #[serde(other, with = "super::unknown")]
    Unknown,
}

/// The number of a room's last event. A client that has a lower one has missed events, even if no
/// later event has shown the gap.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Heartbeat {
    pub room: RoomName,
    pub last: Seq,
}

/// Another member is typing. There is no push for the end: clients let it expire after a few seconds,
/// or end it with the next message of that person.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TypingUpdate {
    pub room: RoomName,
    pub person: PersonId,
}

/// The room had a free seat when this was sent. The first person to join gets it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SeatAvailable {
    pub room: RoomName,
}

/// The receiver has been removed from this room.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Kicked {
    pub room: RoomName,
    /// Why, if it was not the room's owner: [`Refusal::RoomDeleted`].
    #[serde(rename = "error", default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<Refusal>,
}

impl Kicked {
    /// Returns what a command about the room is refused with from now on.
    pub fn refusal(&self) -> Refusal {
        self.refusal.unwrap_or(Refusal::Banned)
    }
}

/// `restart`: the server is about to restart. Every connection gets a different delay, so that not
/// all clients reconnect at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restart {
    /// The delay before reconnecting, in milliseconds.
    pub after: u32,
}

impl Restart {
    /// Its Socket.IO event name.
    pub const NAME: &'static str = "restart";
}
