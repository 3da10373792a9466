//! Rooms: their name (which is also their link), topic and seats.

use std::borrow::Borrow;

use serde::{Deserialize, Deserializer, Serialize};

use crate::{
    refusal::Refusal,
    text::{self, text_newtype},
    unicode,
};

text_newtype! {
    /// A room's name, also the last part of its link `/r/<name>`: 1 to 64 characters in any language.
    ///
    /// Names that differ only in [`RoomName::key`] lead to the same room, unless there are older rooms of
    /// both names.
    #[derive(PartialOrd, Ord, Hash)]
    pub struct RoomName;
}

impl RoomName {
    /// The longest room name, in grapheme clusters.
    pub const MAX: usize = 64;

    /// Parses the name of a room that may exist; the refusals are those of a person's name and
    /// `room_name_not_a_link`. Rooms that are older than a rule keep their name, so this is not
    /// the whole check: see [`RoomName::for_new_room`].
    pub fn parse(text: &str) -> Result<RoomName, Refusal> {
        let name = text::parse_existing_name(text, Self::MAX)?;
        // Browsers resolve `.` and `..` in a path even when they are percent-encoded (WHATWG URL
        // §4.1, "double-dot path segment").
        if name.contains(['/', '\\']) || name.chars().all(|c| c == '.') {
            return Err(Refusal::RoomNameNotALink);
        }
        Ok(RoomName(name))
    }

    /// Returns the name that a new room gets: with single spaces. The refusal is `name_unreadable` if it
    /// has invisible characters.
    pub fn for_new_room(&self) -> Result<RoomName, Refusal> {
        text::check_visible(&self.0)?;
        Ok(RoomName(text::fold_spaces(&self.0)))
    }

    /// Returns what names that look the same have in common, in any white space, width and case.
    pub fn key(&self) -> String {
        let spaced = text::fold_spaces(&unicode::fold_width(&self.0));
        let shown: String = spaced.chars().filter(|c| !unicode::is_variation_selector(*c)).collect();
        unicode::nfc(&unicode::lowercase(&shown))
    }

    /// The default room. It has no owner and no seat limit.
    pub fn lobby() -> RoomName {
        RoomName("lobby".to_owned())
    }
}

impl Borrow<str> for RoomName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

text_newtype! {
    /// A room's topic: one line of at most 250 characters in any language; empty for no topic.
    #[derive(Default)]
    pub struct Topic;
}

impl Topic {
    /// The longest topic, in grapheme clusters.
    pub const MAX: usize = 250;

    /// Parses a topic; the refusals are `name_too_long` and `name_unreadable`.
    pub fn parse(text: &str) -> Result<Topic, Refusal> {
        match text::parse_name(text, Self::MAX) {
            Err(Refusal::NameEmpty) => Ok(Topic::default()),
            parsed => parsed.map(Topic),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// How many people a room holds at once: 1 to 1,000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u16")]
pub struct Seats(u16);

impl Seats {
    /// Two seats, which a room opened through the tutorial's events has.
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

/// A new seat limit: `null` removes the limit, an absent field leaves it unchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SeatLimit(pub Option<Seats>);

impl SeatLimit {
    /// Deserializes a field that is present. Without it serde would treat `null` as an absent field.
    pub(crate) fn deserialize_present<'de, D: Deserializer<'de>>(
        field: D,
    ) -> Result<Option<SeatLimit>, D::Error> {
        SeatLimit::deserialize(field).map(Some)
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    #[test]
    fn a_room_name_can_be_part_of_a_link() {
        assert_eq!(RoomName::parse(" 우리 반 3-2 ").unwrap().as_str(), "우리 반 3-2");
        for name in ["a/b", "..", ".", "a\\b"] {
            assert_eq!(RoomName::parse(name), Err(Refusal::RoomNameNotALink), "{name}");
        }
        assert!(RoomName::parse("v1.2").is_ok());
    }

    #[test]
    fn names_that_look_the_same_have_the_same_key() {
        let key = |name: &str| RoomName::parse(name).unwrap().key();
        for (name, other) in [
            ("Team", "team"),
            ("우리 반", "우리\u{A0}반"),
            ("우리 반", "우리\u{3000}반"),
            ("우리 반", "우리  반"),
            ("우리 반", "우리\u{2009} 반"),
            ("3반", "３반"),
            ("Team 7", "ＴＥＡＭ　７"),
            ("カ゛ガ", "ｶ゛ｶﾞ"),
            ("é", "E\u{301}"),
            ("❤", "❤\u{FE0F}"),
            ("한", "\u{1112}\u{1161}\u{11AB}"),
        ] {
            assert_eq!(key(name), key(other), "{name:?} and {other:?}");
        }
        let different =
            ["team", "te am", "te-am", "ㄱㅏ", "가", "m2", "m²", "①", "1", "ㅋㅋ", "ㅋㅋㅋ", "👩‍👧", "👩👧"];
        for (at, name) in different.iter().enumerate() {
            assert!(different[..at].iter().all(|other| key(other) != key(name)), "{name}");
        }
    }

    #[test]
    fn a_new_room_has_single_spaces_and_no_invisible_characters() {
        let new = |name: &str| RoomName::parse(name).unwrap().for_new_room();
        assert_eq!(new("우리\u{A0} \u{3000}반 Ａ").unwrap().as_str(), "우리 반 Ａ");
        assert_eq!(
            RoomName::parse("우리\u{A0}반").unwrap().as_str(),
            "우리\u{A0}반",
            "an old room keeps its link"
        );
        assert_eq!(new("a\u{3164}b"), Err(Refusal::NameUnreadable));
        assert_eq!(new("a\u{E000}"), Err(Refusal::NameUnreadable));
    }

    #[test]
    fn a_topic_is_one_readable_line_or_empty() {
        assert_eq!(Topic::parse(" 3-2반 이야기 ").unwrap().as_str(), "3-2반 이야기");
        assert!(Topic::parse("  ").unwrap().is_empty());
        assert_eq!(Topic::parse("a\u{B}b\r\nc").unwrap().as_str(), "a b c");
        assert_eq!(Topic::parse("a\u{200B}b"), Err(Refusal::NameUnreadable));
        assert!(Topic::parse(&"글".repeat(250)).is_ok());
        assert_eq!(Topic::parse(&"글".repeat(251)), Err(Refusal::NameTooLong));
    }

    #[test]
    fn a_room_has_one_to_a_thousand_seats() {
        assert_eq!(Seats::parse(0), Err(Refusal::SeatsInvalid));
        assert_eq!(Seats::parse(1_001), Err(Refusal::SeatsInvalid));
        assert_eq!(Seats::parse(2), Ok(Seats::TWO));
    }
}
