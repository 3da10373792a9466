//! The user's rooms and the list of them, typing, drafts, seats and room settings.

use std::cmp::Reverse;

use common::{
    message::Timestamp,
    person::{Person, PersonId},
    protocol::command::{Kick, Typing, UpdateRoom, WaitForSeat},
    room::{RoomName, SeatLimit, Topic},
};
use leptos::ev;

use super::{Chat, sending::new_cid};
use crate::{
    socket::RequestError,
    state::{
        room::{Room, UnreadSummary},
        rooms::{RoomGeneration, Rooms},
        top_n::TopN,
    },
    storage,
    task::schedule_once,
    time_format,
    view::listen_on_window,
};

/// How long changes of the room list are collected before it is updated, in ms.
const LIST_DEBOUNCE: u32 = 100;

/// A room as the room list shows it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RoomListItem {
    pub(crate) room: RoomName,
    /// The number of unread messages of others.
    pub(crate) unread: u32,
    /// Whether there are more than these.
    pub(crate) has_more_unread: bool,
    /// How many of them mention this person.
    pub(crate) mentions: u32,
    /// Whether there is an unsent draft.
    pub(crate) has_draft: bool,
    /// Whether somebody else is typing.
    pub(crate) is_typing: bool,
    /// The time of the last message.
    pub(crate) last_message_at: Option<Timestamp>,
    pub(crate) topic: Option<Topic>,
}

impl Chat {
    /// Adds the stored rooms; their order is known once the cache is loaded.
    pub(super) fn restore_rooms(self) {
        self.rooms.update(|rooms| {
            for name in storage::load_rooms().iter().take(Rooms::MAX_ROOMS) {
                rooms.get_or_insert(name, storage::load_read_position(name)).is_mine = true;
            }
        });
        // A message read in another tab is read.
        listen_on_window(ev::storage, move |_| {
            self.rooms.update(|rooms| {
                for room in rooms.all_mut() {
                    if let Some(read) = storage::load_read_position(&room.name) {
                        room.mark_read_elsewhere(read);
                    }
                }
            });
            self.schedule_list();
        });
    }

    pub(super) fn is_current(self, generation: &RoomGeneration) -> bool {
        self.rooms.with_untracked(|rooms| rooms.is_current(generation))
    }

    /// Reads a room, if it is held.
    pub(super) fn with_room<T>(self, name: &RoomName, read: impl FnOnce(&Room) -> T) -> Option<T> {
        self.rooms.with_untracked(|rooms| rooms.get(name).map(read))
    }

    /// Changes a room, if it is held. The caller must notify the triggers.
    pub(super) fn with_room_mut<T>(self, name: &RoomName, change: impl FnOnce(&mut Room) -> T) -> Option<T> {
        self.rooms.update(|rooms| rooms.get_mut(name).map(change))
    }

    /// Sends a typing command, at most once per interval. May run on every keystroke.
    pub(crate) fn send_typing(self) {
        let Some(room) = self.current_room.name.get_untracked() else { return };
        let now = time_format::now();
        let is_recent = self.last_typing_sent.with_untracked(|last_sent| {
            last_sent.as_ref().is_some_and(|(sent_room, at)| {
                *sent_room == room && (0..i64::from(Typing::MIN_INTERVAL_MS)).contains(&(now.0 - at.0))
            })
        });
        let can_send =
            self.with_room(&room, |room| room.is_joined && room.roster.count() <= Typing::MAX_MEMBERS);
        if is_recent || can_send != Some(true) {
            return;
        }
        self.last_typing_sent.set(Some((room.clone(), now)));
        self.fire_and_forget(&Typing { room });
    }

    /// Asks the server for a push when a seat becomes free.
    pub(crate) async fn wait_for_seat(self, room: RoomName) -> Result<(), RequestError> {
        self.request(&WaitForSeat { room }).await.map(drop)
    }

    /// Changes the settings of a room; `None` leaves one as it is.
    pub(crate) async fn update_room(
        self,
        room: RoomName,
        topic: Option<Topic>,
        seats: Option<SeatLimit>,
        shared_network: Option<bool>,
    ) -> Result<(), RequestError> {
        self.request(&UpdateRoom { room, cid: new_cid(), topic, seats, shared_network }).await.map(drop)
    }

    /// Kicks a person from the current room.
    pub(crate) async fn kick(self, person: PersonId) -> Result<(), RequestError> {
        let Some(room) = self.current_room.name.get_untracked() else { return Ok(()) };
        self.request(&Kick { room, person }).await.map(drop)
    }

    /// Saves the draft of a room.
    pub(crate) fn save_draft(self, room: &RoomName, text: &str) {
        let had_draft = !storage::load_draft(room).is_empty();
        storage::save_draft(room, text);
        if had_draft == text.is_empty() {
            self.schedule_list();
        }
    }

    /// Schedules an update of the room list, so that many messages a second cause few updates.
    pub(super) fn schedule_list(self) {
        schedule_once(&self.0.list_scheduled, LIST_DEBOUNCE, move || self.update_list());
    }

    pub(super) fn update_list(self) {
        let me = self.me_or_cached();
        let mut items = TopN::new(usize::MAX);
        self.rooms.with_untracked(|rooms| {
            for room in rooms.all().iter().filter(|room| room.is_mine) {
                items.add(Reverse(room.last_message_at()), room_list_item(room, me.as_ref()));
            }
        });
        let items: Vec<RoomListItem> = items.into_items().collect();
        let current = items.iter().find(|item| self.current_room.is(&item.room));
        let unread = current.map(RoomListItem::unread_summary);
        if let Some(unread) = unread.filter(|unread| self.current_room.unread.get_untracked() != *unread) {
            self.current_room.unread.set(unread);
        }
        if self.room_list.with_untracked(|known| *known != items) {
            storage::reorder_rooms(items.iter().map(|item| &item.room));
            self.room_list.set(items);
        }
    }
}

impl RoomListItem {
    fn unread_summary(&self) -> UnreadSummary {
        UnreadSummary { messages: self.unread, mentions: self.mentions, more: self.has_more_unread }
    }
}

fn room_list_item(room: &Room, me: Option<&Person>) -> RoomListItem {
    let unread = room.unread(me);
    RoomListItem {
        room: room.name.clone(),
        unread: unread.messages,
        has_more_unread: unread.more,
        mentions: unread.mentions,
        has_draft: !storage::load_draft(&room.name).is_empty(),
        is_typing: !room.typing.is_empty(),
        last_message_at: room.last_message_at(),
        topic: room.topic.clone(),
    }
}
