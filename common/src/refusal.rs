//! The errors that a client can get.
//!
//! A refusal has a stable code, for programs and for the page's translations, and an English sentence
//! for people who read the protocol. Its JSON is `{"code": "room_full", "message": "…"}`. Details of
//! an error inside the server are never sent: the client gets [`Refusal::Internal`], and the details
//! are logged.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, ser::SerializeStruct};

macro_rules! refusals {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $sentence:literal;)*) => {
        /// The reason why the server refused a request.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Refusal { $($(#[$doc])* $name,)* }

        impl Refusal {
            /// All refusals, in the order of this file.
            pub const ALL: &[Refusal] = &[$(Refusal::$name,)*];

            /// Returns the code, which never changes.
            pub fn code(self) -> &'static str {
                match self { $(Refusal::$name => $code,)* }
            }

            /// Returns one English sentence: what happened and what to do.
            pub fn sentence(self) -> &'static str {
                match self { $(Refusal::$name => $sentence,)* }
            }
        }
    };
}

refusals! {
    /// The command could not be decoded: invalid JSON, a missing field, or a value of the wrong type.
    BadRequest = "bad_request", "That is not a command of this protocol; see docs/protocol.md.";
    /// This version of the protocol has no such command.
    UnknownCommand = "unknown_command", "This server knows no such command.";
    NameEmpty = "name_empty", "A name needs at least one visible character.";
    NameTooLong = "name_too_long", "That name is too long: people have at most 32 characters, rooms 64, topics 250.";
    NameUnreadable = "name_unreadable", "A name may not hold invisible characters or more than four marks on one letter.";
    /// The name has a slash, or is `.` or `..`, which do not work as part of a link.
    RoomNameNotALink = "room_name_not_a_link", "A room name is part of a link: it may not hold a slash or be only dots.";
    MessageEmpty = "message_empty", "A message needs at least one visible character.";
    MessageTooLong = "message_too_long", "A message has at most 4,000 characters and 16 KiB.";
    MessageUnreadable = "message_unreadable", "A message is text in UTF-8.";
    CidInvalid = "cid_invalid", "A cid has 1 to 64 characters of A-Z a-z 0-9 and _ - . : / + = @ ~.";
    /// Another message in this room has the same `cid`.
    CidTaken = "cid_taken", "Another message of this room has that cid; make a new one.";
    EmojiInvalid = "emoji_invalid", "A reaction is one emoji.";
    SeatsInvalid = "seats_invalid", "A room has 1 to 1,000 seats, or no limit.";
    /// All seats of the room are taken.
    RoomFull = "room_full", "Every seat in this room is taken.";
    /// The room has free seats, but new people from this address hold too many of them already.
    TooManyNewcomers = "too_many_newcomers", "Newcomers from your network hold half of the seats here; the owner of the room can let in more.";
    /// A guest has the name of the room's owner, or one that looks like it.
    OwnersName = "owners_name", "The owner of this room has that name or one like it; change yours (rename, /name or ?name=) and try again.";
    /// The command is about a room that this connection has not joined.
    NotInRoom = "not_in_room", "Join the room first.";
    /// The person was kicked from this room, and the ban has not ended yet.
    Banned = "removed", "The owner of this room has removed you; you can come back in ten minutes.";
    /// Somebody from this network was kicked from the room, and this person is new since then.
    NetworkBanned = "network_removed", "The owner of this room has removed somebody from your network; newcomers from there can come in ten minutes later.";
    /// The room was deleted while this connection was in it.
    RoomDeleted = "room_deleted", "This room was deleted; joining it again makes a new one.";
    NoSuchRoom = "no_such_room", "There is no room of that name.";
    /// The event with that number is not a message of this room, or was deleted.
    NoSuchMessage = "no_such_message", "There is no such message in this room.";
    /// Only the author may change a message, and only the owner a room.
    NotYours = "not_yours", "That belongs to somebody else.";
    TooManyReactions = "too_many_reactions", "A message bears at most 20 different emoji and 1,000 reactions.";
    TooManyRooms = "too_many_rooms", "That is one room too many at once.";
    /// The server has its maximum number of rooms; existing rooms still work.
    NoMoreRooms = "no_more_rooms", "This server has no place for another room.";
    /// A rate limit was exceeded; the request can be retried a moment later.
    TooFast = "too_fast", "That was too fast; wait a moment and try again.";
    /// The token given when connecting is unknown to this server.
    UnknownToken = "unknown_token", "This server does not know that token.";
    /// The `Origin` or `Host` of the request does not belong to this server.
    ForeignOrigin = "foreign_origin", "This server does not answer to that address or page; start it with --public-url.";
    /// The server is stopping, or its queue is full.
    Unavailable = "unavailable", "The server can not take this right now; try again.";
    /// The disk is full or broken. Nothing was stored; the request can be retried with the same `cid`.
    NotStored = "not_stored", "The server could not store it; try again later.";
    Internal = "internal", "Something went wrong inside the server; it has been logged.";
}

impl Refusal {
    /// Returns the refusal with this code; [`Refusal::BadRequest`] for a code of a newer server.
    pub fn from_code(code: &str) -> Refusal {
        Self::ALL.iter().copied().find(|refusal| refusal.code() == code).unwrap_or(Refusal::BadRequest)
    }

    /// Whether the same request may succeed a moment later.
    pub fn is_retryable(self) -> bool {
        matches!(self, Refusal::TooFast | Refusal::Unavailable | Refusal::NotStored)
    }

    /// Converts a decoding error into a refusal.
    pub fn from_decoding(error: &impl fmt::Display) -> Refusal {
        // The newtypes of this crate report a refusal's display form to serde, which begins with the
        // code. Any other error of serde is a bad request.
        let text = error.to_string();
        text.split_once(':').map_or(Refusal::BadRequest, |(code, _)| Self::from_code(code))
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code(), self.sentence())
    }
}

impl std::error::Error for Refusal {}

impl Serialize for Refusal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut refusal = serializer.serialize_struct("Refusal", 2)?;
        refusal.serialize_field("code", self.code())?;
        refusal.serialize_field("message", self.sentence())?;
        refusal.end()
    }
}

impl<'de> Deserialize<'de> for Refusal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Fields {
            code: String,
        }
        Fields::deserialize(deserializer).map(|fields| Refusal::from_code(&fields.code))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::room::RoomName;

    #[test]
    fn every_code_belongs_to_exactly_one_refusal() {
        for refusal in Refusal::ALL {
            assert_eq!(Refusal::from_code(refusal.code()), *refusal);
            let json = serde_json::to_string(refusal).unwrap();
            assert_eq!(serde_json::from_str::<Refusal>(&json).unwrap(), *refusal);
        }
    }

    #[test]
    fn a_bad_field_is_refused_with_its_own_code() {
        let error = serde_json::from_str::<RoomName>(r#""a/b""#).unwrap_err();
        assert_eq!(Refusal::from_decoding(&error), Refusal::RoomNameNotALink);
        let error = serde_json::from_str::<RoomName>("17").unwrap_err();
        assert_eq!(Refusal::from_decoding(&error), Refusal::BadRequest);
    }
}
