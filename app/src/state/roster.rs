//! Who is here: the list a join brings, and the differences told afterwards.

use common::{
    event::Change,
    person::{Person, PersonId},
};

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Roster {
    /// Of a crowd not all.
    people: Vec<Person>,
    /// How many there are, as was last told.
    here: usize,
    /// Those of them at whose screens nobody is.
    away: Vec<PersonId>,
    /// Differences told while the answer to a join is on its way: they are newer than its list,
    /// or already in it, and then applying them again changes nothing.
    early: Option<Vec<Change>>,
}

impl Roster {
    /// A join is on its way.
    pub(crate) fn expect(&mut self) {
        self.early = Some(Vec::new());
    }

    /// There will be no answer.
    pub(crate) fn give_up(&mut self) {
        self.early = None;
    }

    /// Whether the answer to a join may come at any moment.
    pub(crate) fn is_expected(&self) -> bool {
        self.early.is_some()
    }

    /// The answer to the join.
    pub(crate) fn arrived(&mut self, people: Vec<Person>, away: Vec<PersonId>, here: u32) {
        (self.people, self.away) = (people, away);
        let early = self.early.take().unwrap_or_default();
        // What the answer does not know yet was told just now, or is about to be.
        if early.is_empty() {
            self.here = here as usize;
        }
        for change in early {
            self.change(change);
        }
    }

    /// Takes in what happened, in its order, and how many are here then.
    pub(crate) fn apply(&mut self, changes: Vec<Change>, here: u32) {
        self.here = here as usize;
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

    /// How many are here, named or not.
    pub(crate) fn count(&self) -> usize {
        self.here.max(self.people.len())
    }

    pub(crate) fn is_away(&self, id: PersonId) -> bool {
        self.away.contains(&id)
    }

    /// The name of somebody who is here and named.
    pub(crate) fn name(&self, id: PersonId) -> Option<String> {
        self.people.iter().find(|person| person.id == id).map(|person| person.name.to_string())
    }

    fn change(&mut self, change: Change) {
        match change {
            Change::Here(person) => match self.find(person.id) {
                Some(known) => *known = person,
                None => self.people.push(person),
            },
            Change::Gone(id) => {
                self.people.retain(|person| person.id != id);
                self.away.retain(|away| *away != id);
            }
            Change::Renamed(person) => {
                if let Some(known) = self.find(person.id) {
                    *known = person;
                }
            }
            Change::Away(id) if !self.is_away(id) => self.away.push(id),
            Change::Away(_) | Change::Unknown => {}
            Change::Back(id) => self.away.retain(|away| *away != id),
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
        roster.arrived(vec![person(1, "지은")], vec![], 1);
        roster.apply(vec![Change::Here(person(2, "민수"))], 2);
        roster.apply(vec![Change::Here(person(2, "민수"))], 2);
        roster.apply(vec![Change::Renamed(person(1, "은지"))], 2);
        roster.apply(vec![Change::Renamed(person(9, "모름"))], 2);
        assert_eq!(roster.people(), [person(1, "은지"), person(2, "민수")]);
        roster.apply(vec![Change::Gone(PersonId(1))], 1);
        assert_eq!(roster.people(), [person(2, "민수")]);
        assert_eq!(roster.count(), 1);
    }

    #[test]
    fn of_a_crowd_some_have_names_and_all_count() {
        let mut roster = Roster::default();
        roster.expect();
        roster.arrived(vec![person(1, "지은"), person(2, "민수")], vec![], 900);
        assert_eq!(roster.count(), 900);
        // Somebody who was not named.
        roster.apply(vec![Change::Gone(PersonId(700))], 899);
        assert_eq!((roster.people().len(), roster.count()), (2, 899));
        roster.expect();
        roster.apply(vec![Change::Gone(PersonId(701))], 898);
        roster.arrived(vec![person(1, "지은")], vec![], 899);
        assert_eq!(roster.count(), 898, "told after the answer was written");
    }

    #[test]
    fn who_is_away_is_so_until_they_are_back_or_gone() {
        let mut roster = Roster::default();
        roster.arrived(vec![person(1, "지은"), person(2, "민수")], vec![PersonId(1)], 2);
        roster.apply(vec![Change::Away(PersonId(2)), Change::Back(PersonId(1))], 2);
        assert!(!roster.is_away(PersonId(1)) && roster.is_away(PersonId(2)));
        roster.apply(vec![Change::Gone(PersonId(2)), Change::Here(person(2, "민수"))], 2);
        assert!(!roster.is_away(PersonId(2)));
    }

    #[test]
    fn a_change_told_before_the_list_is_not_lost() {
        let mut roster = Roster::default();
        roster.expect();
        roster.apply(vec![Change::Gone(PersonId(1))], 1);
        roster.apply(vec![Change::Here(person(3, "하늘"))], 2);
        roster.arrived(vec![person(1, "지은"), person(2, "민수")], vec![], 2);
        assert_eq!(roster.people(), [person(2, "민수"), person(3, "하늘")]);
    }
}
