//! What is called into a room from outside: one message by somebody who takes no seat, hears no
//! answer, and is whoever they say they are.
//!
//! Nobody stands for such a message, so it says where it came from, and a room with a limited number
//! of seats does not take it: there only those talk who sit there.

use std::net::IpAddr;

use common::{
    event::{Sent, Via},
    message::{Body, Cid},
    person::{DisplayName, Person, PersonId},
    room::RoomName,
};
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use super::{Chat, now};
use crate::{
    failure::Failure,
    lock::lock,
    store::{Deed, NewEvent, NewRoom},
};

/// A message from outside.
#[derive(Clone, Debug)]
pub struct Call {
    pub room: RoomName,
    /// What the caller says their name is.
    pub name: Option<DisplayName>,
    pub body: Body,
    /// The same for what is the same message.
    pub cid: Cid,
}

impl Chat {
    /// Puts a datagram's message into the log of its room, which comes into being like by a join.
    /// One of a `cid` that was there before is not put there again. The refusals are `too_fast`,
    /// `cid_taken`, `removed` and, in a room with seats, `not_in_room` and `room_full`.
    pub async fn call(&self, call: Call, from: IpAddr) -> Result<Sent, Failure> {
        // Any address can be written on a datagram, so they are bounded together first.
        lock(&self.0.calls).take(Instant::now())?;
        self.0.addresses.post(from, Instant::now())?;
        let from = from.to_canonical();
        let person = self.caller(call.name, from);
        let room = self.find_or_open(call.room, NewRoom::of(person.id, now()), from).await?;
        self.let_pass(&room, person.id)?;
        let via = Some(Via::Udp(from.to_string()));
        let deed = Deed::Post { body: call.body, via, reply_to: None };
        self.0.store.append_event(room.id, NewEvent { person, at: now(), cid: call.cid, deed }).await
    }

    /// The same name from the same address is the same caller while the server runs, and an id that
    /// nobody can have chosen.
    fn caller(&self, name: Option<DisplayName>, from: IpAddr) -> Person {
        let said = name.as_ref().map_or("", DisplayName::as_str);
        let hash = Sha256::digest(format!("{:032x} {from} {said}", self.0.secret));
        let id = PersonId(hash.iter().take(8).fold(0, |id, byte| id << 8 | u64::from(*byte)));
        Person { id, name: name.unwrap_or_else(|| DisplayName::of_guest(id)) }
    }
}
