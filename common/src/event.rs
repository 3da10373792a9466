//! The whole protocol on one page: commands, their replies, the events of a log, and pushes.
//!
//! A *command* is a Socket.IO event with one JSON object as its argument and an acknowledgement. The
//! acknowledgement carries the command's *reply*, or an [`ErrorReply`].
//! An *event* is a numbered entry of a room's log; the numbers have no gaps.
//! A *push* is a message that the server sends without a request.
//!
//! `docs/protocol.md` documents all of them with examples that run as tests. The JSON is public and
//! stays as it is: where a Rust name differs from it, `#[serde(rename)]` keeps the JSON name, and
//! so does `json/types.rs`, the page's codec.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::IgnoredAny, ser::SerializeMap};

use crate::{
    json::{FromJson, ToJson},
    message::{Body, Cid, Emoji, Seq, Timestamp},
    person::{DisplayName, Person, PersonId},
    refusal::Refusal,
    room::{RoomName, SeatLimit, Seats, Topic},
};

/// The version of this protocol. It changes only if old clients would stop working.
pub const PROTOCOL: u32 = 1;

/// All commands of a client.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Command {
    Hello(Hello),
    Join(Join),
    Leave(Leave),
    Send(Send),
    Edit(Edit),
    Delete(Delete),
    React(React),
    UpdateRoom(UpdateRoom),
    Kick(Kick),
    History(History),
    Rename(Rename),
    Typing(Typing),
    Away(Away),
    WaitForSeat(WaitForSeat),
}

impl Command {
    /// Decodes the payload of the command `name`; `None` if there is no such command.
    /// [`Refusal::from_decoding`] turns the inner error into a refusal.
    pub fn decode<'de, D: Deserializer<'de>>(name: &str, payload: D) -> Option<Result<Command, D::Error>> {
        Some(match name {
            Hello::NAME => Hello::deserialize(payload).map(Command::Hello),
            Join::NAME => Join::deserialize(payload).map(Command::Join),
            Leave::NAME => Leave::deserialize(payload).map(Command::Leave),
            Send::NAME => Send::deserialize(payload).map(Command::Send),
            Edit::NAME => Edit::deserialize(payload).map(Command::Edit),
            Delete::NAME => Delete::deserialize(payload).map(Command::Delete),
            React::NAME => React::deserialize(payload).map(Command::React),
            UpdateRoom::NAME => UpdateRoom::deserialize(payload).map(Command::UpdateRoom),
            Kick::NAME => Kick::deserialize(payload).map(Command::Kick),
            History::NAME => History::deserialize(payload).map(Command::History),
            Rename::NAME => Rename::deserialize(payload).map(Command::Rename),
            Typing::NAME => Typing::deserialize(payload).map(Command::Typing),
            Away::NAME => Away::deserialize(payload).map(Command::Away),
            WaitForSeat::NAME => WaitForSeat::deserialize(payload).map(Command::WaitForSeat),
            _ => return None,
        })
    }
}

/// Connects a command with its Socket.IO event name and the type of its reply, for clients.
pub trait Request: Serialize + ToJson {
    const NAME: &'static str;
    type Reply: for<'de> Deserialize<'de> + FromJson;
}

/// Requests the identity of this connection, and its token if the identity is new.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hello {}

impl Request for Hello {
    const NAME: &'static str = "hello";
    type Reply = Welcome;
}

/// Joins a room, and creates it if it does not exist.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Join {
    pub room: RoomName,
    /// The seat limit of a new room; an existing room keeps its limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seats: Option<Seats>,
    /// The topic of a new room; an existing room keeps its topic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<Topic>,
    /// The last event a returning client has. The reply then begins with the first event after it,
    /// instead of holding the last events of the log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Seq>,
}

impl Join {
    /// Joins a room for the first time, with default settings if it is new.
    pub fn new(room: RoomName) -> Join {
        Join { room, seats: None, topic: None, since: None }
    }
}

impl Request for Join {
    const NAME: &'static str = "join";
    type Reply = Joined;
}

/// Leaves a room and frees the seat.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Leave {
    pub room: RoomName,
}

impl Request for Leave {
    const NAME: &'static str = "leave";
    type Reply = Left;
}

/// Sends a message. A retry with the same `cid` is safe: it returns the first reply again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Send {
    pub room: RoomName,
    pub cid: Cid,
    pub body: Body,
    /// The message of this room to which this one replies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<Seq>,
}

impl Send {
    /// Sends a message that is not a reply to another one.
    pub fn new(room: RoomName, cid: Cid, body: Body) -> Send {
        Send { room, cid, body, reply_to: None }
    }
}

impl Request for Send {
    const NAME: &'static str = "send";
    type Reply = Sent;
}

/// Replaces the text of the sender's own message `seq`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Edit {
    pub room: RoomName,
    pub seq: Seq,
    pub cid: Cid,
    pub body: Body,
}

impl Request for Edit {
    const NAME: &'static str = "edit";
    type Reply = Sent;
}

/// Deletes the message `seq` for good. Allowed to its author and to the room's owner.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Delete {
    pub room: RoomName,
    pub seq: Seq,
    pub cid: Cid,
}

impl Request for Delete {
    const NAME: &'static str = "delete";
    type Reply = Sent;
}

/// Adds a reaction to the message `seq`, or removes it if `on` is false.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct React {
    pub room: RoomName,
    pub seq: Seq,
    pub cid: Cid,
    pub emoji: Emoji,
    pub on: bool,
}

impl Request for React {
    const NAME: &'static str = "react";
    type Reply = Sent;
}

/// Changes the topic or the seat limit of the owner's room; an absent field stays unchanged.
/// A lower limit takes no seat away from current members.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UpdateRoom {
    pub room: RoomName,
    pub cid: Cid,
    /// An empty topic removes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<Topic>,
    #[serde(
        default,
        deserialize_with = "SeatLimit::deserialize_present",
        skip_serializing_if = "Option::is_none"
    )]
    pub seats: Option<SeatLimit>,
}

impl Request for UpdateRoom {
    const NAME: &'static str = "describe";
    type Reply = Sent;
}

/// Removes another person from the owner's room and bans them for [`Kick::BAN_SECONDS`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Kick {
    pub room: RoomName,
    pub person: PersonId,
}

impl Kick {
    /// How long the ban lasts, in seconds.
    pub const BAN_SECONDS: u32 = 600;
}

impl Request for Kick {
    const NAME: &'static str = "remove";
    type Reply = Ack;
}

/// Reads a page of the log; exactly one of `before`, `after` and `around` must be present.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct History {
    pub room: RoomName,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Seq>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Seq>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub around: Option<Seq>,
    /// The page size, 1 to [`History::MAX`]; [`History::DEFAULT`] if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

impl History {
    /// The most events of one page.
    pub const MAX: u32 = 200;
    /// The page size if none is requested, and the most events in the reply to `join`.
    pub const DEFAULT: u32 = 50;

    /// Returns the requested part of the log; `bad_request` unless exactly one is given.
    pub fn range(&self) -> Result<HistoryRange, Refusal> {
        match (self.before, self.after, self.around) {
            (Some(seq), None, None) => Ok(HistoryRange::Before(seq)),
            (None, Some(seq), None) => Ok(HistoryRange::After(seq)),
            (None, None, Some(seq)) => Ok(HistoryRange::Around(seq)),
            _ => Err(Refusal::BadRequest),
        }
    }

    /// Returns the requested page size, clamped to its bounds.
    pub fn page_size(&self) -> u32 {
        self.limit.unwrap_or(Self::DEFAULT).clamp(1, Self::MAX)
    }
}

/// A part of a room's log, relative to an event.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum HistoryRange {
    /// The events directly before this one.
    Before(Seq),
    /// The events directly after this one.
    After(Seq),
    /// This event, with about as many before it as after it.
    Around(Seq),
}

impl Request for History {
    const NAME: &'static str = "history";
    type Reply = Page;
}

/// Changes the sender's display name in every room.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rename {
    pub name: DisplayName,
}

impl Request for Rename {
    const NAME: &'static str = "rename";
    type Reply = Renamed;
}

/// Reports that the sender is typing in this room; repeated while they type.
/// Other members get a [`TypingUpdate`] at most every [`Typing::MIN_INTERVAL_MS`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Typing {
    pub room: RoomName,
}

impl Typing {
    /// The shortest time between two broadcasts for one person, in milliseconds.
    pub const MIN_INTERVAL_MS: u32 = 3_000;
    /// Rooms with more members than this get no typing broadcasts.
    pub const MAX_MEMBERS: usize = 200;
}

impl Request for Typing {
    const NAME: &'static str = "typing";
    type Reply = Ack;
}

/// Reports whether the user is away from this connection.
/// A person is away in a room if all their connections there are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Away {
    pub away: bool,
}

impl Request for Away {
    const NAME: &'static str = "away";
    type Reply = Ack;
}

/// Requests a single `seat` push when this room has a free seat, at once if it has one now.
/// Waiting reserves no seat, and every waiter gets the push.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WaitForSeat {
    pub room: RoomName,
}

impl Request for WaitForSeat {
    const NAME: &'static str = "watch_seat";
    type Reply = Ack;
}

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

/// One entry of a room's log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    pub seq: Seq,
    pub at: Timestamp,
    /// The person who caused it, with the name they had at that time.
    pub person: Person,
    #[serde(rename = "what")]
    pub kind: EventKind,
}

/// What happened.
///
/// A page of the log returns every message in its current state, and deleted text never.
/// [`MessageState::rev`] is the last event folded into it: skip changes up to `rev` when applying later events.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    Posted {
        cid: Cid,
        body: Body,
        /// Present if the sender was not authenticated: the name is then only a claim.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        via: Option<Via>,
        /// The message to which this one replies.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reply_to: Option<Seq>,
        /// Present if the message was changed since it was posted, which is rare.
        #[serde(rename = "now", default, skip_serializing_if = "Option::is_none")]
        state: Option<Box<MessageState>>,
    },
    /// Replaces a deleted message in a page of the log; `rev` is the event that deleted it.
    #[serde(rename = "withdrawn")]
    Tombstone { cid: Cid, rev: Seq },
    /// The text of a message was replaced. In a page of the log, `body` is absent if a later event
    /// replaced or deleted the text again.
    Edited {
        #[serde(rename = "of")]
        target: Seq,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        body: Option<Body>,
    },
    /// A message was deleted by its author or the room's owner.
    Deleted {
        #[serde(rename = "of")]
        target: Seq,
    },
    /// A reaction was added to a message (`on`) or removed from it.
    Reacted {
        #[serde(rename = "to")]
        target: Seq,
        emoji: Emoji,
        on: bool,
    },
    /// The room's owner changed its settings; an absent field stayed unchanged.
    RoomChanged {
        /// An empty topic removes it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        topic: Option<Topic>,
        #[serde(
            default,
            deserialize_with = "SeatLimit::deserialize_present",
            skip_serializing_if = "Option::is_none"
        )]
        seats: Option<SeatLimit>,
    },
    /// A kind that only a newer client knows. It has a number in the log like any event, and is not shown.
    #[serde(other, with = "unknown")]
    Unknown,
}

/// Serializes the content of an unknown variant: any JSON is accepted, and an empty object is written.
mod unknown {
    use super::*;

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(content: D) -> Result<(), D::Error> {
        IgnoredAny::deserialize(content).map(|_| ())
    }

    pub(super) fn serialize<S: Serializer>(serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_map(Some(0))?.end()
    }
}

impl EventKind {
    /// Makes a message that is unchanged, authenticated and not a reply.
    pub fn posted(cid: Cid, body: Body) -> EventKind {
        EventKind::Posted { cid, body, via: None, reply_to: None, state: None }
    }

    /// Returns the text of a message; `None` for other kinds.
    pub fn body(&self) -> Option<&Body> {
        match self {
            EventKind::Posted { body, .. } => Some(body),
            _ => None,
        }
    }

    /// Returns the client's id of a message, also of a deleted one.
    pub fn cid(&self) -> Option<&Cid> {
        match self {
            EventKind::Posted { cid, .. } | EventKind::Tombstone { cid, .. } => Some(cid),
            _ => None,
        }
    }
}

/// The changes to a message by all events up to `rev`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MessageState {
    /// The last event that changed the message.
    pub rev: Seq,
    /// When the text was last edited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edited: Option<Timestamp>,
    /// The reactions, in the order of their first use; at most [`Reaction::MAX_EMOJI`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reactions: Vec<Reaction>,
}

/// All reactions to a message with the same emoji.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reaction {
    pub emoji: Emoji,
    /// The number of people who reacted with it.
    pub count: u32,
    /// The first of these people, at most [`Reaction::MAX_PEOPLE`]; always includes the reader if they reacted.
    pub people: Vec<Person>,
}

impl Reaction {
    /// The most different emoji on one message.
    pub const MAX_EMOJI: usize = 20;
    /// The most reactions on one message, of all people together.
    pub const MAX_TOTAL: usize = 1_000;
    /// The most people listed.
    pub const MAX_PEOPLE: usize = 50;
}

/// The transport of a message whose sender was not authenticated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Via {
    /// A datagram from this IP address.
    Udp(String),
}

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
    /// `removed`: the owner removed the receiver from a room; it gets no more pushes about the room.
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

/// Changes to the list of people in [`Joined`], in the order in which they happened.
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
    #[serde(other, with = "unknown")]
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

/// The room's owner has removed the receiver from this room.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Kicked {
    pub room: RoomName,
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

/// The acknowledgement of a refused command: `{"error": {"code", "message"}}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ErrorReply {
    pub error: Refusal,
}

/// The event names and the result of the Socket.IO chat tutorial, whose clients keep working.
/// See `docs/protocol.md`.
pub mod tutorial {
    /// From the client: the name of the room to join.
    pub const ROOM: &str = "room";
    /// In both directions: a text for all members of the room, including the sender.
    pub const CHAT_MESSAGE: &str = "chat message";
    /// From the server: the result of joining, sent only if it failed.
    pub const RESULT: &str = "result";
    /// The only result there is: both seats are taken.
    pub const FAILED: &str = "failed";
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_history_request_names_exactly_one_position() {
        let history = |json: &str| serde_json::from_str::<History>(json).unwrap();
        assert_eq!(history(r#"{"room":"r","before":9}"#).range(), Ok(HistoryRange::Before(Seq(9))));
        assert_eq!(history(r#"{"room":"r"}"#).range(), Err(Refusal::BadRequest));
        assert_eq!(history(r#"{"room":"r","before":9,"after":2}"#).range(), Err(Refusal::BadRequest));
        assert_eq!(history(r#"{"room":"r","before":9,"limit":9999}"#).page_size(), History::MAX);
    }

    #[test]
    fn a_message_without_via_is_written_as_before_datagrams_existed() {
        let json = r#"{"posted":{"cid":"a","body":"b"}}"#;
        let message = EventKind::posted(Cid::parse("a").unwrap(), Body::parse("b").unwrap());
        assert_eq!(serde_json::from_str::<EventKind>(json).unwrap(), message);
        assert_eq!(serde_json::to_string(&message).unwrap(), json);
        let with_via = r#"{"posted":{"cid":"a","body":"b","via":{"udp":"192.0.2.7"}}}"#;
        let read = serde_json::from_str::<EventKind>(with_via).unwrap();
        assert!(matches!(read, EventKind::Posted { via: Some(Via::Udp(from)), .. } if from == "192.0.2.7"));
    }

    #[test]
    fn a_null_seat_limit_differs_from_an_absent_one() {
        for (json, seats) in [
            (r#"{"room_changed":{}}"#, None),
            (r#"{"room_changed":{"seats":null}}"#, Some(SeatLimit(None))),
            (r#"{"room_changed":{"seats":2}}"#, Some(SeatLimit(Some(Seats::TWO)))),
        ] {
            let changed = EventKind::RoomChanged { topic: None, seats };
            assert_eq!(serde_json::from_str::<EventKind>(json).unwrap(), changed);
            assert_eq!(crate::json::from_str::<EventKind>(json).unwrap(), changed);
            assert_eq!(serde_json::to_string(&changed).unwrap(), json);
        }
    }

    #[test]
    fn a_command_is_decoded_by_its_name() {
        let payload = serde_json::json!({"room": "마당"});
        assert!(matches!(Command::decode("join", payload.clone()), Some(Ok(Command::Join(_)))));
        assert!(Command::decode("dance", payload).is_none());
    }
}
