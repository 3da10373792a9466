//! The rooms that are ours: those that let us in and that we did not leave, and what a list shows of
//! them. Who writes, and who waits for a seat.

use std::cmp::Reverse;

use common::{
    event::{Describe, Remove, Typing, WatchSeat},
    message::{Seq, Timestamp},
    person::{Person, PersonId},
    room::{Limit, RoomName, Topic},
};
use leptos::ev;

use super::{Chat, sending::fresh_cid};
use crate::{
    socket::Failure,
    state::{
        ranking::Ranking,
        room::{Room, Unread},
        rooms::{Rooms, Stay},
    },
    storage,
    task::soon,
    view::listen,
    when,
};

/// How long the list waits for more to change before it is made anew, in ms.
const LIST_AFTER: u32 = 100;

/// A room of ours as a list shows it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct MyRoom {
    pub(crate) room: RoomName,
    /// How many messages of others wait to be read.
    pub(crate) unread: u32,
    /// There are more than these.
    pub(crate) unread_more: bool,
    /// In how many of them we are spoken of.
    pub(crate) mentions: u32,
    /// Something is written here and not sent.
    pub(crate) draft: bool,
    /// Somebody else is writing.
    pub(crate) typing: bool,
    /// When something was last said.
    pub(crate) last_at: Option<Timestamp>,
    pub(crate) topic: Option<Topic>,
}

/// What the composer writes: something new, or something about a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Composing {
    #[default]
    New,
    Reply(Seq),
    Edit(Seq),
}

impl Chat {
    /// Finds the rooms that are ours from earlier visits; their order is known with the shelf.
    pub(super) fn open_rooms(self) {
        self.rooms.update(|rooms| {
            for name in storage::rooms().iter().take(Rooms::MOST) {
                rooms.enter(name, storage::read_to(name)).ours = true;
            }
        });
        // What another window has read is read.
        listen(ev::storage, move |_| {
            self.rooms.update(|rooms| {
                for room in rooms.all_mut() {
                    if let Some(read) = storage::read_to(&room.name) {
                        room.read_elsewhere(read);
                    }
                }
            });
            self.list();
        });
    }

    pub(super) fn goes_on(self, stay: &Stay) -> bool {
        self.rooms.with_untracked(|rooms| rooms.goes_on(stay))
    }

    /// Reads something of a room, if we are in it.
    pub(super) fn read<T>(self, name: &RoomName, read: impl FnOnce(&Room) -> T) -> Option<T> {
        self.rooms.with_untracked(|rooms| rooms.get(name).map(read))
    }

    /// Changes something about a room, if we are in it; whoever changes it tells who shows it.
    pub(super) fn change<T>(self, name: &RoomName, change: impl FnOnce(&mut Room) -> T) -> Option<T> {
        self.rooms.update(|rooms| rooms.get_mut(name).map(change))
    }

    /// Tells the others that we are writing; may be called at every press of a key.
    pub(crate) fn type_something(self) {
        let Some(room) = self.visit.room.get_untracked() else { return };
        let now = when::now();
        let is_told = self.typed.with_untracked(|typed| {
            typed.as_ref().is_some_and(|(told, at)| {
                *told == room && (0..i64::from(Typing::PAUSE)).contains(&(now.0 - at.0))
            })
        });
        let is_heard = self.read(&room, |room| room.joined && room.roster.count() <= Typing::CROWD);
        if is_told || is_heard != Some(true) {
            return;
        }
        self.typed.set(Some((room.clone(), now)));
        self.mention(&Typing { room });
    }

    /// Asks to be told when there is a seat in this room.
    pub(crate) async fn watch_seat(self, room: RoomName) -> Result<(), Failure> {
        self.ask(&WatchSeat { room }).await.map(drop)
    }

    /// Says what a room of ours is about, or how many seats it has.
    pub(crate) async fn describe(
        self,
        room: RoomName,
        topic: Option<Topic>,
        seats: Option<Limit>,
    ) -> Result<(), Failure> {
        self.ask(&Describe { room, cid: fresh_cid(), topic, seats }).await.map(drop)
    }

    /// Removes somebody from the room on the screen.
    pub(crate) async fn remove(self, person: PersonId) -> Result<(), Failure> {
        let Some(room) = self.visit.room.get_untracked() else { return Ok(()) };
        self.ask(&Remove { room, person }).await.map(drop)
    }

    /// Keeps what is being written in a room.
    pub(crate) fn keep_draft(self, room: &RoomName, text: &str) {
        let was_there = !storage::draft(room).is_empty();
        storage::keep_draft(room, text);
        if was_there == text.is_empty() {
            self.list();
        }
    }

    /// Brings the list up to date in a moment: with many messages a second it is not made for each.
    pub(super) fn list(self) {
        soon(&self.0.listing, LIST_AFTER, move || self.list_now());
    }

    pub(super) fn list_now(self) {
        let me = self.me_or_remembered();
        let mut mine = Ranking::of(usize::MAX);
        self.rooms.with_untracked(|rooms| {
            for room in rooms.all().iter().filter(|room| room.ours) {
                mine.add(Reverse(room.last_at()), my_room(room, me.as_ref()));
            }
        });
        let mine: Vec<MyRoom> = mine.into_items().collect();
        let here = mine.iter().find(|mine| self.visit.is_in(&mine.room));
        let unseen = here.map(MyRoom::unseen);
        if let Some(unseen) = unseen.filter(|unseen| self.visit.unseen.get_untracked() != *unseen) {
            self.visit.unseen.set(unseen);
        }
        if self.my_rooms.with_untracked(|known| *known != mine) {
            storage::order_rooms(mine.iter().map(|mine| &mine.room));
            self.my_rooms.set(mine);
        }
    }
}

impl MyRoom {
    fn unseen(&self) -> Unread {
        Unread { messages: self.unread, mentions: self.mentions, more: self.unread_more }
    }
}

fn my_room(room: &Room, me: Option<&Person>) -> MyRoom {
    let unread = room.unread(me);
    MyRoom {
        room: room.name.clone(),
        unread: unread.messages,
        unread_more: unread.more,
        mentions: unread.mentions,
        draft: !storage::draft(&room.name).is_empty(),
        typing: !room.typing.is_empty(),
        last_at: room.last_at(),
        topic: room.topic.clone(),
    }
}
