//! Implements the codec for the protocol types: the names of fields and variants and their order.

use super::{FromJson, Json, ParseError, ToJson, write_object};
use crate::{
    message::{Body, Cid, Emoji, Seq, Timestamp},
    person::{DisplayName, Mark, Person, PersonId, Roles},
    protocol::{
        command::{
            Away, Delete, Edit, Hello, History, Join, Kick, Leave, React, Rename, Send, Typing, UpdateRoom,
            WaitForSeat,
        },
        event::{Event, EventKind, MessageState, Via},
        http::{Me, RoomList, RoomSummary},
        push::{
            Heartbeat, Kicked, Presence, PresenceChange, Restart, RoomEvent, SeatAvailable, TypingUpdate,
        },
        reply::{Ack, ErrorReply, Joined, Left, Page, Permission, Renamed, Sent, Welcome},
    },
    reactions::{Reaction, Reactions},
    refusal::Refusal,
    room::{RoomName, SeatLimit, Seats, Topic},
};

/// Implements both directions for structs. A field is written under its Rust name, or under the
/// name given as `field = "name"`, which must agree with `#[serde(rename)]`.
macro_rules! objects {
    ($($object:ident { $($field:ident $(= $name:literal)?),* })*) => {$(
        impl FromJson for $object {
            fn from_json(json: Json) -> Result<$object, ParseError> {
                let mut _object = json.into_object()?;
                Ok($object { $($field: _object.take(field_name!($field $($name)?))?),* })
            }
        }

        impl ToJson for $object {
            fn to_json(&self, text: &mut String) {
                let $object { $($field),* } = self;
                write_object(text, &[$((field_name!($field $($name)?), $field)),*]);
            }
        }
    )*};
}

macro_rules! field_name {
    ($field:ident) => {
        stringify!($field)
    };
    ($field:ident $name:literal) => {
        $name
    };
}

objects! {
    Hello {}
    Join { room, seats, topic, since }
    Leave { room }
    Send { room, cid, body, reply_to }
    Edit { room, seq, cid, body }
    Delete { room, seq, cid }
    React { room, seq, cid, emoji, on }
    UpdateRoom { room, cid, topic, seats, shared_network }
    Kick { room, person }
    History { room, before, after, around, limit }
    Rename { name }
    Typing { room }
    Away { away }
    WaitForSeat { room }

    Welcome { you, token, protocol }
    Joined { room, seats, topic, last, events, more, people, member_count = "here", away, shared_network, permissions = "may" }
    Left {}
    Sent { cid, seq, at }
    Page { events, more_before, more_after }
    Renamed { you }
    Ack {}
    ErrorReply { error }

    Person { id, name, roles, mark }
    Event { seq, at, person, kind = "what" }
    MessageState { rev, edited, reactions }
    Reaction { emoji, count, people }

    RoomEvent { room, event }
    Presence { room, changes, member_count = "here" }
    Heartbeat { room, last }
    TypingUpdate { room, person }
    SeatAvailable { room }
    Kicked { room, refusal = "error" }
    Restart { after }

    RoomList { rooms }
    RoomSummary { room, seats, member_count = "here", people, last_at, topic }
    Me { you }
}

impl FromJson for EventKind {
    fn from_json(json: Json) -> Result<EventKind, ParseError> {
        let (variant, content) = json.into_variant()?;
        // The content of an unknown variant may be any value, so this is not an error yet; for a known
        // variant, taking the required fields fails.
        let mut object = content.into_object().unwrap_or_default();
        Ok(match variant.as_str() {
            "posted" => EventKind::Posted {
                cid: object.take("cid")?,
                body: object.take("body")?,
                via: object.take("via")?,
                reply_to: object.take("reply_to")?,
                state: object.take("now")?,
            },
            "withdrawn" => EventKind::Tombstone { cid: object.take("cid")?, rev: object.take("rev")? },
            "edited" => EventKind::Edited { target: object.take("of")?, body: object.take("body")? },
            "deleted" => EventKind::Deleted { target: object.take("of")? },
            "reacted" => EventKind::Reacted {
                target: object.take("to")?,
                emoji: object.take("emoji")?,
                on: object.take("on")?,
            },
            "room_changed" => EventKind::RoomChanged {
                topic: object.take("topic")?,
                seats: object.take("seats")?,
                shared_network: object.take("shared_network")?,
            },
            _ => EventKind::Unknown,
        })
    }
}

impl ToJson for EventKind {
    fn to_json(&self, text: &mut String) {
        let (variant, fields): (_, &[(&str, &dyn ToJson)]) = match self {
            EventKind::Posted { cid, body, via, reply_to, state } => (
                "posted",
                &[("cid", cid), ("body", body), ("via", via), ("reply_to", reply_to), ("now", state)],
            ),
            EventKind::Tombstone { cid, rev } => ("withdrawn", &[("cid", cid), ("rev", rev)]),
            EventKind::Edited { target, body } => ("edited", &[("of", target), ("body", body)]),
            EventKind::Deleted { target } => ("deleted", &[("of", target)]),
            EventKind::Reacted { target, emoji, on } => {
                ("reacted", &[("to", target), ("emoji", emoji), ("on", on)])
            }
            EventKind::RoomChanged { topic, seats, shared_network } => {
                ("room_changed", &[("topic", topic), ("seats", seats), ("shared_network", shared_network)])
            }
            EventKind::Unknown => (UNKNOWN, &[]),
        };
        write_object(text, &[(variant, &Fields(fields))]);
    }
}

/// The name under which an unknown variant is written; its original name and content are lost.
const UNKNOWN: &str = "unknown";

/// The fields of an enum variant.
struct Fields<'a>(&'a [(&'a str, &'a dyn ToJson)]);

impl ToJson for Fields<'_> {
    fn to_json(&self, text: &mut String) {
        write_object(text, self.0);
    }
}

impl FromJson for PresenceChange {
    fn from_json(json: Json) -> Result<PresenceChange, ParseError> {
        let (variant, content) = json.into_variant()?;
        Ok(match variant.as_str() {
            "here" => PresenceChange::Joined(FromJson::from_json(content)?),
            "gone" => PresenceChange::Left(FromJson::from_json(content)?),
            "renamed" => PresenceChange::Renamed(FromJson::from_json(content)?),
            "away" => PresenceChange::Away(FromJson::from_json(content)?),
            "back" => PresenceChange::Back(FromJson::from_json(content)?),
            _ => PresenceChange::Unknown,
        })
    }
}

impl ToJson for PresenceChange {
    fn to_json(&self, text: &mut String) {
        let (variant, content): (_, &dyn ToJson) = match self {
            PresenceChange::Joined(person) => ("here", person),
            PresenceChange::Left(id) => ("gone", id),
            PresenceChange::Renamed(person) => ("renamed", person),
            PresenceChange::Away(id) => ("away", id),
            PresenceChange::Back(id) => ("back", id),
            PresenceChange::Unknown => (UNKNOWN, &Fields(&[])),
        };
        write_object(text, &[(variant, content)]);
    }
}

impl FromJson for Via {
    fn from_json(json: Json) -> Result<Via, ParseError> {
        let (variant, content) = json.into_variant()?;
        if variant == "udp" { FromJson::from_json(content).map(Via::Udp) } else { Err(ParseError) }
    }
}

impl ToJson for Via {
    fn to_json(&self, text: &mut String) {
        let Via::Udp(from) = self;
        write_object(text, &[("udp", from)]);
    }
}

/// Implements both directions for validated text. It was validated by the server and is not validated
/// again: the browser may have another version of Unicode, and one refused name would make a room unreadable.
macro_rules! strings {
    ($($text:ident),*) => {$(
        impl FromJson for $text {
            fn from_json(json: Json) -> Result<$text, ParseError> {
                String::from_json(json).map($text::from_store)
            }
        }

        impl ToJson for $text {
            fn to_json(&self, text: &mut String) {
                self.as_str().to_json(text);
            }
        }
    )*};
}

strings!(Body, Cid, DisplayName, Emoji, RoomName, Topic);

impl FromJson for Reactions {
    fn from_json(json: Json) -> Result<Reactions, ParseError> {
        Vec::from_json(json).map(Reactions::from)
    }
}

impl ToJson for Reactions {
    fn to_json(&self, text: &mut String) {
        self.0.to_json(text);
    }
}

impl FromJson for Roles {
    fn from_json(json: Json) -> Result<Roles, ParseError> {
        Vec::<String>::from_json(json).map(|names| Roles::from_names(&names))
    }
}

impl ToJson for Roles {
    fn to_json(&self, text: &mut String) {
        self.names().collect::<Vec<_>>().to_json(text);
    }

    fn is_omitted(&self) -> bool {
        self.is_empty()
    }
}

impl FromJson for Mark {
    fn from_json(json: Json) -> Result<Mark, ParseError> {
        String::from_json(json).map(Mark)
    }
}

impl ToJson for Mark {
    fn to_json(&self, text: &mut String) {
        self.as_str().to_json(text);
    }
}

impl FromJson for PersonId {
    fn from_json(json: Json) -> Result<PersonId, ParseError> {
        PersonId::parse(&String::from_json(json)?).ok_or(ParseError)
    }
}

impl ToJson for PersonId {
    fn to_json(&self, text: &mut String) {
        self.to_string().to_json(text);
    }
}

impl FromJson for Permission {
    fn from_json(json: Json) -> Result<Permission, ParseError> {
        match String::from_json(json)?.as_str() {
            "read" => Ok(Permission::Read),
            "post" => Ok(Permission::Post),
            "own" => Ok(Permission::Own),
            _ => Ok(Permission::Unknown),
        }
    }
}

impl ToJson for Permission {
    fn to_json(&self, text: &mut String) {
        let name = match self {
            Permission::Read => "read",
            Permission::Post => "post",
            Permission::Own => "own",
            Permission::Unknown => UNKNOWN,
        };
        name.to_json(text);
    }
}

impl FromJson for Refusal {
    fn from_json(json: Json) -> Result<Refusal, ParseError> {
        let code: String = json.into_object()?.take("code")?;
        Ok(Refusal::from_code(&code))
    }
}

/// Writes the code only; the page shows a translated sentence instead of the English one.
impl ToJson for Refusal {
    fn to_json(&self, text: &mut String) {
        write_object(text, &[("code", &self.code())]);
    }
}

/// Implements both directions for newtypes of numbers.
macro_rules! numbers {
    ($($number:ident: $parse:expr, $get:expr;)*) => {$(
        impl FromJson for $number {
            fn from_json(json: Json) -> Result<$number, ParseError> {
                FromJson::from_json(json).and_then($parse)
            }
        }

        impl ToJson for $number {
            fn to_json(&self, text: &mut String) {
                $get(self).to_json(text);
            }
        }
    )*};
}

numbers! {
    Seq: |seq| Ok(Seq(seq)), |seq: &Seq| seq.0;
    Timestamp: |at| Ok(Timestamp(at)), |at: &Timestamp| at.0;
    Seats: |count| Seats::parse(count).map_err(|_| ParseError), |seats: &Seats| seats.get();
}

impl FromJson for SeatLimit {
    fn from_json(json: Json) -> Result<SeatLimit, ParseError> {
        Seats::from_json(json).map(|seats| SeatLimit(Some(seats)))
    }

    fn from_null() -> Option<SeatLimit> {
        Some(SeatLimit(None))
    }
}

impl ToJson for SeatLimit {
    fn to_json(&self, text: &mut String) {
        self.0.to_json(text);
    }
}
