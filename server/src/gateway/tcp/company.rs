//! Who is in the room, as one line knows it, and the words for who comes and goes. Pure.
//!
//! Of a few it knows the names, so that it can say who left. In a crowd coming and going is no news
//! to anybody, and ten thousand lines must not know ten thousand names each.

use std::collections::HashMap;

use common::{
    event::Change,
    person::{DisplayName, Person, PersonId},
};

use crate::chat::room::Glance;

/// How many people are known, and named, at most. More are a crowd.
pub(super) const KNOWN: usize = 50;

/// The others in the room; a crowd has no names.
pub(super) struct Company {
    me: PersonId,
    names: Option<HashMap<PersonId, DisplayName>>,
}

impl Company {
    pub(super) fn new(me: PersonId, present: Glance) -> Company {
        let is_crowd = present.here > KNOWN;
        let others = present.people.into_iter().filter(|person| person.id != me);
        let names = (!is_crowd).then(|| others.map(|person| (person.id, person.name)).collect());
        Company { me, names }
    }

    /// Whether there are too many to be told who comes and goes.
    pub(super) fn is_crowd(&self) -> bool {
        self.names.is_none()
    }

    /// Applies what happened, and says it.
    pub(super) fn apply(&mut self, changes: &[Change]) -> Vec<String> {
        let Some(names) = &mut self.names else { return Vec::new() };
        let others = changes.iter().filter(|change| !is_about(change, self.me));
        let told: Vec<String> = others.filter_map(|change| apply(names, change)).collect();
        if names.len() > KNOWN {
            self.names = None;
        }
        told
    }
}

fn is_about(change: &Change, me: PersonId) -> bool {
    match change {
        Change::Here(person) | Change::Renamed(person) => person.id == me,
        Change::Gone(id) | Change::Away(id) | Change::Back(id) => *id == me,
        Change::Unknown => false,
    }
}

fn apply(names: &mut HashMap<PersonId, DisplayName>, change: &Change) -> Option<String> {
    match change {
        Change::Here(Person { id, name }) => {
            names.insert(*id, name.clone()).is_none().then(|| format!("{name} came"))
        }
        Change::Gone(id) => names.remove(id).map(|name| format!("{name} left")),
        Change::Renamed(Person { id, name }) => {
            let before = names.insert(*id, name.clone()).filter(|before| before != name)?;
            Some(format!("{before} is now {name}"))
        }
        // Of a line nobody knows whether somebody looks at it.
        Change::Away(_) | Change::Back(_) | Change::Unknown => None,
    }
}

/// Who is here, for somebody who is too.
pub(super) fn say(me: PersonId, present: &Glance) -> String {
    let others = present.people.iter().filter(|person| person.id != me);
    let mut names: Vec<&str> = others.map(|person| person.name.as_str()).collect();
    names.sort_unstable();
    match (names.is_empty(), present.here.saturating_sub(present.people.len())) {
        (true, _) => "nobody else is here".to_owned(),
        (false, 0) => format!("here are you, {}", names.join(", ")),
        (false, more) => format!("here are you, {} and {more} more", names.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(id: u64, name: &str) -> Person {
        Person { id: PersonId(id), name: DisplayName::parse(name).unwrap() }
    }

    #[test]
    fn who_comes_and_goes_is_told_once_and_by_name() {
        let people = vec![person(1, "me"), person(2, "지은")];
        let mut company = Company::new(PersonId(1), Glance { people, here: 2 });
        let cases = [
            (Change::Here(person(1, "me")), vec![]),
            (Change::Here(person(2, "지은")), vec![]),
            (Change::Here(person(3, "민수")), vec!["민수 came"]),
            (Change::Renamed(person(2, "김지은")), vec!["지은 is now 김지은"]),
            (Change::Gone(PersonId(3)), vec!["민수 left"]),
            (Change::Gone(PersonId(3)), vec![]),
        ];
        for (change, told) in cases {
            assert_eq!(company.apply(&[change]), told);
        }
    }

    #[test]
    fn a_crowd_comes_and_goes_without_a_word() {
        let mut company = Company::new(PersonId(0), Glance { people: vec![], here: 0 });
        let crowd: Vec<Change> = (1..=60).map(|id| Change::Here(person(id, "somebody"))).collect();
        assert_eq!(company.apply(&crowd).len(), 60);
        assert!(company.is_crowd() && company.apply(&[Change::Gone(PersonId(1))]).is_empty());
        let mut late = Company::new(PersonId(0), Glance { people: vec![person(1, "a")], here: 60 });
        assert!(late.apply(&crowd).is_empty());
    }

    #[test]
    fn who_is_here_is_said_in_a_steady_order() {
        let say = |people: Vec<Person>, here| say(PersonId(1), &Glance { people, here });
        assert_eq!(say(vec![person(1, "me")], 1), "nobody else is here");
        assert_eq!(say(vec![person(3, "b"), person(1, "me"), person(2, "a")], 3), "here are you, a, b");
        assert_eq!(say(vec![person(3, "b"), person(2, "a")], 9), "here are you, a, b and 7 more");
    }
}
