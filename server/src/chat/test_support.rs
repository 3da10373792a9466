//! Rooms and subscribers for the unit tests of this folder.

use std::sync::Arc;

use common::{
    message::Seq,
    person::{DisplayName, Person, PersonId},
    refusal::Refusal,
    room::{RoomName, Seats, Topic},
};
use tokio::time::Instant;

use super::{
    Chat,
    broadcast::{Broadcast, ConnectionId, Lagged, Subscriber},
    limits::Limits,
    member_rooms::MemberRooms,
    origin::Origin,
    room::Room,
};
use crate::{
    bus,
    health::Health,
    store::{self, DatabaseUrl, RoomId},
};

/// Starts a chat over a new database in this folder.
pub(super) async fn start_chat(folder: &tempfile::TempDir) -> Chat {
    let url = DatabaseUrl::Sqlite(folder.path().join("madang.sqlite"));
    let (sender, committed) = bus::channel();
    let on_commit = Box::new(move |event| sender.send(event));
    let store = store::open(&url, None, &Health::default(), on_commit).await.unwrap();
    Chat::start(store, committed, Limits::default(), &Health::default())
}

pub(super) struct NullSubscriber;

impl Subscriber for NullSubscriber {
    fn deliver(&self, _: &Broadcast) -> Result<(), Lagged> {
        Ok(())
    }
}

pub(super) fn person(id: u64) -> Person {
    Person::new(PersonId(id), DisplayName::for_guest(PersonId(id)))
}

/// An empty room for two. Its owner is the person with the id 1.
pub(super) fn room_for_two() -> Room {
    room(Some(Seats::TWO))
}

pub(super) fn room_without_seat_limit() -> Room {
    room(None)
}

fn room(seats: Option<Seats>) -> Room {
    Room::new(&store::Room { seats, ..stored_room() }, &MemberRooms::default())
}

pub(super) fn stored_room() -> store::Room {
    store::Room {
        id: RoomId::for_test(1),
        name: RoomName::parse("둘이").unwrap(),
        seats: Some(Seats::TWO),
        topic: Topic::default(),
        shared_network: false,
        description_seq: Seq(0),
        owner: PersonId(1),
        owner_name: Some(DisplayName::for_guest(PersonId(1))),
        last_seq: Seq(0),
        last_at: None,
    }
}

pub(super) fn join(room: &mut Room, id: u64, connection: u64, now: Instant) -> Result<(), Refusal> {
    join_from(room, id, connection, Origin::exempt(), now)
}

pub(super) fn join_from(
    room: &mut Room,
    id: u64,
    connection: u64,
    origin: Origin,
    now: Instant,
) -> Result<(), Refusal> {
    room.join(&person(id), true, origin, ConnectionId(connection), Arc::new(NullSubscriber), now)
}
