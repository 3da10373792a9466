//! Namesakes: people in a room who have the same name, and are told apart by their marks.
//!
//! The server marks whose names look alike and are present or on the same page of the log. A message that is
//! shown already gets its mark here, also when its author has left.

use std::collections::BTreeSet;

use common::{
    person::{Mark, Person, PersonId},
    protocol::event::Event,
};

/// The people of a room who need a mark.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Namesakes(BTreeSet<PersonId>);

impl Namesakes {
    /// The most people whose names are compared, the latest authors first.
    const MAX_COMPARED: usize = 500;

    /// Finds them among the authors of these events and the members.
    pub(crate) fn find(events: &[Event], members: &[Person]) -> Namesakes {
        let authors = events.iter().rev().map(|event| &event.person);
        // A program without a token is somebody else with each message; its label tells it from people.
        let is_person = |person: &&Person| !(person.roles.guest && person.roles.program);
        let mut known: Vec<&Person> = Vec::new();
        let mut marked = BTreeSet::new();
        for person in members.iter().chain(authors.filter(is_person)) {
            if person.mark.is_some() {
                marked.insert(person.id);
            }
            let is_known = known.iter().any(|known| known.id == person.id && known.name == person.name);
            if is_known || known.len() >= Self::MAX_COMPARED {
                continue;
            }
            for other in known.iter().filter(|other| other.id != person.id && other.name == person.name) {
                marked.extend([other.id, person.id]);
            }
            known.push(person);
        }
        Namesakes(marked)
    }

    /// Returns the person with the mark if they need one.
    pub(crate) fn mark(&self, person: &Person) -> Person {
        let is_program = person.roles.guest && person.roles.program;
        let mark = (self.0.contains(&person.id) && !is_program).then(|| Mark::from(person.id));
        Person { mark: mark.or_else(|| person.mark.clone()), ..person.clone() }
    }
}

#[cfg(test)]
mod tests {
    use common::{
        message::{Body, Cid, Seq, Timestamp},
        person::{DisplayName, Roles},
        protocol::event::EventKind,
    };

    use super::*;

    fn person(id: u64, name: &str) -> Person {
        Person::new(PersonId(id), DisplayName::parse(name).unwrap())
    }

    fn message(person: Person) -> Event {
        let kind = EventKind::posted(Cid::from_random(1), Body::parse("x").unwrap());
        Event { seq: Seq(1), at: Timestamp(0), person, kind }
    }

    #[test]
    fn who_shares_a_name_is_marked_also_after_they_have_left() {
        let events = [message(person(1, "민수")), message(person(3, "지은"))];
        let namesakes = Namesakes::find(&events, &[person(2, "민수"), person(3, "지은")]);
        assert_eq!(namesakes, Namesakes([1, 2].map(PersonId).into()));
        assert_eq!(
            namesakes.mark(&person(1, "민수")).marked_name(),
            format!("민수 {}", Mark::from(PersonId(1)))
        );
        assert_eq!(namesakes.mark(&person(3, "지은")).mark, None);
    }

    #[test]
    fn a_look_alike_that_the_server_marks_is_marked_in_every_message() {
        let member = Person { mark: Some(PersonId(1).into()), ..person(1, "lan") };
        let namesakes = Namesakes::find(&[message(person(1, "lan"))], &[member]);
        assert!(namesakes.mark(&person(1, "lan")).mark.is_some());
    }

    #[test]
    fn a_guest_program_is_no_namesake() {
        let program =
            |id| Person { roles: Roles { guest: true, program: true, owner: false }, ..person(id, "bot") };
        let namesakes = Namesakes::find(&[message(program(1)), message(program(2))], &[person(3, "bot")]);
        assert_eq!(namesakes, Namesakes::default());
    }
}
