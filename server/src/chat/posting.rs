//! Requests without a session: post one message, or read one page of history. Used by HTTP programs.
//!
//! The sender does not join the room and is not shown as present. In a room with a seat limit only
//! members may do this; permissions and limits are otherwise those of a session.

use std::net::IpAddr;

use common::{
    event::{History, Page, Send, Sent},
    message::{Body, Cid},
    person::PersonId,
    refusal::Refusal,
    room::RoomName,
};
use tokio::time::Instant;

use super::{Chat, access::Actor, identity::Identity, limits::Cost, room::Room, timestamp_now};
use crate::{
    error::Error,
    store::{self, Action, NewRoom, RoomId},
};

impl Chat {
    /// Posts a message, creating the room if necessary. Repeating it with the same `cid` is safe.
    pub async fn post(&self, identity: &Identity, send: Send, address: IpAddr) -> Result<Sent, Error> {
        self.0.rate_limiter.take(identity.rate_key(address), Cost::Message, Instant::now())?;
        let room = self
            .get_or_create_room(
                send.room,
                NewRoom::with_defaults(identity.person.id, timestamp_now()),
                address,
            )
            .await?;
        self.check_access(&room, identity.person.id)?;
        let actor = Actor {
            room: room.id,
            person: identity.person.clone(),
            owns_room: room.owner == identity.person.id,
        };
        let action = Action::Post { body: send.body.clone(), via: None, reply_to: send.reply_to };
        match self.append(actor, send.cid.clone(), action, address).await {
            Err(Error::Refused(Refusal::CidTaken)) if !identity.is_registered => {
                // A guest has a new id in every request, so a retry looks like another person's message.
                self.find_repeated(room.id, send.cid, &send.body).await
            }
            sent => sent,
        }
    }

    /// Reads a page of a room's log. The refusal is `no_such_room` if there is none.
    pub async fn read_history(
        &self,
        identity: &Identity,
        history: &History,
        address: IpAddr,
    ) -> Result<Page, Error> {
        let range = history.range()?;
        self.0.rate_limiter.take(identity.rate_key(address), Cost::Read, Instant::now())?;
        let room = self.find_room(history.room.clone()).await?;
        self.check_access(&room, identity.person.id)?;
        self.0.store.list_events(room.id, range, history.page_size(), identity.person.id).await
    }

    pub(super) async fn find_room(&self, name: RoomName) -> Result<store::Room, Error> {
        self.0.store.get_room(name).await?.ok_or(Refusal::NoSuchRoom.into())
    }

    /// Checks whether this person may read and post without joining; see [`Room::check_access`].
    pub(super) fn check_access(&self, stored: &store::Room, person: PersonId) -> Result<(), Refusal> {
        match self.loaded_room(&stored.name) {
            Some(room) => room.lock().check_access(person),
            None => Room::new(stored).check_access(person),
        }
    }

    /// Returns the first reply again if `cid` belongs to a message with the same text.
    pub(super) async fn find_repeated(&self, room: RoomId, cid: Cid, body: &Body) -> Result<Sent, Error> {
        let first = self.0.store.get_event_by_cid(room, cid.clone()).await?;
        let first = first.filter(|first| first.kind.body() == Some(body)).ok_or(Refusal::CidTaken)?;
        Ok(Sent { cid, seq: first.seq, at: first.at })
    }
}
