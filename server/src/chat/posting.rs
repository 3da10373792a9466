//! Posting: appends to the log of a room, for sessions and for senders that have none.
//!
//! All transports end in `Chat::append`. A program that posts over HTTP and the sender of a datagram do
//! not join the room and are not shown as present; with a seat limit only members may post this way.

use common::{
    message::{Body, Cid, Seq},
    person::{DisplayName, Person, PersonId},
    protocol::{command::Send, event::Via, reply::Sent},
    refusal::Refusal,
    room::RoomName,
};
use tokio::time::Instant;

use super::{
    Chat, NO_OWNER,
    access::Actor,
    claim::Claimant,
    identity::Identity,
    limits::{Cost, RateKey},
    origin::Origin,
    timestamp_now,
};
use crate::{
    address::ClientAddress,
    error::Error,
    store::{Action, Claim, NewEvent, NewRoom},
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
    pub(super) reply_to: Option<Seq>,
}

impl Chat {
    /// Posts a message, creating the room if necessary. Repeating it with the same `cid` is safe.
    pub async fn post(&self, identity: &Identity, send: Send, address: ClientAddress) -> Result<Sent, Error> {
        self.0.rate_limiter.take(identity.rate_key(address), Cost::Message, Instant::now())?;
        let message = NewMessage { cid: send.cid, body: send.body, reply_to: send.reply_to };
        self.post_without_joining(identity.clone(), send.room, message, address).await
    }

    /// Posts a message that arrived over UDP, creating the room if necessary. The event records the
    /// address. Repeating it with the same `cid` appends nothing.
    pub async fn post_anonymous(
        &self,
        message: AnonymousMessage,
        address: ClientAddress,
    ) -> Result<Sent, Error> {
        // Source addresses of datagrams can be forged, so one limit for all senders comes first.
        self.0.rate_limiter.take(RateKey::Datagrams, Cost::Message, Instant::now())?;
        let AnonymousMessage { room, name, body, cid } = message;
        let person = self.anonymous_sender(name, address);
        let sender = Identity { person, is_registered: false, first_seen: timestamp_now() };
        let via = Some(Via::Udp(address.to_string()));
        let claim = Some(self.claim(Claimant::Guest(address, &body)));
        let (actor, action) = (
            self.enter(sender, room, RateKey::Datagrams, address).await?,
            Action::Post { body, via, reply_to: None },
        );
        // Only the holder of the key can have made the `cid`, so another message with it is a copy.
        self.append(actor, cid, claim, action, address).await
    }

    async fn post_without_joining(
        &self,
        sender: Identity,
        room: RoomName,
        message: NewMessage,
        address: ClientAddress,
    ) -> Result<Sent, Error> {
        let maker = sender.rate_key(address);
        let actor = self.enter(sender, room, maker, address).await?;
        self.append_message(actor, message, address).await
    }

    /// Returns the sender as an actor in a room, which is created if necessary, at the expense of `maker`.
    async fn enter(
        &self,
        sender: Identity,
        room: RoomName,
        maker: RateKey,
        address: ClientAddress,
    ) -> Result<Actor, Error> {
        let Identity { person, is_registered, first_seen } = sender;
        let origin = self.0.origins.record(person.id, Origin::new(address, first_seen));
        // A guest without a connection can not come back as its owner.
        let owner = if is_registered { person.id } else { NO_OWNER };
        let new = NewRoom::with_defaults(owner, timestamp_now());
        let stored = self.get_or_create_room(room, new, maker, address).await?;
        let stored = self.claim_ownership(stored, &person, is_registered, origin).await?;
        self.check_access(&stored, person.id, origin)?;
        if !is_registered {
            self.read_room(&stored, |room| room.check_owners_name(&person))?;
        }
        Ok(Actor { person, is_registered, is_program: true, room: stored.id, room_owner: stored.owner })
    }

    /// Appends a message to the log of a room. Whoever else has used its `cid` does not matter, and a guest
    /// may repeat it under another id; the reply has the sender's `cid`.
    pub(super) async fn append_message(
        &self,
        actor: Actor,
        message: NewMessage,
        address: ClientAddress,
    ) -> Result<Sent, Error> {
        let NewMessage { cid, body, reply_to } = message;
        let claimant = match actor.is_registered {
            true => Claimant::Person(actor.person.id),
            false => Claimant::Guest(address, &body),
        };
        let claim = (!actor.is_registered).then(|| self.claim(claimant));
        let substitute = self.substitute_cid(actor.room, claimant, &cid);
        let log_cid = if cid.is_plain() { cid.clone() } else { substitute.clone() };
        let action = Action::Post { body: body.clone(), via: None, reply_to };
        let sent = match self.append(actor.clone(), log_cid, claim, action.clone(), address).await {
            Err(Error::Refused(Refusal::CidTaken)) => {
                self.append(actor, substitute, claim, action, address).await
            }
            sent => sent,
        };
        Ok(Sent { cid, ..sent? })
    }

    /// Appends an action to the log of a room; when this returns it is durable.
    /// The refusals are `not_yours`, `too_fast` (by address) and those of `Store::append_event`.
    pub(super) async fn append(
        &self,
        actor: Actor,
        cid: Cid,
        claim: Option<Claim>,
        action: Action,
        address: ClientAddress,
    ) -> Result<Sent, Error> {
        self.0.rate_limiter.take_from_address(address, Cost::Message, Instant::now())?;
        self.authorize(&actor, &action).await?;
        let Actor { person, is_program, .. } = actor;
        let event = NewEvent { person, at: timestamp_now(), cid, claim, is_program, action };
        self.0.store.append_event(actor.room, event).await
    }

    /// Derives a person from name and address. The secret keeps a sender from choosing the id.
    fn anonymous_sender(&self, name: Option<DisplayName>, address: ClientAddress) -> Person {
        let name_text = name.as_ref().map_or("", DisplayName::as_str);
        let address = address.to_string();
        let hash = self.keyed_hash("anonymous", &[address.as_bytes(), name_text.as_bytes()]);
        let id = PersonId(hash.iter().take(8).fold(0, |id, byte| id << 8 | u64::from(*byte)));
        Person::new(id, name.unwrap_or_else(|| DisplayName::for_guest(id)))
    }
}
