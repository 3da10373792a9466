//! The rooms one is in at once, and the one that is looked at: at most [`Rooms::MOST`].

use common::{message::Seq, room::RoomName};

use super::room::Room;

#[derive(Clone, Debug)]
pub(crate) struct Rooms {
    held: Vec<Room>,
    /// How many stays there were: each has a number of its own.
    count: u32,
}

/// A stay in a room, from entering it to leaving it for good.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Stay {
    pub(crate) room: RoomName,
    number: u32,
}

impl Rooms {
    /// The most rooms one is in.
    pub(crate) const MOST: usize = 30;

    pub(crate) fn new() -> Rooms {
        Rooms { held: Vec::new(), count: 0 }
    }

    /// Goes into a room, unless one is in it. `read` is how far it was read at an earlier visit.
    pub(crate) fn enter(&mut self, name: &RoomName, read: Option<Seq>) -> &mut Room {
        let index = self.held.iter().position(|room| room.name == *name).unwrap_or_else(|| {
            self.count += 1;
            self.held.push(Room::new(name.clone(), self.count, read));
            self.held.len() - 1
        });
        &mut self.held[index]
    }

    pub(crate) fn remove(&mut self, name: &RoomName) {
        self.held.retain(|room| room.name != *name);
    }

    /// The room to leave when there are too many: of those with nothing left to do there, the one that
    /// is quiet for the longest time. Of one whose log is not known nobody can say how long that is.
    pub(crate) fn one_too_many(&self, is_done: impl Fn(&Room) -> bool) -> Option<RoomName> {
        let done = self.held.iter().filter(|room| room.last_at().is_some() && is_done(room));
        let quietest = done.min_by_key(|room| room.last_at())?;
        (self.held.len() > Self::MOST).then(|| quietest.name.clone())
    }

    pub(crate) fn get(&self, name: &RoomName) -> Option<&Room> {
        self.held.iter().find(|room| room.name == *name)
    }

    pub(crate) fn get_mut(&mut self, name: &RoomName) -> Option<&mut Room> {
        self.held.iter_mut().find(|room| room.name == *name)
    }

    pub(crate) fn all(&self) -> &[Room] {
        &self.held
    }

    pub(crate) fn all_mut(&mut self) -> &mut [Room] {
        &mut self.held
    }

    pub(crate) fn stay(&self, name: &RoomName) -> Option<Stay> {
        self.get(name).map(|room| Stay { room: name.clone(), number: room.number })
    }

    /// Whether it is still the same stay.
    pub(crate) fn goes_on(&self, stay: &Stay) -> bool {
        self.get(&stay.room).is_some_and(|room| room.number == stay.number)
    }
}
