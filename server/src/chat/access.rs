//! Access: who may enter a room and who may do what in it. Bans, access, membership and permissions.
//!
//! Every command is checked here, and only here: the store checks no permissions. The author of a message
//! and the owner of a room never change, so a decision made here still holds when the store commits.

use std::sync::{Arc, Weak};

use common::{
    message::Seq,
    person::{Person, PersonId},
    protocol::reply::Permission,
    refusal::Refusal,
    room::RoomName,
};
use parking_lot::Mutex;
use tokio::time::Instant;

use super::{Chat, Inner, bans::BAN_DURATION, broadcast::ConnectionId, origin::Origin, room::Room};
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
    /// Whether the person acts without being in the room, as programs do.
    pub(super) is_program: bool,
    pub(super) room: RoomId,
    pub(super) room_owner: PersonId,
}

impl Actor {
    /// Whether the actor may do this: the table of permissions. `author` wrote the message that it is about.
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
    pub(super) fn check_access(
        &self,
        stored: &store::Room,
        person: PersonId,
        origin: Origin,
    ) -> Result<(), Refusal> {
        self.read_room(stored, |room| room.check_access(person, origin))
    }

    /// Bans a person from a room for [`BAN_DURATION`], with all their connections, and newcomers from the
    /// same network.
    pub(super) fn ban(&self, room: &Arc<Mutex<Room>>, person: PersonId) {
        let mut locked = room.lock();
        let network =
            locked.origin_of(person).or_else(|| self.0.origins.get(person)).and_then(Origin::network);
        locked.ban(person, network, Instant::now(), BAN_DURATION);
        tokio::spawn(expire_bans_later(Arc::downgrade(&self.0), locked.name.clone()));
        self.after_membership_change(room, locked);
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

/// Removes a ban from the room when it has run out, so that the room can be unloaded.
async fn expire_bans_later(chat: Weak<Inner>, room: RoomName) {
    tokio::time::sleep(BAN_DURATION).await;
    let Some(chat) = chat.upgrade().map(Chat) else { return };
    if let Some(room) = chat.loaded_room(&room) {
        let mut locked = room.lock();
        locked.bans.expire(Instant::now());
        chat.after_membership_change(&room, locked);
    }
}

impl Room {
    /// Checks whether a person may read and post without joining. With a seat limit only members may.
    /// The refusals are `room_deleted`, `removed`, `network_removed`, `room_full` and `not_in_room`.
    pub(super) fn check_access(&self, person: PersonId, origin: Origin) -> Result<(), Refusal> {
        if self.is_deleted {
            return Err(Refusal::RoomDeleted);
        }
        self.check_bans(person, origin)?;
        match self.seats {
            Some(_) if self.has_member(person) => Ok(()),
            Some(_) if self.is_full() => Err(Refusal::RoomFull),
            Some(_) => Err(Refusal::NotInRoom),
            None => Ok(()),
        }
    }

    /// Checks that a person was not shut out. The refusals are `room_deleted` and `removed`.
    pub(super) fn check_not_banned(&self, person: PersonId) -> Result<(), Refusal> {
        if self.is_deleted {
            return Err(Refusal::RoomDeleted);
        }
        self.bans.check(person)
    }

    /// Checks that neither the person nor newcomers from their network are banned. The refusals are `removed`
    /// and `network_removed`.
    pub(super) fn check_bans(&self, person: PersonId, origin: Origin) -> Result<(), Refusal> {
        self.bans.check(person)?;
        if self.has_member(person) || person == self.owner {
            return Ok(());
        }
        self.bans.check_newcomer(origin)
    }

    /// Checks that this connection is in the room. The refusals are `room_deleted`, `removed` and
    /// `not_in_room`.
    pub(super) fn check_member(&self, person: PersonId, connection: ConnectionId) -> Result<(), Refusal> {
        if self.is_deleted {
            return Err(Refusal::RoomDeleted);
        }
        if self.has_joined(person, connection) {
            return Ok(());
        }
        self.bans.check(person).and(Err(Refusal::NotInRoom))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use common::{
        message::{Body, Emoji},
        person::DisplayName,
    };

    use super::*;
    use crate::chat::test_support::{NullSubscriber, join, room_for_two, room_without_seat_limit};

    const AUTHOR: PersonId = PersonId(1);
    const OWNER: PersonId = PersonId(2);
    const OTHER: PersonId = PersonId(3);

    fn actor(id: PersonId) -> Actor {
        let person = Person::new(id, DisplayName::for_guest(id));
        Actor { person, is_registered: true, is_program: false, room: RoomId::for_test(1), room_owner: OWNER }
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
        assert_eq!(allowed(Action::UpdateRoom { topic: None, seats: None, shared_network: None }), [OWNER]);
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

    #[test]
    fn a_room_with_a_seat_limit_is_accessible_to_members_only() {
        let (mut room, now) = (room_for_two(), Instant::now());
        let access = |room: &Room, id| room.check_access(PersonId(id), Origin::exempt());
        join(&mut room, 1, 1, now).unwrap();
        assert_eq!((access(&room, 1), access(&room, 2)), (Ok(()), Err(Refusal::NotInRoom)));
        join(&mut room, 2, 2, now).unwrap();
        assert_eq!((access(&room, 2), access(&room, 3)), (Ok(()), Err(Refusal::RoomFull)));
    }

    #[test]
    fn a_banned_person_is_out_at_once_and_until_the_ban_ends() {
        let (mut room, now) = (room_for_two(), Instant::now());
        let (later, subscriber) = (now + BAN_DURATION, Arc::new(NullSubscriber));
        join(&mut room, 1, 1, now).unwrap();
        join(&mut room, 2, 2, now).unwrap();
        room.subscribe(PersonId(2), Origin::exempt(), ConnectionId(3), subscriber.clone()).unwrap();
        room.ban(PersonId(2), None, now, BAN_DURATION);
        assert_eq!((room.member_count(), Arc::strong_count(&subscriber)), (1, 1));
        assert_eq!(room.check_member(PersonId(2), ConnectionId(2)), Err(Refusal::Banned));
        assert_eq!(
            (join(&mut room, 2, 4, now), room.check_access(PersonId(2), Origin::exempt())),
            (Err(Refusal::Banned), Err(Refusal::Banned))
        );
        assert_eq!(join(&mut room, 3, 5, now), Ok(()), "the seat is free");
        for (person, connection) in [(1, 1), (3, 5), (2, 2)] {
            room.leave(PersonId(person), ConnectionId(connection), None);
        }
        assert!(!room.is_empty(), "the ban is kept when everybody has left");
        room.bans.expire(later - Duration::from_millis(1));
        assert_eq!(join(&mut room, 2, 4, later), Err(Refusal::Banned));
        room.bans.expire(later);
        assert!(room.is_empty());
        assert_eq!(join(&mut room, 2, 4, later), Ok(()));
        assert_eq!(
            room.check_member(PersonId(2), ConnectionId(2)),
            Err(Refusal::NotInRoom),
            "this connection has not joined again"
        );
    }

    #[test]
    fn a_person_who_is_no_member_can_be_banned() {
        let (mut room, now) = (room_without_seat_limit(), Instant::now());
        let (later, subscriber) = (now + BAN_DURATION, Arc::new(NullSubscriber));
        room.subscribe(PersonId(3), Origin::exempt(), ConnectionId(3), subscriber.clone()).unwrap();
        room.ban(PersonId(3), None, now, BAN_DURATION);
        assert_eq!(Arc::strong_count(&subscriber), 1);
        assert_eq!(room.check_access(PersonId(3), Origin::exempt()), Err(Refusal::Banned));
        assert!(room.presence.take_batch().is_empty(), "no member has left");
        room.ban(PersonId(3), None, now + Duration::from_secs(1), BAN_DURATION);
        room.bans.expire(later);
        assert_eq!(
            room.check_access(PersonId(3), Origin::exempt()),
            Err(Refusal::Banned),
            "the later ban counts"
        );
    }
}
