//! Rooms: the name that is also the link, and the number of seats.

use std::{borrow::Borrow, fmt};

use serde::{Deserialize, Serialize};

use crate::{refusal::Refusal, text};

/// A room's name, which is also the end of its link `/r/<name>`: 1 to 64 characters in any language.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct RoomName(String);

impl RoomName {
    /// The longest room name, in characters as a reader counts them.
    pub const MAX: usize = 64;

    /// Parses a room name; the refusals are those of a person's name and `room_name_not_a_link`.
    ///
    /// A name of only dots is a path's own word, and browsers resolve it even when it is
    /// percent-encoded (WHATWG URL §4.1, "double-dot path segment").
    pub fn parse(text: &str) -> Result<RoomName, Refusal> {
        let name = text::parse_name(text, Self::MAX)?;
        if name.contains(['/', '\\']) || name.chars().all(|c| c == '.') {
            return Err(Refusal::RoomNameNotALink);
        }
        Ok(RoomName(name))
    }

    /// Takes a text that was parsed before it was stored: a rule that became stricter since then
    /// must not make old events unreadable.
    pub fn from_store(text: String) -> RoomName {
        RoomName(text)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for RoomName {
    type Error = Refusal;

    fn try_from(text: String) -> Result<Self, Refusal> {
        RoomName::parse(&text)
    }
}

impl Borrow<str> for RoomName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RoomName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How many people a room holds at once: 1 to 1,000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u16")]
pub struct Seats(u16);

impl Seats {
    /// A room opened as in the tutorial is a room for two.
    pub const TWO: Seats = Seats(2);

    /// The most seats a limited room can have.
    pub const MAX: u16 = 1_000;

    /// Parses a number of seats; the refusal is `seats_invalid`.
    pub fn parse(count: u16) -> Result<Seats, Refusal> {
        if (1..=Self::MAX).contains(&count) { Ok(Seats(count)) } else { Err(Refusal::SeatsInvalid) }
    }

    pub fn get(self) -> u16 {
        self.0
    }
}

impl TryFrom<u16> for Seats {
    type Error = Refusal;

    fn try_from(count: u16) -> Result<Self, Refusal> {
        Seats::parse(count)
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    #[test]
    fn a_room_name_survives_being_a_link() {
        assert_eq!(RoomName::parse(" 우리 반 3-2 ").unwrap().as_str(), "우리 반 3-2");
        for name in ["a/b", "..", ".", "a\\b"] {
            assert_eq!(RoomName::parse(name), Err(Refusal::RoomNameNotALink), "{name}");
        }
        assert!(RoomName::parse("v1.2").is_ok());
    }

    #[test]
    fn a_room_has_one_to_a_thousand_seats() {
        assert_eq!(Seats::parse(0), Err(Refusal::SeatsInvalid));
        assert_eq!(Seats::parse(1_001), Err(Refusal::SeatsInvalid));
        assert_eq!(Seats::parse(2), Ok(Seats::TWO));
    }
}
