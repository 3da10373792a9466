//! Every "no" a client can be told.
//!
//! A refusal has a code that never changes its meaning, for programs and for the page's own
//! words, and one English sentence for people who read the wire. It travels as
//! `{"code": "room_full", "message": "…"}`. What went wrong inside the server is never a refusal
//! of its own: the client hears [`Refusal::Internal`] and the log has the rest.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, ser::SerializeStruct};

macro_rules! refusals {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $sentence:literal;)*) => {
        /// Why the server said no.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Refusal { $($(#[$doc])* $name,)* }

        impl Refusal {
            /// Every refusal there is, in the order of this file.
            pub const ALL: &[Refusal] = &[$(Refusal::$name,)*];

            /// The stable code, the same for ever.
            pub fn code(self) -> &'static str {
                match self { $(Refusal::$name => $code,)* }
            }

            /// One English sentence: what happened and what to do.
            pub fn sentence(self) -> &'static str {
                match self { $(Refusal::$name => $sentence,)* }
            }
        }
    };
}

refusals! {
    /// The command was not understood: wrong JSON, a field missing, a value of the wrong kind.
    BadRequest = "bad_request", "That is not a command of this protocol; see docs/protocol.md.";
    /// No such command in this version of the protocol.
    UnknownCommand = "unknown_command", "This server knows no such command.";
    NameEmpty = "name_empty", "A name needs at least one visible character.";
    NameTooLong = "name_too_long", "That name is too long: people have at most 32 characters, rooms 64, topics 250.";
    NameUnreadable = "name_unreadable", "A name may not hold control characters, invisible characters or more than four marks on one letter.";
    /// `/`, `.` and `..` would not survive being part of a link.
    RoomNameNotALink = "room_name_not_a_link", "A room name is part of a link: it may not hold a slash or be only dots.";
    MessageEmpty = "message_empty", "A message needs at least one visible character.";
    MessageTooLong = "message_too_long", "A message has at most 4,000 characters and 16 KiB.";
    MessageUnreadable = "message_unreadable", "A message is UTF-8, and may hold no control characters but line breaks and tabs.";
    CidInvalid = "cid_invalid", "A cid has 1 to 64 characters of A-Z a-z 0-9 _ and -.";
    /// Somebody else's message in this room has the same `cid`.
    CidTaken = "cid_taken", "Another message of this room has that cid; make a new one.";
    EmojiInvalid = "emoji_invalid", "A reaction is one emoji.";
    SeatsInvalid = "seats_invalid", "A room has 1 to 1,000 seats, or no limit.";
    /// Every seat of the room is taken.
    RoomFull = "room_full", "Every seat in this room is taken.";
    /// The command is about a room this connection has not joined.
    NotInRoom = "not_in_room", "Join the room first.";
    /// Not now: later the room is open to this person again.
    Removed = "removed", "The owner of this room has removed you; you can come back in ten minutes.";
    NoSuchRoom = "no_such_room", "There is no room of that name.";
    /// The event of that number is no message of this room, or was taken back.
    NoSuchMessage = "no_such_message", "There is no such message in this room.";
    /// Only its author changes a message, only its owner a room.
    NotYours = "not_yours", "That belongs to somebody else.";
    TooManyReactions = "too_many_reactions", "A message bears at most 20 different emoji and 1,000 reactions.";
    TooManyRooms = "too_many_rooms", "That is one room too many at once.";
    /// The server keeps as many rooms as it can; those that there are, are open.
    NoMoreRooms = "no_more_rooms", "This server has no place for another room.";
    /// Slow down and try again a moment later.
    TooFast = "too_fast", "That was too fast; wait a moment and try again.";
    /// The token given when connecting is not one of this server's.
    UnknownToken = "unknown_token", "This server does not know that token.";
    /// The page or address is not one this server answers to.
    ForeignOrigin = "foreign_origin", "This server does not answer to that address or page; start it with --public-url.";
    /// The server is stopping, or has more work than it can queue.
    Unavailable = "unavailable", "The server can not take this right now; try again.";
    /// The disk is full or broken. Nothing was stored; it may be tried again with the same `cid`.
    NotStored = "not_stored", "The server could not store it; try again later.";
    Internal = "internal", "Something went wrong inside the server; it has been logged.";
}

impl Refusal {
    /// The refusal with this code; [`Refusal::BadRequest`] for a code of a newer server.
    pub fn from_code(code: &str) -> Refusal {
        Self::ALL.iter().copied().find(|refusal| refusal.code() == code).unwrap_or(Refusal::BadRequest)
    }

    /// Whether the very same command may be accepted a moment later.
    pub fn is_passing(self) -> bool {
        matches!(self, Refusal::TooFast | Refusal::Unavailable | Refusal::NotStored)
    }

    /// The refusal behind a failed decoding.
    ///
    /// The newtypes of this crate fail inside serde with a refusal's display form, which begins
    /// with its code; anything else serde complains about is a bad request.
    pub fn from_decoding(error: &impl fmt::Display) -> Refusal {
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
        struct Wire {
            code: String,
        }
        Wire::deserialize(deserializer).map(|wire| Refusal::from_code(&wire.code))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::room::RoomName;

    #[test]
    fn every_code_leads_back_to_its_refusal_and_is_used_once() {
        for refusal in Refusal::ALL {
            assert_eq!(Refusal::from_code(refusal.code()), *refusal);
            let wire = serde_json::to_string(refusal).unwrap();
            assert_eq!(serde_json::from_str::<Refusal>(&wire).unwrap(), *refusal);
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
