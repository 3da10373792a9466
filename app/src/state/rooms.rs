//! The held rooms, at most [`Rooms::MAX_ROOMS`].

use common::{message::Seq, room::RoomName};

use super::room::Room;

#[derive(Clone, Debug)]
pub(crate) struct Rooms {
    rooms: Vec<Room>,
    /// The number of the latest room generation.
    generation: u32,
}

/// One membership of a room, from opening to leaving it. A reply for an earlier one is dropped.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RoomGeneration {
    pub(crate) room: RoomName,
    generation: u32,
}

impl Rooms {
    /// The most rooms held at once.
    pub(crate) const MAX_ROOMS: usize = 30;

    pub(crate) fn new() -> Rooms {
        Rooms { rooms: Vec::new(), generation: 0 }
    }

    /// Returns the room, or adds it. `last_read` is the stored read position.
    pub(crate) fn get_or_insert(&mut self, name: &RoomName, last_read: Option<Seq>) -> &mut Room {
        let index = self.rooms.iter().position(|room| room.name == *name).unwrap_or_else(|| {
            self.generation += 1;
            self.rooms.push(Room::new(name.clone(), self.generation, last_read));
            self.rooms.len() - 1
        });
        &mut self.rooms[index]
    }

    pub(crate) fn remove(&mut self, name: &RoomName) {
        self.rooms.retain(|room| room.name != *name);
    }

    /// The room to leave when there are too many: the one with the oldest last message among those
    /// that can be evicted. A room without a loaded log is never chosen.
    pub(crate) fn room_to_evict(&self, can_evict: impl Fn(&Room) -> bool) -> Option<RoomName> {
        let candidates = self.rooms.iter().filter(|room| room.last_message_at().is_some() && can_evict(room));
        let quietest = candidates.min_by_key(|room| room.last_message_at())?;
        (self.rooms.len() > Self::MAX_ROOMS).then(|| quietest.name.clone())
    }

    pub(crate) fn get(&self, name: &RoomName) -> Option<&Room> {
        self.rooms.iter().find(|room| room.name == *name)
    }

    pub(crate) fn get_mut(&mut self, name: &RoomName) -> Option<&mut Room> {
        self.rooms.iter_mut().find(|room| room.name == *name)
    }

    pub(crate) fn all(&self) -> &[Room] {
        &self.rooms
    }

    pub(crate) fn all_mut(&mut self) -> &mut [Room] {
        &mut self.rooms
    }

    pub(crate) fn generation_of(&self, name: &RoomName) -> Option<RoomGeneration> {
        self.get(name).map(|room| RoomGeneration { room: name.clone(), generation: room.generation })
    }

    /// Whether the room was not left since.
    pub(crate) fn is_current(&self, generation: &RoomGeneration) -> bool {
        self.get(&generation.room).is_some_and(|room| room.generation == generation.generation)
    }
}
