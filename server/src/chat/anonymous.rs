//! Posts a message that arrived over UDP. The sender is not authenticated, does not join the room, and
//! gets no reply.
//!
//! The event records the address it came from. A room with a seat limit refuses such messages, because
//! only members may post there.

use std::net::IpAddr;

use common::{
    event::{Sent, Via},
    message::{Body, Cid},
    person::{DisplayName, Person, PersonId},
    room::RoomName,
};
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use super::{
    Chat,
    limits::{Cost, RateKey},
    timestamp_now,
};
use crate::{
    error::Error,
    store::{Action, NewEvent, NewRoom},
};

/// A message whose sender is not authenticated.
#[derive(Clone, Debug)]
pub struct AnonymousMessage {
    pub room: RoomName,
    /// The name the sender claims.
    pub name: Option<DisplayName>,
    pub body: Body,
    /// Equal for retries of the same message.
    pub cid: Cid,
}

impl Chat {
    /// Appends the message to its room, creating the room if necessary. A known `cid` appends nothing.
    /// The refusals are `too_fast`, `cid_taken`, `removed`; with a seat limit also `not_in_room`, `room_full`.
    pub async fn post_anonymous(&self, message: AnonymousMessage, address: IpAddr) -> Result<Sent, Error> {
        // Source addresses of datagrams can be forged, so one limit for all senders comes first.
        self.0.rate_limiter.take(RateKey::Datagrams, Cost::Message, Instant::now())?;
        self.0.rate_limiter.take_from_address(address, Cost::Message, Instant::now())?;
        let address = address.to_canonical();
        let person = self.anonymous_sender(message.name, address);
        let room = self
            .get_or_create_room(message.room, NewRoom::with_defaults(person.id, timestamp_now()), address)
            .await?;
        self.check_access(&room, person.id)?;
        let via = Some(Via::Udp(address.to_string()));
        let action = Action::Post { body: message.body, via, reply_to: None };
        self.0
            .store
            .append_event(room.id, NewEvent { person, at: timestamp_now(), cid: message.cid, action })
            .await
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
