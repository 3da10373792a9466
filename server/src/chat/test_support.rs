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
    broadcast::{Broadcast, ConnectionId, Lagged, Subscriber},
    member_rooms::MemberRooms,
    room::Room,
};
use crate::store::{self, RoomId};

pub(super) struct NullSubscriber;

impl Subscriber for NullSubscriber {
    fn deliver(&self, _: &Broadcast) -> Result<(), Lagged> {
        Ok(())
    }
}

pub(super) fn person(id: u64) -> Person {
    Person { id: PersonId(id), name: DisplayName::for_guest(PersonId(id)) }
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
        description_seq: Seq(0),
        owner: PersonId(1),
        last_seq: Seq(0),
        last_at: None,
    }
}

pub(super) fn join(room: &mut Room, id: u64, connection: u64, now: Instant) -> Result<(), Refusal> {
    room.join(&person(id), ConnectionId(connection), Arc::new(NullSubscriber), now)
}
