//! What is kept, and who may do it: the one table over messages and rooms.
//!
//! Whoever comes here is in the room, or was let pass. Who wrote a message never changes, nor who
//! owns a room; so what is decided here still holds when the store writes it down.

use std::net::IpAddr;

use common::{
    event::Sent,
    message::{Cid, Seq},
    person::{Person, PersonId},
    refusal::Refusal,
};
use tokio::time::Instant;

use super::{Chat, now};
use crate::{
    failure::Failure,
    store::{Deed, NewEvent, RoomId},
};

/// The room in which something is done, and by whom.
#[derive(Clone, Debug)]
pub(super) struct Doer {
    pub(super) room: RoomId,
    pub(super) person: Person,
    pub(super) owns_room: bool,
}

impl Chat {
    /// Puts what somebody does into the log of a room: from here on it can not be lost.
    ///
    /// The refusals are `no_such_message`, `not_yours` and `too_many_reactions`, and those of every
    /// writing: `too_fast`, by address, `cid_taken`, `unavailable` and `not_stored`.
    pub(super) async fn append(
        &self,
        doer: Doer,
        cid: Cid,
        deed: Deed,
        address: IpAddr,
    ) -> Result<Sent, Failure> {
        self.0.addresses.post(address, Instant::now())?;
        self.permit(&doer, &deed).await?;
        let event = NewEvent { person: doer.person, at: now(), cid, deed };
        self.0.store.append_event(doer.room, event).await
    }

    async fn permit(&self, doer: &Doer, deed: &Deed) -> Result<(), Failure> {
        let is_allowed = match deed {
            Deed::Post { reply_to: None, .. } => true,
            Deed::Post { reply_to: Some(message), .. } | Deed::React { to: message, .. } => {
                self.author(doer.room, *message).await.map(|_| true)?
            }
            Deed::Edit { of, .. } => self.author(doer.room, *of).await? == doer.person.id,
            Deed::Delete { of } => self.author(doer.room, *of).await? == doer.person.id || doer.owns_room,
            Deed::Describe { .. } => doer.owns_room,
        };
        if is_allowed { Ok(()) } else { Err(Refusal::NotYours.into()) }
    }

    async fn author(&self, room: RoomId, message: Seq) -> Result<PersonId, Failure> {
        self.0.store.get_author(room, message).await?.ok_or(Refusal::NoSuchMessage.into())
    }
}
