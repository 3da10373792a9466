//! Who is typing in a room. Nobody reports that they stop: an entry expires after a while, or with
//! the message. The clock is a parameter.

use common::{message::Timestamp, person::PersonId};

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Typing {
    people: Vec<(PersonId, Timestamp)>,
}

impl Typing {
    /// How long a person counts as typing after a push, in ms.
    pub(crate) const TIMEOUT: u32 = 5_000;

    /// The most people remembered; nobody reads a longer list of names.
    const MAX_PEOPLE: usize = 20;

    pub(crate) fn started(&mut self, person: PersonId, now: Timestamp) {
        self.stopped(person);
        if self.people.len() < Self::MAX_PEOPLE {
            self.people.push((person, now));
        }
    }

    pub(crate) fn stopped(&mut self, person: PersonId) {
        self.people.retain(|(typing, _)| *typing != person);
    }

    /// Removes expired entries.
    pub(crate) fn expire(&mut self, now: Timestamp) {
        self.people.retain(|(_, since)| (0..i64::from(Self::TIMEOUT)).contains(&(now.0 - since.0)));
    }

    pub(crate) fn people(&self) -> impl Iterator<Item = PersonId> {
        self.people.iter().map(|(person, _)| *person)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.people.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typing_expires_after_five_seconds_or_with_the_message() {
        let mut typing = Typing::default();
        typing.started(PersonId(1), Timestamp(0));
        typing.started(PersonId(2), Timestamp(1_000));
        typing.started(PersonId(3), Timestamp(1_000));
        typing.stopped(PersonId(3));
        typing.expire(Timestamp(4_999));
        assert_eq!(typing.people().collect::<Vec<_>>(), [PersonId(1), PersonId(2)]);
        typing.started(PersonId(1), Timestamp(4_999));
        typing.expire(Timestamp(6_000));
        assert_eq!(typing.people().collect::<Vec<_>>(), [PersonId(1)]);
        typing.expire(Timestamp(-1));
        assert!(typing.is_empty(), "a clock that goes back keeps nobody typing");
    }
}
