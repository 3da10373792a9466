//! Who is writing in a room just now. Nobody says that they stopped: it is forgotten after a while,
//! or when what they wrote is there. The clock is handed in.

use common::{message::Timestamp, person::PersonId};

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Typing {
    people: Vec<(PersonId, Timestamp)>,
}

impl Typing {
    /// How long somebody is taken to go on writing, in milliseconds.
    pub(crate) const LASTS: u32 = 5_000;

    /// So many are remembered; nobody reads a longer list of names.
    const MOST: usize = 20;

    pub(crate) fn heard(&mut self, person: PersonId, now: Timestamp) {
        self.stopped(person);
        if self.people.len() < Self::MOST {
            self.people.push((person, now));
        }
    }

    pub(crate) fn stopped(&mut self, person: PersonId) {
        self.people.retain(|(typing, _)| *typing != person);
    }

    /// Forgets whoever was heard of too long ago.
    pub(crate) fn forget(&mut self, now: Timestamp) {
        self.people.retain(|(_, heard)| (0..i64::from(Self::LASTS)).contains(&(now.0 - heard.0)));
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
    fn typing_is_forgotten_after_five_seconds_or_with_the_message() {
        let mut typing = Typing::default();
        typing.heard(PersonId(1), Timestamp(0));
        typing.heard(PersonId(2), Timestamp(1_000));
        typing.heard(PersonId(3), Timestamp(1_000));
        typing.stopped(PersonId(3));
        typing.forget(Timestamp(4_999));
        assert_eq!(typing.people().collect::<Vec<_>>(), [PersonId(1), PersonId(2)]);
        typing.heard(PersonId(1), Timestamp(4_999));
        typing.forget(Timestamp(6_000));
        assert_eq!(typing.people().collect::<Vec<_>>(), [PersonId(1)]);
        typing.forget(Timestamp(-1));
        assert!(typing.is_empty(), "a clock that goes back keeps nobody typing");
    }
}
