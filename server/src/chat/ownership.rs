//! Ownership: who gets a room that belongs to nobody.
//!
//! Whoever makes a room owns it, but a guest is another person each time. A room of such an owner is given to the
//! first registered person who enters it, if nobody else has spoken there. The lobby belongs to nobody for ever.

use std::sync::Arc;

use common::person::{Person, PersonId};
use tracing::info;

use super::{Chat, origin::Origin, room::Room};
use crate::{error::Error, store};

impl Chat {
    /// Gives the room to this person if they may have it, and returns it as it is then.
    pub(super) async fn claim_ownership(
        &self,
        stored: store::Room,
        person: &Person,
        is_registered: bool,
        origin: Origin,
    ) -> Result<store::Room, Error> {
        let is_owned =
            stored.owner_name.is_some() || stored.owner == person.id || self.is_online(stored.owner);
        if !is_registered || is_owned || !self.read_room(&stored, |room| room.may_enter(person.id, origin)) {
            return Ok(stored);
        }
        // A full disk keeps nobody out of the room.
        if !self.0.store.claim_room(stored.id, person.id).await.unwrap_or(false) {
            return Ok(stored);
        }
        info!(room = stored.name.as_str(), "{} owns the room now", person.name);
        Ok(store::Room { owner: person.id, owner_name: Some(person.name.clone()), ..stored })
    }

    /// Whether this person has a connection.
    fn is_online(&self, person: PersonId) -> bool {
        self.0.online.lock().get(&person).is_some_and(|shared| Arc::strong_count(shared) > 1)
    }
}

impl Room {
    fn may_enter(&self, person: PersonId, origin: Origin) -> bool {
        self.check_bans(person, origin).is_ok() && (self.has_member(person) || !self.is_full())
    }
}
