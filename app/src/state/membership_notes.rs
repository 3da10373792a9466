//! Notes about people who joined and left while the room was shown.
//!
//! Presence is not in the log, so these notes exist in this page only. Joins and leaves without a
//! message between them form one note, and a person who only reconnected is not in it. All people
//! of a large group are remembered, or those left out would seem to leave without having joined; a
//! few are named.

use common::{
    message::Seq,
    person::{Person, PersonId},
    protocol::push::PresenceChange,
};

use super::roster::Roster;

#[derive(Clone, Debug, Default)]
pub(crate) struct MembershipNotes {
    notes: Vec<MembershipNote>,
    /// The id of the latest note; every change of a note gives it a new one.
    last_id: u32,
}

/// Joins and leaves after the event `after`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct MembershipNote {
    pub(crate) after: Seq,
    pub(crate) id: u32,
    pub(crate) joined: Vec<Person>,
    pub(crate) left: Vec<Person>,
}

/// The names of a few people, and the number of the others.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct NameList {
    pub(crate) names: String,
    pub(crate) others: usize,
}

impl NameList {
    const MAX: usize = 5;

    pub(crate) fn of(people: &[Person]) -> NameList {
        let names = people.iter().take(Self::MAX).map(Person::marked_name);
        let names = names.collect::<Vec<_>>().join(", ");
        NameList { names, others: people.len().saturating_sub(Self::MAX) }
    }
}

impl MembershipNotes {
    /// The most notes of a room; far more than anybody reads.
    const MAX: usize = 50;
    /// The most people in a note.
    const MAX_PEOPLE: usize = 2_000;

    /// Records changes before they are applied to the roster; `last` is the last event of the log.
    pub(crate) fn record(
        &mut self,
        changes: &[PresenceChange],
        roster: &Roster,
        last: Seq,
        me: Option<PersonId>,
    ) {
        for change in changes {
            let known = |id: PersonId| roster.people().iter().find(|person| person.id == id);
            match change {
                PresenceChange::Joined(person) if Some(person.id) != me && known(person.id).is_none() => {
                    self.add(last, person, |note| (&mut note.joined, &mut note.left));
                }
                PresenceChange::Left(id) if Some(*id) != me => {
                    if let Some(person) = known(*id) {
                        self.add(last, person, |note| (&mut note.left, &mut note.joined));
                    }
                }
                _ => {}
            }
        }
    }

    pub(crate) fn notes(&self) -> &[MembershipNote] {
        &self.notes
    }

    fn add(
        &mut self,
        last: Seq,
        person: &Person,
        lists: fn(&mut MembershipNote) -> (&mut Vec<Person>, &mut Vec<Person>),
    ) {
        self.last_id += 1;
        if self.notes.last().is_none_or(|note| note.after != last) {
            self.notes.push(MembershipNote { after: last, id: 0, joined: Vec::new(), left: Vec::new() });
        }
        let Some(note) = self.notes.last_mut() else { return };
        note.id = self.last_id;
        let (list, opposite) = lists(note);
        match opposite.iter().position(|other| other.id == person.id) {
            Some(index) => drop(opposite.remove(index)),
            None if list.len() < Self::MAX_PEOPLE => list.push(person.clone()),
            None => {}
        }
        self.notes.retain(|note| !(note.joined.is_empty() && note.left.is_empty()));
        if self.notes.len() > Self::MAX {
            self.notes.remove(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use common::person::DisplayName;

    use super::*;

    fn person(id: u64) -> Person {
        Person::new(PersonId(id), DisplayName::parse(&format!("사람 {id}")).unwrap())
    }

    /// The people who joined and left, note by note.
    fn check(list: &[(u64, PresenceChange)]) -> Vec<(Vec<u64>, Vec<u64>)> {
        let (mut membership_notes, mut roster) = (MembershipNotes::default(), Roster::default());
        roster.set_members(vec![person(1), person(2)], vec![], 2);
        for (last, change) in list {
            membership_notes.record(std::slice::from_ref(change), &roster, Seq(*last), Some(PersonId(1)));
            roster.apply(vec![change.clone()], 0);
        }
        let ids = |people: &[Person]| people.iter().map(|person| person.id.0).collect();
        membership_notes.notes().iter().map(|note| (ids(&note.joined), ids(&note.left))).collect()
    }

    #[test]
    fn joins_and_leaves_form_one_note_until_the_next_message() {
        let joined = |id| PresenceChange::Joined(person(id));
        let left = |id| PresenceChange::Left(PersonId(id));
        assert_eq!(check(&[(5, joined(3)), (5, joined(4)), (5, left(2))]), [(vec![3, 4], vec![2])]);
        assert_eq!(check(&[(5, joined(3)), (6, left(3))]), [(vec![3], vec![]), (vec![], vec![3])]);
        assert_eq!(check(&[(5, joined(3)), (5, left(3))]), [], "a short visit");
        assert_eq!(check(&[(5, left(2)), (5, joined(2))]), [], "a reload");
        assert_eq!(check(&[(5, joined(1)), (5, joined(2))]), [], "this person, and a second tab of another");
    }

    #[test]
    fn a_large_group_is_remembered_whole_and_a_few_are_named() {
        let crowd = 3..=502;
        let joined = crowd.clone().map(|id| (5, PresenceChange::Joined(person(id))));
        let left = crowd.clone().map(|id| (5, PresenceChange::Left(PersonId(id))));
        let joined: Vec<_> = joined.collect();
        assert_eq!(check(&joined), [(crowd.collect(), vec![])]);
        assert_eq!(
            check(&joined.iter().cloned().chain(left).collect::<Vec<_>>()),
            [],
            "everybody left again"
        );

        let people: Vec<_> = (1..=8).map(person).collect();
        let named = |last_id: usize| {
            let NameList { names, others } = NameList::of(&people[..last_id]);
            (names.matches("사람").count(), others)
        };
        assert_eq!([0, 1, 5, 6, 8].map(named), [(0, 0), (1, 0), (5, 0), (5, 1), (5, 3)]);
    }
}
