//! One thing done in a room by somebody who does not come in: to say something, or to read a page.
//!
//! Programs do so, which have no connection that stays. They take no seat and nobody sees them come;
//! where the seats are limited, only somebody who has one may do it. What else holds for a session
//! holds here.

use std::net::IpAddr;

use common::{
    event::{History, Page, Send, Sent},
    message::{Body, Cid},
    person::PersonId,
    refusal::Refusal,
    room::RoomName,
};
use tokio::time::Instant;

use super::{
    Chat,
    deed::Doer,
    limits::{Passer, network},
    now,
    people::Identity,
    room::Room,
};
use crate::{
    failure::Failure,
    lock::lock,
    store::{self, Deed, NewRoom, RoomId},
};

impl Chat {
    /// Says something in a room, which comes into being as by a join.
    ///
    /// Repeating it with the same `cid` is safe, as it is for a session. A guest is somebody else
    /// each time, and recognised by the text: the same `cid` and the same text are the same message.
    pub async fn post(&self, who: &Identity, send: Send, address: IpAddr) -> Result<Sent, Failure> {
        self.0.passers.post(passer(who, address), Instant::now())?;
        let room = self.find_or_open(send.room, NewRoom::of(who.person.id, now()), address).await?;
        self.let_pass(&room, who.person.id)?;
        let doer = Doer { room: room.id, person: who.person.clone(), owns_room: room.owner == who.person.id };
        let deed = Deed::Post { body: send.body.clone(), via: None, reply_to: send.reply_to };
        match self.append(doer, send.cid.clone(), deed, address).await {
            Err(Failure::Refused(Refusal::CidTaken)) if !who.kept => {
                self.repeat(room.id, send.cid, &send.body).await
            }
            sent => sent,
        }
    }

    /// Reads a page of a room's log. The refusal is `no_such_room` when there is none.
    pub async fn read(&self, who: &Identity, history: &History, address: IpAddr) -> Result<Page, Failure> {
        let span = history.span()?;
        self.0.passers.read(passer(who, address), Instant::now())?;
        let room = self.find(history.room.clone()).await?;
        self.let_pass(&room, who.person.id)?;
        self.0.store.list_events(room.id, span, history.page_size(), who.person.id).await
    }

    pub(super) async fn find(&self, name: RoomName) -> Result<store::Room, Failure> {
        self.0.store.get_room(name).await?.ok_or(Refusal::NoSuchRoom.into())
    }

    /// The refusals are those of [`Room::let_pass`].
    pub(super) fn let_pass(&self, stored: &store::Room, person: PersonId) -> Result<(), Refusal> {
        match self.open_room(&stored.name) {
            Some(room) => lock(&room).let_pass(person),
            None => Room::new(stored).let_pass(person),
        }
    }

    /// The first answer again, if the message of this `cid` is the same.
    pub(super) async fn repeat(&self, room: RoomId, cid: Cid, body: &Body) -> Result<Sent, Failure> {
        let first = self.0.store.get_event(room, cid.clone()).await?;
        let first = first.filter(|first| first.what.body() == Some(body)).ok_or(Refusal::CidTaken)?;
        Ok(Sent { cid, seq: first.seq, at: first.at })
    }
}

fn passer(who: &Identity, address: IpAddr) -> Passer {
    if who.kept { Passer::Person(who.person.id) } else { Passer::Guests(network(address)) }
}
