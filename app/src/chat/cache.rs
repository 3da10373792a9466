//! The cache of rooms in this browser, so that a page shows them before it has a connection, and
//! without one.
//!
//! It is written some time after a change and when the page is hidden. A page that reads it catches
//! up as after a lost connection; data from the server wins over it.

use std::sync::atomic::Ordering::Relaxed;

use common::{json, protocol::reply::Joined, room::RoomName};
use leptos::prelude::Notify;

use super::Chat;
use crate::{
    indexed_db,
    state::room::Room,
    storage,
    task::{schedule_once, spawn},
};

/// How long changes are collected before they are written, in ms.
const WRITE_DEBOUNCE: u32 = 5_000;

impl Chat {
    /// Restores cached rooms that the server has not sent yet.
    pub(super) async fn restore_cache(self) {
        let me = storage::load_person();
        let cached = indexed_db::load_rooms().await.unwrap_or_default();
        self.list_scheduled.store(false, Relaxed);
        self.schedule_list();
        if storage::load_person().map(|me| me.id) != me.map(|me| me.id) {
            return;
        }
        for cached in cached.iter().filter_map(|cached| json::from_str::<Joined>(cached).ok()) {
            let name = cached.room.clone();
            match self.with_room_mut(&name, |room| room.restore(cached)) {
                Some(true) => self.on_restored(&name),
                Some(false) => {}
                None => self.delete_cached_room(name),
            }
        }
    }

    fn on_restored(self, name: &RoomName) {
        if self.current_room.is(name) {
            self.current_room.triggers.info.notify();
            self.restore_position(name);
        }
        self.on_log_changed(name);
    }

    /// Schedules a write of changed rooms.
    pub(super) fn schedule_cache_write(self) {
        schedule_once(&self.0.cache_write_scheduled, WRITE_DEBOUNCE, move || self.write_cache());
    }

    pub(super) fn write_cache(self) {
        // Another tab may have left a room, or belong to another person by now.
        if self.me_or_cached().map(|me| me.id) != storage::load_person().map(|me| me.id) {
            return;
        }
        let room_names = storage::load_rooms();
        let snapshots = self.rooms.update(|rooms| {
            let rooms = rooms.all_mut().iter_mut().filter(|room| room_names.contains(&room.name));
            rooms.filter_map(Room::snapshot_if_changed).collect::<Vec<_>>()
        });
        if !snapshots.is_empty() {
            let write = |snapshot: Joined| (snapshot.room.clone(), Some(json::to_string(&snapshot)));
            spawn(indexed_db::save_rooms(snapshots.into_iter().map(write).collect()));
        }
    }

    /// Deletes a room from the cache.
    pub(super) fn delete_cached_room(self, room: RoomName) {
        spawn(indexed_db::save_rooms(vec![(room, None)]));
    }

    /// Clears the cache and the held logs, because they belong to another person.
    pub(super) fn clear_cache(self) {
        spawn(indexed_db::clear_rooms());
        self.rooms.update(|rooms| {
            for room in rooms.all_mut() {
                room.reset_log(None);
                storage::remove_read_position(&room.name);
            }
        });
        self.render();
    }
}
