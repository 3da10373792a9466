//! People: a permanent identity and the display name that goes with it.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use crate::{
    refusal::Refusal,
    text::{self, text_newtype},
};

/// A person's identity, which survives reconnects and renames. Sixteen hexadecimal digits on the wire.
/// It is public: knowing it does not allow acting as that person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PersonId(pub u64);

impl PersonId {
    /// Parses the sixteen digits.
    pub fn parse(text: &str) -> Option<PersonId> {
        (text.len() == 16).then(|| u64::from_str_radix(text, 16).ok().map(PersonId)).flatten()
    }
}

impl fmt::Display for PersonId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl Serialize for PersonId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PersonId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        PersonId::parse(&text).ok_or_else(|| D::Error::custom(Refusal::BadRequest))
    }
}

text_newtype! {
    /// The name shown for a person: 1 to 32 characters in any language.
    #[derive(Hash)]
    pub struct DisplayName;
}

impl DisplayName {
    /// The longest name, in grapheme clusters.
    pub const MAX: usize = 32;

    /// Parses a name; the refusals are `name_empty`, `name_too_long` and `name_unreadable`.
    pub fn parse(text: &str) -> Result<DisplayName, Refusal> {
        text::parse_name(text, Self::MAX).map(DisplayName)
    }

    /// Returns the name of a person who chose none: `guest-` and four digits of the identity.
    pub fn for_guest(id: PersonId) -> DisplayName {
        DisplayName(format!("guest-{:04}", id.0 % 10_000))
    }
}

/// A person as others see them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    pub id: PersonId,
    pub name: DisplayName,
}
