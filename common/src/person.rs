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

/// A person as others see them, in a room or anywhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    pub id: PersonId,
    pub name: DisplayName,
    /// What they are in the room in which they are shown.
    #[serde(default, skip_serializing_if = "Roles::is_empty")]
    pub roles: Roles,
    /// Present where somebody else has the same name, or one that looks like it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mark: Option<Mark>,
}

impl Person {
    /// Makes a person without roles and a mark.
    pub fn new(id: PersonId, name: DisplayName) -> Person {
        Person { id, name, roles: Roles::default(), mark: None }
    }

    /// Returns the name, with the mark if there is one: `지은 #k3f9`.
    pub fn marked_name(&self) -> String {
        match &self.mark {
            Some(mark) => format!("{} {mark}", self.name),
            None => self.name.to_string(),
        }
    }
}

/// What a person is in a room, as a list of `owner`, `guest` and `program` on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Roles {
    /// The room belongs to them.
    pub owner: bool,
    /// They have no token, so nobody knows whether they are who they were before.
    pub guest: bool,
    /// They posted without being in the room, over HTTP or as a datagram.
    pub program: bool,
}

impl Roles {
    pub fn is_empty(&self) -> bool {
        *self == Roles::default()
    }

    /// Returns the names on the wire.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        let roles = [(self.owner, "owner"), (self.guest, "guest"), (self.program, "program")];
        roles.into_iter().filter_map(|(has_role, name)| has_role.then_some(name))
    }

    /// Ignores names that only a newer client knows.
    pub(crate) fn from_names(names: &[String]) -> Roles {
        let has = |role: &str| names.iter().any(|name| name == role);
        Roles { owner: has("owner"), guest: has("guest"), program: has("program") }
    }
}

impl Serialize for Roles {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.names())
    }
}

impl<'de> Deserialize<'de> for Roles {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::<String>::deserialize(deserializer).map(|names| Roles::from_names(&names))
    }
}

/// Tells people of the same name apart: four characters made from the id, so it is the same everywhere.
/// Shown with a number sign before it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark(pub(crate) String);

impl Mark {
    /// Letters and digits that are not taken for each other.
    const ALPHABET: [u8; 28] = *b"23456789bcdfghjkmnpqrstvwxyz";

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<PersonId> for Mark {
    fn from(PersonId(id): PersonId) -> Mark {
        let digit = |place| Mark::ALPHABET[(id / 28_u64.pow(place) % 28) as usize];
        Mark((0..4).rev().map(|place| char::from(digit(place))).collect())
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_made_from_the_id_alone() {
        assert_eq!(Mark::from(PersonId(0)).to_string(), "#2222");
        assert_eq!(Mark::from(PersonId(28 * 28 * 28 + 27)).to_string(), "#322z");
        assert_eq!(Mark::from(PersonId(u64::MAX)).as_str().len(), 4);
    }

    #[test]
    fn a_person_without_roles_and_mark_is_written_as_before_they_existed() {
        let json = r#"{"id":"0000000000000001","name":"지은"}"#;
        let mut person = Person::new(PersonId(1), DisplayName::parse("지은").unwrap());
        assert_eq!(serde_json::from_str::<Person>(json).unwrap(), person);
        assert_eq!(serde_json::to_string(&person).unwrap(), json);
        person.roles = Roles { owner: true, ..Roles::default() };
        person.mark = Some(person.id.into());
        let json = r#"{"id":"0000000000000001","name":"지은","roles":["owner"],"mark":"2223"}"#;
        assert_eq!(serde_json::to_string(&person).unwrap(), json);
        let newer = json.replace("[\"owner\"]", "[\"owner\",\"moderator\"]");
        assert_eq!(serde_json::from_str::<Person>(&newer).unwrap(), person);
    }
}
