//! Who is here: the list a join brings, and the differences told afterwards.

use common::{
    event::Change,
    person::{Person, PersonId},
};

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Roster {
    people: Vec<Person>,
    /// Differences told while the answer to a join is on its way: they are newer than its list,
    /// or already in it, and then applying them again changes nothing.
    early: Option<Vec<Change>>,
}

impl Roster {
    /// A join is on its way.
    pub(crate) fn expect(&mut self) {
        self.early = Some(Vec::new());
    }

    /// The answer to the join.
    pub(crate) fn arrived(&mut self, people: Vec<Person>) {
        self.people = people;
        for change in self.early.take().unwrap_or_default() {
            self.change(change);
        }
    }

    /// Takes in what happened, in its order.
    pub(crate) fn apply(&mut self, changes: Vec<Change>) {
        for change in changes {
            if let Some(early) = &mut self.early {
                early.push(change.clone());
            }
            self.change(change);
        }
    }

    pub(crate) fn people(&self) -> &[Person] {
        &self.people
    }

    fn change(&mut self, change: Change) {
        match change {
            Change::Here(person) => match self.find(person.id) {
                Some(known) => *known = person,
                None => self.people.push(person),
            },
            Change::Gone(id) => self.people.retain(|person| person.id != id),
            Change::Renamed(person) => {
                if let Some(known) = self.find(person.id) {
                    *known = person;
                }
            }
        }
    }

    fn find(&mut self, id: PersonId) -> Option<&mut Person> {
        self.people.iter_mut().find(|person| person.id == id)
    }
}

#[cfg(test)]
mod tests {
    use common::person::DisplayName;

    use super::*;

    fn person(id: u64, name: &str) -> Person {
        Person { id: PersonId(id), name: DisplayName::parse(name).unwrap() }
    }

    #[test]
    fn people_come_go_and_change_their_names() {
        let mut roster = Roster::default();
        roster.arrived(vec![person(1, "지은")]);
        roster.apply(vec![Change::Here(person(2, "민수"))]);
        roster.apply(vec![Change::Here(person(2, "민수"))]);
        roster.apply(vec![Change::Renamed(person(1, "은지"))]);
        roster.apply(vec![Change::Renamed(person(9, "모름"))]);
        assert_eq!(roster.people(), [person(1, "은지"), person(2, "민수")]);
        roster.apply(vec![Change::Gone(PersonId(1))]);
        assert_eq!(roster.people(), [person(2, "민수")]);
    }

    #[test]
    fn a_change_told_before_the_list_is_not_lost() {
        let mut roster = Roster::default();
        roster.expect();
        roster.apply(vec![Change::Gone(PersonId(1))]);
        roster.apply(vec![Change::Here(person(3, "하늘"))]);
        roster.arrived(vec![person(1, "지은"), person(2, "민수")]);
        assert_eq!(roster.people(), [person(2, "민수"), person(3, "하늘")]);
    }
}
