//! Access: who may do what in a room.
//!
//! Every action is checked here, and only here: the store checks no permissions. The author of a message
//! and the owner of a room never change, so a decision made here still holds when the store commits.

use common::{
    event::Permission,
    message::Seq,
    person::{Person, PersonId},
    refusal::Refusal,
};

use super::{Chat, room::Room};
use crate::{
    error::Error,
    store::{self, Action, RoomId},
};

/// A person who acts in a room to which they have access.
#[derive(Clone, Debug)]
pub(super) struct Actor {
    pub(super) person: Person,
    /// Whether the person has a token, and can come back under the same id.
    pub(super) is_registered: bool,
    pub(super) room: RoomId,
    pub(super) room_owner: PersonId,
}

impl Actor {
    /// The table of permissions. `author` wrote the message that the action is about.
    fn may(&self, action: &Action, author: Option<PersonId>) -> bool {
        let is_author = author == Some(self.person.id);
        match action {
            Action::Post { .. } | Action::React { .. } => true,
            Action::Edit { .. } => is_author,
            Action::Delete { .. } => is_author || self.owns_room(),
            Action::UpdateRoom { .. } => self.owns_room(),
        }
    }

    /// Checks whether the actor may kick a person, who may be only a subscriber.
    /// The refusals are `not_yours`, and `bad_request` for oneself.
    pub(super) fn check_kick(&self, person: PersonId) -> Result<(), Refusal> {
        if !self.owns_room() {
            return Err(Refusal::NotYours);
        }
        if person == self.person.id {
            return Err(Refusal::BadRequest);
        }
        Ok(())
    }

    fn owns_room(&self) -> bool {
        permissions(self.room_owner, self.person.id).contains(&Permission::Own)
    }
}

/// Returns the permissions of a person in a room, as the client is told.
pub(super) fn permissions(room_owner: PersonId, person: PersonId) -> Vec<Permission> {
    let everybody = [Permission::Read, Permission::Post];
    let owner = (person == room_owner).then_some(Permission::Own);
    everybody.into_iter().chain(owner).collect()
}

impl Chat {
    /// Checks whether an actor may append an action to the log of their room.
    /// The refusals are `not_yours`, and `no_such_message` if the action is about none.
    pub(super) async fn authorize(&self, actor: &Actor, action: &Action) -> Result<(), Error> {
        let author = match message_of(action) {
            Some(message) => {
                let author = self.0.store.get_author(actor.room, message).await?;
                Some(author.ok_or(Refusal::NoSuchMessage)?)
            }
            None => None,
        };
        if actor.may(action, author) { Ok(()) } else { Err(Refusal::NotYours.into()) }
    }

    /// Checks whether this person may read and post without joining; see [`Room::check_access`].
    pub(super) fn check_access(&self, stored: &store::Room, person: PersonId) -> Result<(), Refusal> {
        match self.loaded_room(&stored.name) {
            Some(room) => room.lock().check_access(person),
            None => Room::new(stored).check_access(person),
        }
    }
}

/// Returns the message that an action changes or answers.
fn message_of(action: &Action) -> Option<Seq> {
    match action {
        Action::Post { reply_to, .. } => *reply_to,
        Action::Edit { target, .. } | Action::Delete { target } | Action::React { target, .. } => {
            Some(*target)
        }
        Action::UpdateRoom { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use common::{
        message::{Body, Emoji},
        person::DisplayName,
    };

    use super::*;

    const AUTHOR: PersonId = PersonId(1);
    const OWNER: PersonId = PersonId(2);
    const OTHER: PersonId = PersonId(3);

    fn actor(id: PersonId) -> Actor {
        let person = Person { id, name: DisplayName::for_guest(id) };
        Actor { person, is_registered: true, room: RoomId::for_test(1), room_owner: OWNER }
    }

    #[test]
    fn authors_edit_and_delete_and_owners_delete_and_change_the_room() {
        let (body, target) = (Body::parse("hello").unwrap(), Seq(1));
        let allowed = |action: Action| {
            let people = [AUTHOR, OWNER, OTHER];
            people.into_iter().filter(|id| actor(*id).may(&action, Some(AUTHOR))).collect::<Vec<_>>()
        };
        let everybody = [AUTHOR, OWNER, OTHER];
        let post = Action::Post { body: body.clone(), via: None, reply_to: Some(target) };
        assert_eq!(allowed(post), everybody);
        let emoji = Emoji::parse("👍").unwrap();
        assert_eq!(allowed(Action::React { target, emoji, on: true }), everybody);
        assert_eq!(allowed(Action::Edit { target, body }), [AUTHOR]);
        assert_eq!(allowed(Action::Delete { target }), [AUTHOR, OWNER]);
        assert_eq!(allowed(Action::UpdateRoom { topic: None, seats: None }), [OWNER]);
    }

    #[test]
    fn only_the_owner_kicks_and_nobody_kicks_themselves() {
        assert_eq!(actor(OWNER).check_kick(OTHER), Ok(()));
        assert_eq!(actor(OWNER).check_kick(OWNER), Err(Refusal::BadRequest));
        assert_eq!(actor(OTHER).check_kick(AUTHOR), Err(Refusal::NotYours));
        assert_eq!(actor(OTHER).check_kick(OTHER), Err(Refusal::NotYours));
    }

    #[test]
    fn only_the_owner_has_the_own_permission() {
        assert!(permissions(OWNER, OWNER).contains(&Permission::Own));
        assert!(!permissions(OWNER, OTHER).contains(&Permission::Own));
    }
}
