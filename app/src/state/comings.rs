//! Who came and went while one was looking, as quiet notes between the messages.
//!
//! Presence is not in the log: these notes are this page's own, and gone with it. Comings and goings
//! without a message between them fold into one note, and who only came back is not in it. A crowd is
//! remembered whole, or whoever was left out of it would seem to have left without having come; a few
//! of it are named.

use common::{
    event::Change,
    message::Seq,
    person::{Person, PersonId},
};

use super::roster::Roster;

#[derive(Clone, Debug, Default)]
pub(crate) struct Comings {
    notes: Vec<Coming>,
    /// Told apart from each other, however they change.
    count: u32,
}

/// What happened after the event `after`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Coming {
    pub(crate) after: Seq,
    pub(crate) number: u32,
    pub(crate) joined: Vec<Person>,
    pub(crate) left: Vec<Person>,
}

/// A few of some people by their names, and how many others there are.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Named {
    pub(crate) names: String,
    pub(crate) more: usize,
}

impl Named {
    const MOST: usize = 5;

    pub(crate) fn of(people: &[Person]) -> Named {
        let names = people.iter().take(Self::MOST).map(|person| person.name.as_str());
        let names = names.collect::<Vec<_>>().join(", ");
        Named { names, more: people.len().saturating_sub(Self::MOST) }
    }
}

impl Comings {
    /// So many notes are kept of a room, and so many people in one: far more than anybody reads of.
    const MOST: usize = 50;
    const PEOPLE: usize = 2_000;

    /// Takes in what is about to happen to those who are here; `last` is the last event there is.
    pub(crate) fn note(&mut self, changes: &[Change], roster: &Roster, last: Seq, me: Option<PersonId>) {
        for change in changes {
            let known = |id: PersonId| roster.people().iter().find(|person| person.id == id);
            match change {
                Change::Here(person) if Some(person.id) != me && known(person.id).is_none() => {
                    self.add(last, person, |note| (&mut note.joined, &mut note.left));
                }
                Change::Gone(id) if Some(*id) != me => {
                    if let Some(person) = known(*id) {
                        self.add(last, person, |note| (&mut note.left, &mut note.joined));
                    }
                }
                _ => {}
            }
        }
    }

    pub(crate) fn notes(&self) -> &[Coming] {
        &self.notes
    }

    fn add(
        &mut self,
        last: Seq,
        person: &Person,
        lists: fn(&mut Coming) -> (&mut Vec<Person>, &mut Vec<Person>),
    ) {
        self.count += 1;
        if self.notes.last().is_none_or(|note| note.after != last) {
            self.notes.push(Coming { after: last, number: 0, joined: Vec::new(), left: Vec::new() });
        }
        let Some(note) = self.notes.last_mut() else { return };
        note.number = self.count;
        let (happened, opposite) = lists(note);
        match opposite.iter().position(|other| other.id == person.id) {
            Some(index) => drop(opposite.remove(index)),
            None if happened.len() < Self::PEOPLE => happened.push(person.clone()),
            None => {}
        }
        self.notes.retain(|note| !(note.joined.is_empty() && note.left.is_empty()));
        if self.notes.len() > Self::MOST {
            self.notes.remove(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use common::person::DisplayName;

    use super::*;

    fn person(id: u64) -> Person {
        Person { id: PersonId(id), name: DisplayName::parse(&format!("사람 {id}")).unwrap() }
    }

    /// Who came and who left, note by note.
    fn check(happened: &[(u64, Change)]) -> Vec<(Vec<u64>, Vec<u64>)> {
        let (mut comings, mut roster) = (Comings::default(), Roster::default());
        roster.arrived(vec![person(1), person(2)], vec![], 2);
        for (last, change) in happened {
            comings.note(std::slice::from_ref(change), &roster, Seq(*last), Some(PersonId(1)));
            roster.apply(vec![change.clone()], 0);
        }
        let ids = |people: &[Person]| people.iter().map(|person| person.id.0).collect();
        comings.notes().iter().map(|note| (ids(&note.joined), ids(&note.left))).collect()
    }

    #[test]
    fn comings_and_goings_fold_until_something_is_said() {
        let here = |id| Change::Here(person(id));
        let gone = |id| Change::Gone(PersonId(id));
        assert_eq!(check(&[(5, here(3)), (5, here(4)), (5, gone(2))]), [(vec![3, 4], vec![2])]);
        assert_eq!(check(&[(5, here(3)), (6, gone(3))]), [(vec![3], vec![]), (vec![], vec![3])]);
        assert_eq!(check(&[(5, here(3)), (5, gone(3))]), [], "a visit nobody need hear of");
        assert_eq!(check(&[(5, gone(2)), (5, here(2))]), [], "a reload");
        assert_eq!(check(&[(5, here(1)), (5, here(2))]), [], "oneself, and somebody's second window");
    }

    #[test]
    fn of_a_crowd_a_few_are_named_and_nobody_is_forgotten() {
        let crowd = 3..=502;
        let came = crowd.clone().map(|id| (5, Change::Here(person(id))));
        let left = crowd.clone().map(|id| (5, Change::Gone(PersonId(id))));
        let came: Vec<_> = came.collect();
        assert_eq!(check(&came), [(crowd.collect(), vec![])]);
        assert_eq!(check(&came.iter().cloned().chain(left).collect::<Vec<_>>()), [], "all have left again");

        let people: Vec<_> = (1..=8).map(person).collect();
        let named = |count: usize| {
            let Named { names, more } = Named::of(&people[..count]);
            (names.matches("사람").count(), more)
        };
        assert_eq!([0, 1, 5, 6, 8].map(named), [(0, 0), (1, 0), (5, 0), (5, 1), (5, 3)]);
    }
}
