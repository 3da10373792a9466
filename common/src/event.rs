//! The whole protocol on one page: what a client may ask, what it is answered, what it is told.
//!
//! A *command* is a Socket.IO event with one JSON object and an acknowledgement. The
//! acknowledgement is the command's *reply*, or `{"error": {"code", "message"}}`.
//! An *event* is an entry of a room's log, numbered without a gap.
//! `docs/protocol.md` shows every one of them with an example that a test runs.

use serde::{Deserialize, Deserializer, Serialize};

use crate::{
    message::{Body, Cid, Seq, Timestamp},
    person::{DisplayName, Person, PersonId},
    refusal::Refusal,
    room::{RoomName, Seats},
};

/// The version of this protocol. It changes only when an old client could no longer take part.
pub const PROTOCOL: u32 = 1;

/// Everything a client may ask.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Command {
    Hello(Hello),
    Join(Join),
    Leave(Leave),
    Send(Send),
    History(History),
    Rename(Rename),
}

impl Command {
    /// Decodes the payload of the command called `name`.
    ///
    /// `None` when there is no such command; the inner error is the decoder's, to be turned into
    /// a refusal by [`Refusal::from_decoding`].
    pub fn decode<'de, D: Deserializer<'de>>(name: &str, payload: D) -> Option<Result<Command, D::Error>> {
        Some(match name {
            Hello::NAME => Hello::deserialize(payload).map(Command::Hello),
            Join::NAME => Join::deserialize(payload).map(Command::Join),
            Leave::NAME => Leave::deserialize(payload).map(Command::Leave),
            Send::NAME => Send::deserialize(payload).map(Command::Send),
            History::NAME => History::deserialize(payload).map(Command::History),
            Rename::NAME => Rename::deserialize(payload).map(Command::Rename),
            _ => return None,
        })
    }
}

/// A command as a client knows it: its name on the wire and the type of its reply.
pub trait Ask: Serialize {
    const NAME: &'static str;
    type Reply: for<'de> Deserialize<'de>;
}

/// Who am I, and with which token can I be the same person next time?
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hello {}

impl Ask for Hello {
    const NAME: &'static str = "hello";
    type Reply = Welcome;
}

/// Enter a room, which comes into being when nobody has entered it before.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Join {
    pub room: RoomName,
    /// The seats of a new room; a room that exists keeps the number it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seats: Option<Seats>,
    /// Given by somebody who comes back: answer with what came after this event, the oldest first,
    /// instead of with the last events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Seq>,
}

impl Ask for Join {
    const NAME: &'static str = "join";
    type Reply = Joined;
}

/// Leave a room and free the seat.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Leave {
    pub room: RoomName,
}

impl Ask for Leave {
    const NAME: &'static str = "leave";
    type Reply = Left;
}

/// Say something. Repeating it with the same `cid` is safe: it gets the first answer again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Send {
    pub room: RoomName,
    pub cid: Cid,
    pub body: Body,
}

impl Ask for Send {
    const NAME: &'static str = "send";
    type Reply = Sent;
}

/// Read the log: exactly one of `before`, `after` and `around`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct History {
    pub room: RoomName,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Seq>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Seq>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub around: Option<Seq>,
    /// 1 to [`History::MAX`] events; [`History::DEFAULT`] when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

impl History {
    /// The most events one page holds.
    pub const MAX: u32 = 200;
    /// How many events a page holds when nobody asked for a number, and how many `join` brings.
    pub const DEFAULT: u32 = 50;

    /// Which part of the log is asked for; `bad_request` unless exactly one is named.
    pub fn span(&self) -> Result<Span, Refusal> {
        match (self.before, self.after, self.around) {
            (Some(seq), None, None) => Ok(Span::Before(seq)),
            (None, Some(seq), None) => Ok(Span::After(seq)),
            (None, None, Some(seq)) => Ok(Span::Around(seq)),
            _ => Err(Refusal::BadRequest),
        }
    }

    /// The page size asked for, within its bounds.
    pub fn page_size(&self) -> u32 {
        self.limit.unwrap_or(Self::DEFAULT).clamp(1, Self::MAX)
    }
}

/// A part of a room's log.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Span {
    /// The events just before this one.
    Before(Seq),
    /// The events just after this one.
    After(Seq),
    /// This event with about as many before as after it.
    Around(Seq),
}

impl Ask for History {
    const NAME: &'static str = "history";
    type Reply = Page;
}

/// Go by another name from now on, in every room.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rename {
    pub name: DisplayName,
}

impl Ask for Rename {
    const NAME: &'static str = "rename";
    type Reply = Renamed;
}

/// Every reply there is; each travels as its content alone.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Reply {
    Welcome(Welcome),
    Joined(Joined),
    Left(Left),
    Sent(Sent),
    Page(Page),
    Renamed(Renamed),
}

/// The answer to `hello`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Welcome {
    pub you: Person,
    /// A secret with which this person can come back (`auth: {token}`); only for an identity that
    /// was made for this connection. A browser has a cookie instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    pub protocol: u32,
}

/// The answer to `join`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Joined {
    pub room: RoomName,
    /// `null` when there is no limit.
    pub seats: Option<Seats>,
    /// The number of the room's last event when this was read.
    pub last: Seq,
    /// The last events, or those after `since`; in the order of the log.
    pub events: Vec<Event>,
    /// Whether there is more log: before `events`, or after them when `since` was given.
    pub more: bool,
    /// Who is here, yourself included.
    pub people: Vec<Person>,
    /// What you may do here.
    pub may: Vec<Permission>,
}

/// Something a person may do in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Permission {
    /// Read the log and see who is here.
    Read,
    /// Say something.
    Post,
    /// Decide about the room: its owner may.
    Own,
}

/// The answer to `leave`: nothing more to say.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Left {}

/// The answer to `send`: from here on the message can not be lost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sent {
    pub cid: Cid,
    pub seq: Seq,
    pub at: Timestamp,
}

/// The answer to `history`: events in the order of the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Page {
    pub events: Vec<Event>,
    /// Whether the log goes on before the first of these events.
    pub more_before: bool,
    /// Whether the log goes on after the last of these events.
    pub more_after: bool,
}

/// The answer to `rename`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Renamed {
    pub you: Person,
}

/// One entry of a room's log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    pub seq: Seq,
    pub at: Timestamp,
    /// Who did it, by the name they went by then.
    pub person: Person,
    pub what: What,
}

/// What an event says happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    Posted {
        cid: Cid,
        body: Body,
        /// There when nobody stands for it: the name is what the sender calls itself.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        via: Option<Via>,
    },
}

/// By which door something came of which nobody knows who said it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Via {
    /// A datagram from this address.
    Udp(String),
}

/// Everything the server tells without being asked, each under its own Socket.IO event name.
#[derive(Clone, Debug, PartialEq)]
pub enum Push {
    /// `event`: something was added to the log of a room you are in, by anybody, you included.
    Event(RoomEvent),
    /// `presence`: who is here has changed.
    Presence(Presence),
    /// `heartbeat`: how far the log of a room you are in goes, every few seconds.
    Heartbeat(Heartbeat),
}

impl Push {
    /// The Socket.IO event name of a log entry.
    pub const EVENT: &'static str = "event";
    /// The Socket.IO event name of a change of presence.
    pub const PRESENCE: &'static str = "presence";
    /// The Socket.IO event name of a heartbeat.
    pub const HEARTBEAT: &'static str = "heartbeat";

    /// The room this is about.
    pub fn room(&self) -> &RoomName {
        match self {
            Push::Event(told) => &told.room,
            Push::Presence(told) => &told.room,
            Push::Heartbeat(told) => &told.room,
        }
    }
}

/// A log entry with its room.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RoomEvent {
    pub room: RoomName,
    pub event: Event,
}

/// Differences to the list of people that `join` brought, in the order in which they happened.
/// Some may be in that list already: they are to be applied all the same.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Presence {
    pub room: RoomName,
    pub changes: Vec<Change>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// This person came.
    Here(Person),
    /// This person left.
    Gone(PersonId),
    /// This person goes by another name now.
    Renamed(Person),
}

/// How far a room's log goes: whoever has less has missed something, be it the very last event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Heartbeat {
    pub room: RoomName,
    pub last: Seq,
}

/// `restart`: the server is going away for a moment. It is told to each connection on its own,
/// and each is told another time, so that not everybody is back at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restart {
    /// When to come back, in milliseconds from now.
    pub after: u32,
}

impl Restart {
    /// Its Socket.IO event name.
    pub const NAME: &'static str = "restart";
}

/// A refusal as an acknowledgement carries it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Refused {
    pub error: Refusal,
}

/// The tutorial's four words, served as they always were; see `docs/protocol.md`.
pub mod tutorial {
    /// In: the name of the room to sit down in.
    pub const ROOM: &str = "room";
    /// In and out: a text, to everybody in the room, the sender included.
    pub const CHAT_MESSAGE: &str = "chat message";
    /// Out: how sitting down went, when it failed.
    pub const RESULT: &str = "result";
    /// The only result there is: both seats are taken.
    pub const FAILED: &str = "failed";
}

/// What `GET /api/rooms` lists: rooms with somebody in them or something said, the latest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RoomList {
    pub rooms: Vec<RoomSummary>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RoomSummary {
    pub room: RoomName,
    pub seats: Option<Seats>,
    /// How many people are here now.
    pub here: u32,
    /// Some of them, at most [`RoomSummary::FACES`].
    pub people: Vec<Person>,
    /// When something was last said.
    pub last_at: Option<Timestamp>,
}

impl RoomSummary {
    /// How many people a summary names.
    pub const FACES: usize = 8;
}

/// What `GET /api/me` and `POST /api/me` answer: who the browser's cookie stands for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Me {
    pub you: Option<Person>,
}

/// What `POST /api/rooms/{room}/messages` takes as JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Post {
    pub body: Body,
    /// Repeating it is safe, as with `send`; the header `Idempotency-Key` says the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cid: Option<Cid>,
    /// The name to go by, for a guest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<DisplayName>,
}

/// What `POST /api/me` takes: the name to go by.
pub type IntroduceYourself = Rename;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_history_names_exactly_one_place() {
        let history = |json: &str| serde_json::from_str::<History>(json).unwrap();
        assert_eq!(history(r#"{"room":"r","before":9}"#).span(), Ok(Span::Before(Seq(9))));
        assert_eq!(history(r#"{"room":"r"}"#).span(), Err(Refusal::BadRequest));
        assert_eq!(history(r#"{"room":"r","before":9,"after":2}"#).span(), Err(Refusal::BadRequest));
        assert_eq!(history(r#"{"room":"r","before":9,"limit":9999}"#).page_size(), History::MAX);
    }

    #[test]
    fn what_a_known_person_said_looks_as_it_did_before_there_were_datagrams() {
        let known = r#"{"posted":{"cid":"a","body":"b"}}"#;
        let What::Posted { via, .. } = serde_json::from_str(known).unwrap();
        assert_eq!(via, None);
        assert_eq!(serde_json::to_string(&serde_json::from_str::<What>(known).unwrap()).unwrap(), known);
        let unknown = r#"{"posted":{"cid":"a","body":"b","via":{"udp":"192.0.2.7"}}}"#;
        let What::Posted { via, .. } = serde_json::from_str(unknown).unwrap();
        assert_eq!(via, Some(Via::Udp("192.0.2.7".to_owned())));
    }

    #[test]
    fn a_command_is_decoded_by_its_name() {
        let payload = serde_json::json!({"room": "마당"});
        assert!(matches!(Command::decode("join", payload.clone()), Some(Ok(Command::Join(_)))));
        assert!(Command::decode("dance", payload).is_none());
    }
}
