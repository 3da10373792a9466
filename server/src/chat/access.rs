//! Permissions: decides who may append which action to a room, and appends it.
//!
//! Callers have checked that the person is a member or has access to the room. The author of a message
//! and the owner of a room never change, so a decision made here still holds when the store commits.

use std::net::IpAddr;

use common::{
    event::Sent,
    message::{Cid, Seq},
    person::{Person, PersonId},
    refusal::Refusal,
};
use tokio::time::Instant;

use super::{Chat, limits::Cost, timestamp_now};
use crate::{
    error::Error,
    store::{Action, NewEvent, RoomId},
};

/// The person who acts, and the room in which they act.
#[derive(Clone, Debug)]
pub(super) struct Actor {
    pub(super) room: RoomId,
    pub(super) person: Person,
    pub(super) owns_room: bool,
}

impl Chat {
    /// Appends an action to the log of a room; when this returns it is durable.
    /// The refusals are `not_yours`, `too_fast` (by address) and those of `Store::append_event`.
    pub(super) async fn append(
        &self,
        actor: Actor,
        cid: Cid,
        action: Action,
        address: IpAddr,
    ) -> Result<Sent, Error> {
        self.0.rate_limiter.take_from_address(address, Cost::Message, Instant::now())?;
        self.authorize(&actor, &action).await?;
        let event = NewEvent { person: actor.person, at: timestamp_now(), cid, action };
        self.0.store.append_event(actor.room, event).await
    }

    async fn authorize(&self, actor: &Actor, action: &Action) -> Result<(), Error> {
        let is_allowed = match action {
            Action::Post { reply_to: None, .. } => true,
            Action::Post { reply_to: Some(message), .. } | Action::React { target: message, .. } => {
                self.author(actor.room, *message).await.map(|_| true)?
            }
            Action::Edit { target, .. } => self.author(actor.room, *target).await? == actor.person.id,
            Action::Delete { target } => {
                self.author(actor.room, *target).await? == actor.person.id || actor.owns_room
            }
            Action::UpdateRoom { .. } => actor.owns_room,
        };
        if is_allowed { Ok(()) } else { Err(Refusal::NotYours.into()) }
    }

    async fn author(&self, room: RoomId, message: Seq) -> Result<PersonId, Error> {
        self.0.store.get_author(room, message).await?.ok_or(Refusal::NoSuchMessage.into())
    }
}
