//! Which rooms each person is a member of, so that a rename costs what the person's own rooms cost.
//!
//! Every [`Room`](super::room::Room) holds an entry for each of its members. Rooms are locked before this
//! index, never after it.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use common::{person::PersonId, room::RoomName};
use parking_lot::Mutex;

use crate::store::RoomId;

/// The rooms of all members. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct MemberRooms(Arc<Mutex<HashMap<PersonId, BTreeMap<RoomId, RoomName>>>>);

/// A member's entry in the index; dropping it removes it.
pub(super) struct MemberRoomEntry {
    index: MemberRooms,
    person: PersonId,
    room: RoomId,
}

impl MemberRooms {
    /// Records that the person is a member of this room.
    pub(super) fn add(&self, person: PersonId, room: RoomId, name: RoomName) -> MemberRoomEntry {
        self.0.lock().entry(person).or_default().insert(room, name);
        MemberRoomEntry { index: self.clone(), person, room }
    }

    /// Returns the rooms of which the person is a member, at most 50 for each of their connections.
    pub(super) fn of(&self, person: PersonId) -> Vec<RoomName> {
        self.0.lock().get(&person).map_or_else(Vec::new, |rooms| rooms.values().cloned().collect())
    }
}

impl Drop for MemberRoomEntry {
    fn drop(&mut self) {
        let mut index = self.index.0.lock();
        if let Some(rooms) = index.get_mut(&self.person) {
            rooms.remove(&self.room);
            if rooms.is_empty() {
                index.remove(&self.person);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{Duration, Instant};

    use super::*;
    use crate::chat::{
        broadcast::ConnectionId,
        room::Room,
        test_support::{join, stored_room},
    };

    const PERSON: PersonId = PersonId(1);
    const CONNECTION: ConnectionId = ConnectionId(1);

    /// Counts the rooms of the person, and all people in the index.
    fn counts(index: &MemberRooms) -> (usize, usize) {
        (index.of(PERSON).len(), index.0.lock().len())
    }

    #[test]
    fn a_person_has_the_rooms_that_they_are_a_member_of_however_they_go() {
        let (index, now) = (MemberRooms::default(), Instant::now());
        let goes: [&dyn Fn(&mut Room); 4] = [
            &|room| room.leave(PERSON, CONNECTION, None),
            &|room| room.ban(PERSON, None, now, Duration::from_secs(1)),
            &|room| room.delete(),
            &|room| {
                room.leave(PERSON, CONNECTION, Some(now + Duration::from_secs(1)));
                assert_eq!(counts(&index), (1, 1), "the seat is kept");
                room.expire_seat_grace(now + Duration::from_secs(2));
            },
        ];
        for go in goes {
            let mut room = Room::new(&stored_room(), &index);
            assert_eq!(counts(&index), (0, 0));
            join(&mut room, 1, 1, now).unwrap();
            join(&mut room, 1, 2, now).unwrap();
            assert_eq!(index.of(PERSON), [stored_room().name]);
            room.leave(PERSON, ConnectionId(2), None);
            assert_eq!(counts(&index), (1, 1), "one connection is left");
            go(&mut room);
            assert_eq!(counts(&index), (0, 0));
        }
    }
}
