//! The other members of the room, as one connection knows them, and the notes about who comes and
//! goes. Does no I/O.
//!
//! In a small room it knows the names, so that it can tell who left. In a crowd it does not: such
//! notes would only disturb, and ten thousand connections must not keep ten thousand names each.

use std::collections::HashMap;

use common::{
    line::render::labelled_name,
    person::{Person, PersonId},
    protocol::push::PresenceChange,
};

use crate::chat::room::MemberSample;

/// The largest number of members that are listed by name. A room with more is a crowd.
pub(super) const MAX_NAMED: usize = 50;

/// The other members of the room; `people` is `None` in a crowd.
pub(super) struct Roster {
    own_id: PersonId,
    people: Option<HashMap<PersonId, Person>>,
}

impl Roster {
    pub(super) fn new(own_id: PersonId, sample: MemberSample) -> Roster {
        let is_crowd = sample.member_count > MAX_NAMED;
        let others = sample.people.into_iter().filter(|person| person.id != own_id);
        let people = (!is_crowd).then(|| others.map(|person| (person.id, person)).collect());
        Roster { own_id, people }
    }

    /// Whether there are too many members to announce who comes and goes.
    pub(super) fn is_crowd(&self) -> bool {
        self.people.is_none()
    }

    /// Applies presence changes and returns the notes about them.
    pub(super) fn apply(&mut self, changes: &[PresenceChange]) -> Vec<String> {
        let Some(people) = &mut self.people else { return Vec::new() };
        let others = changes.iter().filter(|change| !concerns(change, self.own_id));
        let notes: Vec<String> = others.filter_map(|change| apply(people, change)).collect();
        if people.len() > MAX_NAMED {
            self.people = None;
        }
        notes
    }
}

fn concerns(change: &PresenceChange, own_id: PersonId) -> bool {
    match change {
        PresenceChange::Joined(person) | PresenceChange::Renamed(person) => person.id == own_id,
        PresenceChange::Left(id) | PresenceChange::Away(id) | PresenceChange::Back(id) => *id == own_id,
        PresenceChange::Unknown => false,
    }
}

fn apply(people: &mut HashMap<PersonId, Person>, change: &PresenceChange) -> Option<String> {
    match change {
        PresenceChange::Joined(person) => {
            let is_new = people.insert(person.id, person.clone()).is_none();
            is_new.then(|| format!("{} came", labelled_name(person)))
        }
        PresenceChange::Left(id) => {
            people.remove(id).map(|person| format!("{} left", labelled_name(&person)))
        }
        // Also pushed when only the mark or a role has changed.
        PresenceChange::Renamed(person) => {
            let before =
                people.insert(person.id, person.clone()).filter(|before| before.name != person.name)?;
            Some(format!("{} is now {}", labelled_name(&before), labelled_name(person)))
        }
        // Line clients are not told who is away.
        PresenceChange::Away(_) | PresenceChange::Back(_) | PresenceChange::Unknown => None,
    }
}

/// Describes who is in the room, for one of its members.
pub(super) fn describe(own_id: PersonId, sample: &MemberSample) -> String {
    let others = sample.people.iter().filter(|person| person.id != own_id);
    let mut names: Vec<String> = others.map(labelled_name).collect();
    names.sort_unstable();
    match (names.is_empty(), sample.member_count.saturating_sub(sample.people.len())) {
        (true, _) => "nobody else is here".to_owned(),
        (false, 0) => format!("here are you, {}", names.join(", ")),
        (false, more) => format!("here are you, {} and {more} more", names.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use common::person::DisplayName;

    use super::*;

    fn person(id: u64, name: &str) -> Person {
        Person::new(PersonId(id), DisplayName::parse(name).unwrap())
    }

    #[test]
    fn joins_renames_and_leaves_are_announced_once_and_by_name() {
        let people = vec![person(1, "me"), person(2, "지은")];
        let mut roster = Roster::new(PersonId(1), MemberSample { people, member_count: 2 });
        let cases = [
            (PresenceChange::Joined(person(1, "me")), vec![]),
            (PresenceChange::Joined(person(2, "지은")), vec![]),
            (PresenceChange::Joined(person(3, "민수")), vec!["민수 came"]),
            (PresenceChange::Renamed(person(2, "김지은")), vec!["지은 is now 김지은"]),
            (PresenceChange::Left(PersonId(3)), vec!["민수 left"]),
            (PresenceChange::Left(PersonId(3)), vec![]),
        ];
        for (change, notes) in cases {
            assert_eq!(roster.apply(&[change]), notes);
        }
    }

    #[test]
    fn a_name_that_looks_like_the_server_is_quoted() {
        let people = vec![person(1, "me"), person(2, "a, b"), person(3, "nobody else")];
        let sample = MemberSample { people, member_count: 3 };
        assert_eq!(describe(PersonId(1), &sample), r#"here are you, "a, b", "nobody else""#);
        let mut roster = Roster::new(PersonId(1), sample);
        let cases = [
            (PresenceChange::Joined(person(4, "Madang")), r#""Madang" came"#),
            (PresenceChange::Renamed(person(4, "x is now y")), r#""Madang" is now "x is now y""#),
            (PresenceChange::Left(PersonId(2)), r#""a, b" left"#),
        ];
        for (change, note) in cases {
            assert_eq!(roster.apply(&[change]), [note]);
        }
    }

    #[test]
    fn in_a_crowd_nothing_is_announced() {
        let mut roster = Roster::new(PersonId(0), MemberSample { people: vec![], member_count: 0 });
        let crowd: Vec<PresenceChange> =
            (1..=60).map(|id| PresenceChange::Joined(person(id, "somebody"))).collect();
        assert_eq!(roster.apply(&crowd).len(), 60);
        assert!(roster.is_crowd() && roster.apply(&[PresenceChange::Left(PersonId(1))]).is_empty());
        let mut late =
            Roster::new(PersonId(0), MemberSample { people: vec![person(1, "a")], member_count: 60 });
        assert!(late.apply(&crowd).is_empty());
    }

    #[test]
    fn members_are_listed_in_a_stable_order() {
        let describe =
            |people: Vec<Person>, here| describe(PersonId(1), &MemberSample { people, member_count: here });
        assert_eq!(describe(vec![person(1, "me")], 1), "nobody else is here");
        assert_eq!(describe(vec![person(3, "b"), person(1, "me"), person(2, "a")], 3), "here are you, a, b");
        assert_eq!(describe(vec![person(3, "b"), person(2, "a")], 9), "here are you, a, b and 7 more");
    }
}
