//! The whole protocol on one page: what a client may ask, what it is answered, what it is told.
//!
//! A *command* is a Socket.IO event with one JSON object and an acknowledgement. The
//! acknowledgement is the command's *reply*, or `{"error": {"code", "message"}}`.
//! An *event* is an entry of a room's log, numbered without a gap.
//! `docs/protocol.md` shows every one of them with an example that a test runs.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::IgnoredAny, ser::SerializeMap};

use crate::{
    json::{FromJson, ToJson},
    message::{Body, Cid, Emoji, Seq, Timestamp},
    person::{DisplayName, Person, PersonId},
    refusal::Refusal,
    room::{Limit, RoomName, Seats, Topic},
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
    Edit(Edit),
    Delete(Delete),
    React(React),
    Describe(Describe),
    Remove(Remove),
    History(History),
    Rename(Rename),
    Typing(Typing),
    Away(Away),
    WatchSeat(WatchSeat),
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
            Edit::NAME => Edit::deserialize(payload).map(Command::Edit),
            Delete::NAME => Delete::deserialize(payload).map(Command::Delete),
            React::NAME => React::deserialize(payload).map(Command::React),
            Describe::NAME => Describe::deserialize(payload).map(Command::Describe),
            Remove::NAME => Remove::deserialize(payload).map(Command::Remove),
            History::NAME => History::deserialize(payload).map(Command::History),
            Rename::NAME => Rename::deserialize(payload).map(Command::Rename),
            Typing::NAME => Typing::deserialize(payload).map(Command::Typing),
            Away::NAME => Away::deserialize(payload).map(Command::Away),
            WatchSeat::NAME => WatchSeat::deserialize(payload).map(Command::WatchSeat),
            _ => return None,
        })
    }
}

/// A command as a client knows it: its name on the wire and the type of its reply.
pub trait Ask: Serialize + ToJson {
    const NAME: &'static str;
    type Reply: for<'de> Deserialize<'de> + FromJson;
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
    /// The topic of a new room; a room that exists keeps the one it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<Topic>,
    /// Given by somebody who comes back: answer with what came after this event, the oldest first,
    /// instead of with the last events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Seq>,
}

impl Join {
    /// To enter this room, whatever it is like, for the first time.
    pub fn new(room: RoomName) -> Join {
        Join { room, seats: None, topic: None, since: None }
    }
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
    /// The message of this room that is answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<Seq>,
}

impl Send {
    /// To say something that answers nothing in particular.
    pub fn new(room: RoomName, cid: Cid, body: Body) -> Send {
        Send { room, cid, body, reply_to: None }
    }
}

impl Ask for Send {
    const NAME: &'static str = "send";
    type Reply = Sent;
}

/// Say it better: the message `seq`, which must be one's own, reads `body` from now on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Edit {
    pub room: RoomName,
    pub seq: Seq,
    pub cid: Cid,
    pub body: Body,
}

impl Ask for Edit {
    const NAME: &'static str = "edit";
    type Reply = Sent;
}

/// Take back the message `seq`, which must be one's own, or in one's own room. There is no way back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Delete {
    pub room: RoomName,
    pub seq: Seq,
    pub cid: Cid,
}

impl Ask for Delete {
    const NAME: &'static str = "delete";
    type Reply = Sent;
}

/// Put an emoji under the message `seq`, or take it away again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct React {
    pub room: RoomName,
    pub seq: Seq,
    pub cid: Cid,
    pub emoji: Emoji,
    pub on: bool,
}

impl Ask for React {
    const NAME: &'static str = "react";
    type Reply = Sent;
}

/// Say what one's own room is about, or how many seats it has. What is not given stays as it is;
/// nobody loses a seat.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Describe {
    pub room: RoomName,
    pub cid: Cid,
    /// An empty one takes the topic away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<Topic>,
    #[serde(default, deserialize_with = "Limit::given", skip_serializing_if = "Option::is_none")]
    pub seats: Option<Limit>,
}

impl Ask for Describe {
    const NAME: &'static str = "describe";
    type Reply = Sent;
}

/// Take somebody else out of one's own room, and keep them out for [`Remove::LASTS`] seconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Remove {
    pub room: RoomName,
    pub person: PersonId,
}

impl Remove {
    /// How long whoever was removed can not come back, in seconds.
    pub const LASTS: u32 = 600;
}

impl Ask for Remove {
    const NAME: &'static str = "remove";
    type Reply = Noted;
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

/// I am writing something in this room just now. Sent again while that is so; it is told for a
/// while, and not more often than every [`Typing::PAUSE`] milliseconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Typing {
    pub room: RoomName,
}

impl Typing {
    /// The time between two that are told, in milliseconds.
    pub const PAUSE: u32 = 3_000;
    /// With more people than this in the room it is told to nobody.
    pub const CROWD: usize = 200;
}

impl Ask for Typing {
    const NAME: &'static str = "typing";
    type Reply = Noted;
}

/// Nobody looks at this connection just now, or somebody does again. A person is away who is so
/// with every connection they have in a room.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Away {
    pub away: bool,
}

impl Ask for Away {
    const NAME: &'static str = "away";
    type Reply = Noted;
}

/// Tell me once when there is a free seat in this room, by the push `seat`; right away when there is
/// one now. Whoever waits holds no seat, and is not the only one who is told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WatchSeat {
    pub room: RoomName,
}

impl Ask for WatchSeat {
    const NAME: &'static str = "watch_seat";
    type Reply = Noted;
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
    Noted(Noted),
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
    /// What the room is about, when somebody has said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<Topic>,
    /// The number of the room's last event when this was read.
    pub last: Seq,
    /// The last events, or those after `since`; in the order of the log.
    pub events: Vec<Event>,
    /// Whether there is more log: before `events`, or after them when `since` was given.
    pub more: bool,
    /// Who is here, yourself included; of a crowd [`Joined::NAMED`].
    pub people: Vec<Person>,
    /// How many people are here in all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub here: Option<u32>,
    /// Which of `people` are away.
    #[serde(default)]
    pub away: Vec<PersonId>,
    /// What you may do here.
    pub may: Vec<Permission>,
}

impl Joined {
    /// How many people it names.
    pub const NAMED: usize = 500;
}

/// Something a person may do in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Permission {
    /// Read the log and see who is here.
    Read,
    /// Say something.
    Post,
    /// Decide about the room and who is in it, and take back what others said: its owner may.
    Own,
    /// What only a newer client knows how to do.
    #[serde(other)]
    Unknown,
}

/// The answer to `leave`: nothing more to say.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Left {}

/// The answer to what adds to the log: from here on it can not be lost. Whoever asks for what is so
/// already gets the event that made it so, and the log does not grow.
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

/// The answer to what is not kept: nothing more to say.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Noted {}

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
///
/// In a page of the log, what was `posted` reads as it does now, and `now` says up to which event
/// that holds: whoever applies the events behind it leaves out those up to [`Present::rev`]. So
/// nobody is told what was taken back, wherever they begin to read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    Posted {
        cid: Cid,
        body: Body,
        /// There when nobody stands for it: the name is what the sender calls itself.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        via: Option<Via>,
        /// The message this one answers.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reply_to: Option<Seq>,
        /// There when something happened to it since, which is seldom.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        now: Option<Box<Present>>,
    },
    /// In the place of a message that was taken back; `rev` is the event that did.
    Withdrawn { cid: Cid, rev: Seq },
    /// A message reads otherwise now. Without a body when a later event has made it void.
    Edited {
        of: Seq,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        body: Option<Body>,
    },
    /// A message was taken back, by its author or the room's owner.
    Deleted { of: Seq },
    /// An emoji was put under a message or taken away.
    Reacted { to: Seq, emoji: Emoji, on: bool },
    /// The room's owner described it anew; what is not given stays as it was.
    RoomChanged {
        /// An empty one takes the topic away.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        topic: Option<Topic>,
        #[serde(default, deserialize_with = "Limit::given", skip_serializing_if = "Option::is_none")]
        seats: Option<Limit>,
    },
    /// What only a newer client knows: it has its number in the log, and nothing is shown of it.
    #[serde(other, with = "unknown")]
    Unknown,
}

/// The content of a kind that we do not know, which may be anything and which nobody looks at.
mod unknown {
    use super::*;

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(content: D) -> Result<(), D::Error> {
        IgnoredAny::deserialize(content).map(|_| ())
    }

    pub(super) fn serialize<S: Serializer>(serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_map(Some(0))?.end()
    }
}

impl What {
    /// A message that answers nothing in particular, as its author said it.
    pub fn posted(cid: Cid, body: Body) -> What {
        What::Posted { cid, body, via: None, reply_to: None, now: None }
    }

    /// What a message says: nothing for what is not one.
    pub fn body(&self) -> Option<&Body> {
        match self {
            What::Posted { body, .. } => Some(body),
            _ => None,
        }
    }

    /// The sender's id of a message, also of one that was taken back.
    pub fn cid(&self) -> Option<&Cid> {
        match self {
            What::Posted { cid, .. } | What::Withdrawn { cid, .. } => Some(cid),
            _ => None,
        }
    }
}

/// What has become of a message, after all events up to `rev`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Present {
    /// The last event that touched it.
    pub rev: Seq,
    /// When its text was last changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edited: Option<Timestamp>,
    /// The emoji under it, in the order in which they first came; at most [`Reaction::MAX`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reactions: Vec<Reaction>,
}

/// One emoji under a message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reaction {
    pub emoji: Emoji,
    /// How many people put it there.
    pub count: u32,
    /// The first of them, at most [`Reaction::NAMED`]; the one who reads is among them.
    pub people: Vec<Person>,
}

impl Reaction {
    /// The most different emoji under one message.
    pub const MAX: usize = 20;
    /// The most reactions under one message, of all people together.
    pub const MAX_OF_ALL: usize = 1_000;
    /// How many people a reaction names.
    pub const NAMED: usize = 50;
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
    /// `typing`: somebody else is writing in a room you are in.
    Typing(SomebodyTypes),
    /// `seat`: a room you wait for has a free seat.
    Seat(FreeSeat),
    /// `removed`: its owner has taken you out of a room, which tells you nothing more.
    Removed(Removed),
}

impl Push {
    /// The Socket.IO event name of a log entry.
    pub const EVENT: &'static str = "event";
    /// The Socket.IO event name of a change of presence.
    pub const PRESENCE: &'static str = "presence";
    /// The Socket.IO event name of a heartbeat.
    pub const HEARTBEAT: &'static str = "heartbeat";
    /// The Socket.IO event name of somebody's typing.
    pub const TYPING: &'static str = "typing";
    /// The Socket.IO event name of a free seat.
    pub const SEAT: &'static str = "seat";
    /// The Socket.IO event name of being removed.
    pub const REMOVED: &'static str = "removed";

    /// The room this is about.
    pub fn room(&self) -> &RoomName {
        match self {
            Push::Event(told) => &told.room,
            Push::Presence(told) => &told.room,
            Push::Heartbeat(told) => &told.room,
            Push::Typing(told) => &told.room,
            Push::Seat(told) => &told.room,
            Push::Removed(told) => &told.room,
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
/// Some may be in that list already, and some about people of a crowd whom it did not name: they are
/// to be applied all the same.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Presence {
    pub room: RoomName,
    pub changes: Vec<Change>,
    /// How many people are here after them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub here: Option<u32>,
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
    /// Nobody is at this person's screen.
    Away(PersonId),
    /// Somebody is again.
    Back(PersonId),
    /// What only a newer client knows.
    #[serde(other, with = "unknown")]
    Unknown,
}

/// How far a room's log goes: whoever has less has missed something, be it the very last event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Heartbeat {
    pub room: RoomName,
    pub last: Seq,
}

/// Somebody is writing. Nothing says that they stopped: it is over after a few seconds, or when what
/// they wrote is there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SomebodyTypes {
    pub room: RoomName,
    pub person: PersonId,
}

/// There was a free seat when this was told; who joins first has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FreeSeat {
    pub room: RoomName,
}

/// You are not in this room any more, because its owner wants it so.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Removed {
    pub room: RoomName,
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<Topic>,
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
    /// The message that is answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<Seq>,
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
        let said = What::posted(Cid::parse("a").unwrap(), Body::parse("b").unwrap());
        assert_eq!(serde_json::from_str::<What>(known).unwrap(), said);
        assert_eq!(serde_json::to_string(&said).unwrap(), known);
        let unknown = r#"{"posted":{"cid":"a","body":"b","via":{"udp":"192.0.2.7"}}}"#;
        let read = serde_json::from_str::<What>(unknown).unwrap();
        assert!(matches!(read, What::Posted { via: Some(Via::Udp(from)), .. } if from == "192.0.2.7"));
    }

    #[test]
    fn no_limit_of_seats_is_another_thing_than_none_given() {
        for (json, seats) in [
            (r#"{"room_changed":{}}"#, None),
            (r#"{"room_changed":{"seats":null}}"#, Some(Limit(None))),
            (r#"{"room_changed":{"seats":2}}"#, Some(Limit(Some(Seats::TWO)))),
        ] {
            let changed = What::RoomChanged { topic: None, seats };
            assert_eq!(serde_json::from_str::<What>(json).unwrap(), changed);
            assert_eq!(crate::json::read::<What>(json).unwrap(), changed);
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
