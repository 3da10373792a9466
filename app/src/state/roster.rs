//! The members of a room: the list of a join reply, and the changes pushed afterwards.

use common::{
    person::{Person, PersonId},
    protocol::push::PresenceChange,
};

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Roster {
    /// The named members; not all of a large room.
    people: Vec<Person>,
    /// The number of members, as last pushed.
    member_count: usize,
    /// The named members who are away.
    away: Vec<PersonId>,
    /// Changes pushed while a join reply is in flight. They are newer than its list or already in
    /// it; applying them again then changes nothing.
    queued_changes: Option<Vec<PresenceChange>>,
}

impl Roster {
    /// Starts collecting changes for a join reply.
    pub(crate) fn begin_join(&mut self) {
        self.queued_changes = Some(Vec::new());
    }

    /// The join has failed.
    pub(crate) fn cancel_join(&mut self) {
        self.queued_changes = None;
    }

    /// Whether a join reply is expected.
    pub(crate) fn is_joining(&self) -> bool {
        self.queued_changes.is_some()
    }

    /// Applies the list of a join reply.
    pub(crate) fn set_members(&mut self, people: Vec<Person>, away: Vec<PersonId>, member_count: u32) {
        (self.people, self.away) = (people, away);
        let queued_changes = self.queued_changes.take().unwrap_or_default();
        // Changes that the reply does not include were pushed just now, or are about to be.
        if queued_changes.is_empty() {
            self.member_count = member_count as usize;
        }
        for change in queued_changes {
            self.apply_change(change);
        }
    }

    /// Applies changes in their order, and the number of members after them.
    pub(crate) fn apply(&mut self, changes: Vec<PresenceChange>, member_count: u32) {
        self.member_count = member_count as usize;
        for change in changes {
            if let Some(queued_changes) = &mut self.queued_changes {
                queued_changes.push(change.clone());
            }
            self.apply_change(change);
        }
    }

    pub(crate) fn people(&self) -> &[Person] {
        &self.people
    }

    /// Returns the number of members, named or not.
    pub(crate) fn count(&self) -> usize {
        self.member_count.max(self.people.len())
    }

    pub(crate) fn is_away(&self, id: PersonId) -> bool {
        self.away.contains(&id)
    }

    /// Returns the name of a named member.
    pub(crate) fn name_of(&self, id: PersonId) -> Option<String> {
        self.people.iter().find(|person| person.id == id).map(|person| person.name.to_string())
    }

    fn apply_change(&mut self, change: PresenceChange) {
        match change {
            PresenceChange::Joined(person) => match self.find(person.id) {
                Some(known) => *known = person,
                None => self.people.push(person),
            },
            PresenceChange::Left(id) => {
                self.people.retain(|person| person.id != id);
                self.away.retain(|away| *away != id);
            }
            PresenceChange::Renamed(person) => {
                if let Some(known) = self.find(person.id) {
                    *known = person;
                }
            }
            PresenceChange::Away(id) if !self.is_away(id) => self.away.push(id),
            PresenceChange::Away(_) | PresenceChange::Unknown => {}
            PresenceChange::Back(id) => self.away.retain(|away| *away != id),
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
        Person::new(PersonId(id), DisplayName::parse(name).unwrap())
    }

    #[test]
    fn people_join_leave_and_change_their_names() {
        let mut roster = Roster::default();
        roster.set_members(vec![person(1, "지은")], vec![], 1);
        roster.apply(vec![PresenceChange::Joined(person(2, "민수"))], 2);
        roster.apply(vec![PresenceChange::Joined(person(2, "민수"))], 2);
        roster.apply(vec![PresenceChange::Renamed(person(1, "은지"))], 2);
        roster.apply(vec![PresenceChange::Renamed(person(9, "모름"))], 2);
        assert_eq!(roster.people(), [person(1, "은지"), person(2, "민수")]);
        roster.apply(vec![PresenceChange::Left(PersonId(1))], 1);
        assert_eq!(roster.people(), [person(2, "민수")]);
        assert_eq!(roster.count(), 1);
    }

    #[test]
    fn a_large_room_names_some_members_and_counts_all() {
        let mut roster = Roster::default();
        roster.begin_join();
        roster.set_members(vec![person(1, "지은"), person(2, "민수")], vec![], 900);
        assert_eq!(roster.count(), 900);
        // A member who was not named.
        roster.apply(vec![PresenceChange::Left(PersonId(700))], 899);
        assert_eq!((roster.people().len(), roster.count()), (2, 899));
        roster.begin_join();
        roster.apply(vec![PresenceChange::Left(PersonId(701))], 898);
        roster.set_members(vec![person(1, "지은")], vec![], 899);
        assert_eq!(roster.count(), 898, "pushed after the reply was written");
    }

    #[test]
    fn a_member_is_away_until_they_are_back_or_leave() {
        let mut roster = Roster::default();
        roster.set_members(vec![person(1, "지은"), person(2, "민수")], vec![PersonId(1)], 2);
        roster.apply(vec![PresenceChange::Away(PersonId(2)), PresenceChange::Back(PersonId(1))], 2);
        assert!(!roster.is_away(PersonId(1)) && roster.is_away(PersonId(2)));
        roster.apply(vec![PresenceChange::Left(PersonId(2)), PresenceChange::Joined(person(2, "민수"))], 2);
        assert!(!roster.is_away(PersonId(2)));
    }

    #[test]
    fn a_change_pushed_before_the_join_reply_is_not_lost() {
        let mut roster = Roster::default();
        roster.begin_join();
        roster.apply(vec![PresenceChange::Left(PersonId(1))], 1);
        roster.apply(vec![PresenceChange::Joined(person(3, "하늘"))], 2);
        roster.set_members(vec![person(1, "지은"), person(2, "민수")], vec![], 2);
        assert_eq!(roster.people(), [person(2, "민수"), person(3, "하늘")]);
    }
}
