//! Commands: what a client asks the server to do.

use serde::{Deserialize, Deserializer, Serialize};

use super::reply::{Ack, Joined, Left, Page, Renamed, Sent, Welcome};
use crate::{
    json::{FromJson, ToJson},
    message::{Body, Cid, Emoji, Seq},
    person::{DisplayName, PersonId},
    refusal::Refusal,
    room::{RoomName, SeatLimit, Seats, Topic},
};

/// Connects a command with its Socket.IO event name and the type of its reply, for clients.
pub trait Request: Serialize + ToJson {
    const NAME: &'static str;
    type Reply: for<'de> Deserialize<'de> + FromJson;
}

/// Implements [`Request`] for every command, and declares the enum of all commands.
macro_rules! commands {
    ($($command:ident = $name:literal -> $reply:ty;)*) => {
        /// All commands of a client.
        #[derive(Clone, Debug, PartialEq, Serialize)]
        #[serde(untagged)]
        pub enum Command {
            $($command($command),)*
        }

        impl Command {
            /// Decodes the payload of the command `name`; `None` if there is no such command.
            /// [`Refusal::from_decoding`] turns the inner error into a refusal.
            pub fn decode<'de, D: Deserializer<'de>>(
                name: &str,
                payload: D,
            ) -> Option<Result<Command, D::Error>> {
                Some(match name {
                    $($name => $command::deserialize(payload).map(Command::$command),)*
                    _ => return None,
                })
            }
        }

        $(impl Request for $command {
            const NAME: &'static str = $name;
            type Reply = $reply;
        })*
    };
}

commands! {
    Hello = "hello" -> Welcome;
    Join = "join" -> Joined;
    Leave = "leave" -> Left;
    Send = "send" -> Sent;
    Edit = "edit" -> Sent;
    Delete = "delete" -> Sent;
    React = "react" -> Sent;
    UpdateRoom = "describe" -> Sent;
    Kick = "remove" -> Ack;
    History = "history" -> Page;
    Rename = "rename" -> Renamed;
    Typing = "typing" -> Ack;
    Away = "away" -> Ack;
    WaitForSeat = "watch_seat" -> Ack;
}

/// Requests the identity of this connection, and its token if the identity is new.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hello {}

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

/// Leaves a room and frees the seat.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Leave {
    pub room: RoomName,
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

/// Replaces the text of the sender's own message `seq`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Edit {
    pub room: RoomName,
    pub seq: Seq,
    pub cid: Cid,
    pub body: Body,
}

/// Deletes the message `seq` for good. Allowed to its author and to the room's owner.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Delete {
    pub room: RoomName,
    pub seq: Seq,
    pub cid: Cid,
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

/// Changes the settings of the owner's room; an absent field stays unchanged.
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
    /// Whether newcomers from one network may take all seats, see [`Joined::shared_network`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shared_network: Option<bool>,
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

/// Changes the sender's display name in every room.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rename {
    pub name: DisplayName,
}

/// Reports that the sender is typing in this room; repeated while they type.
/// Other members get a [`TypingUpdate`](super::push::TypingUpdate) at most every [`Typing::MIN_INTERVAL_MS`].
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

/// Reports whether the user is away from this connection.
/// A person is away in a room if all their connections there are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Away {
    pub away: bool,
}

/// Requests a single `seat` push when this room has a free seat, at once if it has one now.
/// Waiting reserves no seat, and every waiter gets the push.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WaitForSeat {
    pub room: RoomName,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_decoded_by_its_name() {
        let payload = serde_json::json!({"room": "마당"});
        assert!(matches!(Command::decode("join", payload.clone()), Some(Ok(Command::Join(_)))));
        assert!(Command::decode("dance", payload).is_none());
    }

    #[test]
    fn a_history_request_names_exactly_one_position() {
        let history = |json: &str| serde_json::from_str::<History>(json).unwrap();
        assert_eq!(history(r#"{"room":"r","before":9}"#).range(), Ok(HistoryRange::Before(Seq(9))));
        assert_eq!(history(r#"{"room":"r"}"#).range(), Err(Refusal::BadRequest));
        assert_eq!(history(r#"{"room":"r","before":9,"after":2}"#).range(), Err(Refusal::BadRequest));
        assert_eq!(history(r#"{"room":"r","before":9,"limit":9999}"#).page_size(), History::MAX);
    }
}
