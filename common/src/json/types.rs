//! How the types of the protocol are called in JSON, and in which order their fields are written.

use super::{FromJson, Garbled, Json, ToJson, write_record};
use crate::{
    event::{
        Away, Change, Delete, Describe, Edit, Event, FreeSeat, Heartbeat, Hello, History, Join, Joined,
        Leave, Left, Me, Noted, Page, Permission, Presence, Present, React, Reaction, Refused, Remove,
        Removed, Rename, Renamed, Restart, RoomEvent, RoomList, RoomSummary, Send, Sent, SomebodyTypes,
        Typing, Via, WatchSeat, Welcome, What,
    },
    message::{Body, Cid, Emoji, Seq, Timestamp},
    person::{DisplayName, Person, PersonId},
    refusal::Refusal,
    room::{Limit, RoomName, Seats, Topic},
};

/// Records of the fields they have in Rust.
macro_rules! records {
    ($($record:ident { $($field:ident),* })*) => {$(
        impl FromJson for $record {
            fn from_json(json: Json) -> Result<$record, Garbled> {
                let mut _record = json.record()?;
                Ok($record { $($field: _record.take(stringify!($field))?),* })
            }
        }

        impl ToJson for $record {
            fn to_json(&self, text: &mut String) {
                let $record { $($field),* } = self;
                write_record(text, &[$((stringify!($field), $field)),*]);
            }
        }
    )*};
}

records! {
    Hello {}
    Join { room, seats, topic, since }
    Leave { room }
    Send { room, cid, body, reply_to }
    Edit { room, seq, cid, body }
    Delete { room, seq, cid }
    React { room, seq, cid, emoji, on }
    Describe { room, cid, topic, seats }
    Remove { room, person }
    History { room, before, after, around, limit }
    Rename { name }
    Typing { room }
    Away { away }
    WatchSeat { room }

    Welcome { you, token, protocol }
    Joined { room, seats, topic, last, events, more, people, here, away, may }
    Left {}
    Sent { cid, seq, at }
    Page { events, more_before, more_after }
    Renamed { you }
    Noted {}
    Refused { error }

    Person { id, name }
    Event { seq, at, person, what }
    Present { rev, edited, reactions }
    Reaction { emoji, count, people }

    RoomEvent { room, event }
    Presence { room, changes, here }
    Heartbeat { room, last }
    SomebodyTypes { room, person }
    FreeSeat { room }
    Removed { room }
    Restart { after }

    RoomList { rooms }
    RoomSummary { room, seats, here, people, last_at, topic }
    Me { you }
}

impl FromJson for What {
    fn from_json(json: Json) -> Result<What, Garbled> {
        let (case, content) = json.case()?;
        // What we do not know may be anything; of what we know the fields are asked for.
        let mut record = content.record().unwrap_or_default();
        Ok(match case.as_str() {
            "posted" => What::Posted {
                cid: record.take("cid")?,
                body: record.take("body")?,
                via: record.take("via")?,
                reply_to: record.take("reply_to")?,
                now: record.take("now")?,
            },
            "withdrawn" => What::Withdrawn { cid: record.take("cid")?, rev: record.take("rev")? },
            "edited" => What::Edited { of: record.take("of")?, body: record.take("body")? },
            "deleted" => What::Deleted { of: record.take("of")? },
            "reacted" => {
                What::Reacted { to: record.take("to")?, emoji: record.take("emoji")?, on: record.take("on")? }
            }
            "room_changed" => {
                What::RoomChanged { topic: record.take("topic")?, seats: record.take("seats")? }
            }
            _ => What::Unknown,
        })
    }
}

impl ToJson for What {
    fn to_json(&self, text: &mut String) {
        let (case, fields): (_, &[(&str, &dyn ToJson)]) = match self {
            What::Posted { cid, body, via, reply_to, now } => (
                "posted",
                &[("cid", cid), ("body", body), ("via", via), ("reply_to", reply_to), ("now", now)],
            ),
            What::Withdrawn { cid, rev } => ("withdrawn", &[("cid", cid), ("rev", rev)]),
            What::Edited { of, body } => ("edited", &[("of", of), ("body", body)]),
            What::Deleted { of } => ("deleted", &[("of", of)]),
            What::Reacted { to, emoji, on } => ("reacted", &[("to", to), ("emoji", emoji), ("on", on)]),
            What::RoomChanged { topic, seats } => ("room_changed", &[("topic", topic), ("seats", seats)]),
            What::Unknown => (UNKNOWN, &[]),
        };
        write_record(text, &[(case, &Fields(fields))]);
    }
}

/// What a case that we do not know is written as, of which nothing is left.
const UNKNOWN: &str = "unknown";

/// The fields of a case.
struct Fields<'a>(&'a [(&'a str, &'a dyn ToJson)]);

impl ToJson for Fields<'_> {
    fn to_json(&self, text: &mut String) {
        write_record(text, self.0);
    }
}

impl FromJson for Change {
    fn from_json(json: Json) -> Result<Change, Garbled> {
        let (case, content) = json.case()?;
        Ok(match case.as_str() {
            "here" => Change::Here(FromJson::from_json(content)?),
            "gone" => Change::Gone(FromJson::from_json(content)?),
            "renamed" => Change::Renamed(FromJson::from_json(content)?),
            "away" => Change::Away(FromJson::from_json(content)?),
            "back" => Change::Back(FromJson::from_json(content)?),
            _ => Change::Unknown,
        })
    }
}

impl ToJson for Change {
    fn to_json(&self, text: &mut String) {
        let (case, content): (_, &dyn ToJson) = match self {
            Change::Here(person) => ("here", person),
            Change::Gone(id) => ("gone", id),
            Change::Renamed(person) => ("renamed", person),
            Change::Away(id) => ("away", id),
            Change::Back(id) => ("back", id),
            Change::Unknown => (UNKNOWN, &Fields(&[])),
        };
        write_record(text, &[(case, content)]);
    }
}

impl FromJson for Via {
    fn from_json(json: Json) -> Result<Via, Garbled> {
        let (case, content) = json.case()?;
        if case == "udp" { FromJson::from_json(content).map(Via::Udp) } else { Err(Garbled) }
    }
}

impl ToJson for Via {
    fn to_json(&self, text: &mut String) {
        let Via::Udp(from) = self;
        write_record(text, &[("udp", from)]);
    }
}

/// Texts that have a form of their own, which the server has seen to. It is not looked at again: the
/// browser counts characters by tables of another year, and one name it would refuse shuts a room.
macro_rules! texts {
    ($($text:ident),*) => {$(
        impl FromJson for $text {
            fn from_json(json: Json) -> Result<$text, Garbled> {
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

texts!(Body, Cid, DisplayName, Emoji, RoomName, Topic);

impl FromJson for PersonId {
    fn from_json(json: Json) -> Result<PersonId, Garbled> {
        PersonId::parse(&String::from_json(json)?).ok_or(Garbled)
    }
}

impl ToJson for PersonId {
    fn to_json(&self, text: &mut String) {
        self.to_string().to_json(text);
    }
}

impl FromJson for Permission {
    fn from_json(json: Json) -> Result<Permission, Garbled> {
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
        let word = match self {
            Permission::Read => "read",
            Permission::Post => "post",
            Permission::Own => "own",
            Permission::Unknown => UNKNOWN,
        };
        word.to_json(text);
    }
}

impl FromJson for Refusal {
    fn from_json(json: Json) -> Result<Refusal, Garbled> {
        let code: String = json.record()?.take("code")?;
        Ok(Refusal::from_code(&code))
    }
}

/// Its sentence is for people, and they are told another.
impl ToJson for Refusal {
    fn to_json(&self, text: &mut String) {
        write_record(text, &[("code", &self.code())]);
    }
}

/// Numbers that have a name.
macro_rules! numbers {
    ($($number:ident: $parse:expr, $get:expr;)*) => {$(
        impl FromJson for $number {
            fn from_json(json: Json) -> Result<$number, Garbled> {
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
    Seats: |count| Seats::parse(count).map_err(|_| Garbled), |seats: &Seats| seats.get();
}

impl FromJson for Limit {
    fn from_json(json: Json) -> Result<Limit, Garbled> {
        Seats::from_json(json).map(|seats| Limit(Some(seats)))
    }

    fn null() -> Option<Limit> {
        Some(Limit(None))
    }
}

impl ToJson for Limit {
    fn to_json(&self, text: &mut String) {
        self.0.to_json(text);
    }
}
