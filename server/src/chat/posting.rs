//! Posting: appends to the log of a room, for sessions and for senders that have none.
//!
//! All transports end in `Chat::append`. A program that posts over HTTP and the sender of a datagram do
//! not join the room and are not shown as present; with a seat limit only members may post this way.

use std::net::IpAddr;

use common::{
    message::{Body, Cid, Seq},
    person::{DisplayName, Person, PersonId},
    protocol::{command::Send, event::Via, reply::Sent},
    refusal::Refusal,
    room::RoomName,
};
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use super::{
    Chat,
    access::Actor,
    identity::Identity,
    limits::{Cost, RateKey},
    timestamp_now,
};
use crate::{
    error::Error,
    store::{Action, NewEvent, NewRoom, RoomId},
};

/// A message whose sender is not authenticated.
#[derive(Clone, Debug)]
pub struct AnonymousMessage {
    pub room: RoomName,
    /// The name the sender claims.
    pub name: Option<DisplayName>,
    pub body: Body,
    /// The same in every retry of the message.
    pub cid: Cid,
}

/// A message that is not appended yet.
#[derive(Clone, Debug)]
pub(super) struct NewMessage {
    pub(super) cid: Cid,
    pub(super) body: Body,
    pub(super) via: Option<Via>,
    pub(super) reply_to: Option<Seq>,
}

impl Chat {
    /// Posts a message, creating the room if necessary. Repeating it with the same `cid` is safe.
    pub async fn post(&self, identity: &Identity, send: Send, address: IpAddr) -> Result<Sent, Error> {
        self.0.rate_limiter.take(identity.rate_key(address), Cost::Message, Instant::now())?;
        let message = NewMessage { cid: send.cid, body: send.body, via: None, reply_to: send.reply_to };
        self.post_without_joining(identity.clone(), send.room, message, address).await
    }

    /// Posts a message that arrived over UDP, creating the room if necessary. The event records the
    /// address. Repeating it with the same `cid` appends nothing.
    pub async fn post_anonymous(&self, message: AnonymousMessage, address: IpAddr) -> Result<Sent, Error> {
        // Source addresses of datagrams can be forged, so one limit for all senders comes first.
        self.0.rate_limiter.take(RateKey::Datagrams, Cost::Message, Instant::now())?;
        let address = address.to_canonical();
        let AnonymousMessage { room, name, body, cid } = message;
        let sender = Identity { person: self.anonymous_sender(name, address), is_registered: false };
        let via = Some(Via::Udp(address.to_string()));
        let message = NewMessage { cid, body, via, reply_to: None };
        self.post_without_joining(sender, room, message, address).await
    }

    async fn post_without_joining(
        &self,
        sender: Identity,
        room: RoomName,
        message: NewMessage,
        address: IpAddr,
    ) -> Result<Sent, Error> {
        let Identity { person, is_registered } = sender;
        let new = NewRoom::with_defaults(person.id, timestamp_now());
        let stored = self.get_or_create_room(room, new, address).await?;
        self.check_access(&stored, person.id)?;
        let actor = Actor { person, is_registered, room: stored.id, room_owner: stored.owner };
        self.append_message(actor, message, address).await
    }

    /// Appends a message to the log of a room. A guest may repeat it under another id.
    pub(super) async fn append_message(
        &self,
        actor: Actor,
        message: NewMessage,
        address: IpAddr,
    ) -> Result<Sent, Error> {
        let (room, is_registered) = (actor.room, actor.is_registered);
        let NewMessage { cid, body, via, reply_to } = message;
        let action = Action::Post { body: body.clone(), via, reply_to };
        match self.append(actor, cid.clone(), action, address).await {
            // A guest has a new id in every request and connection, so a retry looks like another
            // person's message.
            Err(Error::Refused(Refusal::CidTaken)) if !is_registered => {
                self.find_repeated(room, cid, &body).await
            }
            sent => sent,
        }
    }

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

    /// Returns the first reply again if `cid` belongs to a message with the same text.
    async fn find_repeated(&self, room: RoomId, cid: Cid, body: &Body) -> Result<Sent, Error> {
        let first = self.0.store.get_event_by_cid(room, cid.clone()).await?;
        let first = first.filter(|first| first.kind.body() == Some(body)).ok_or(Refusal::CidTaken)?;
        Ok(Sent { cid, seq: first.seq, at: first.at })
    }

    /// Derives a person from name and address: stable while the server runs. The secret keeps a sender
    /// from choosing the id.
    fn anonymous_sender(&self, name: Option<DisplayName>, address: IpAddr) -> Person {
        let name_text = name.as_ref().map_or("", DisplayName::as_str);
        let hash = Sha256::digest(format!("{:032x} {address} {name_text}", self.0.anonymous_id_secret));
        let id = PersonId(hash.iter().take(8).fold(0, |id, byte| id << 8 | u64::from(*byte)));
        Person { id, name: name.unwrap_or_else(|| DisplayName::for_guest(id)) }
    }
}
