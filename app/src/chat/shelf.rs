//! What is kept of one's rooms in this browser: a page that starts shows it before it has a
//! connection, and without one.
//!
//! It is written a while after something has changed, and when the page goes out of sight. Whatever
//! is found on it is caught up with like after a lost connection: what the server says goes before it.

use std::sync::atomic::Ordering::Relaxed;

use common::{event::Joined, json, room::RoomName};
use leptos::prelude::Notify;

use super::Chat;
use crate::{
    indexed_db,
    state::room::Room,
    storage,
    task::{soon, spawn},
};

/// How long changes are gathered before they are written, in ms.
const WRITE_AFTER: u32 = 5_000;

impl Chat {
    /// Shows what earlier visits have left, in rooms that have not said more meanwhile.
    pub(super) async fn open_shelf(self) {
        let me = storage::me();
        let kept = indexed_db::rooms().await.unwrap_or_default();
        self.listing.store(false, Relaxed);
        self.list();
        if storage::me().map(|me| me.id) != me.map(|me| me.id) {
            return;
        }
        for kept in kept.iter().filter_map(|kept| json::read::<Joined>(kept).ok()) {
            let name = kept.room.clone();
            match self.change(&name, |room| room.recall(kept)) {
                Some(true) => self.recalled(&name),
                Some(false) => {}
                None => self.unshelve(name),
            }
        }
    }

    fn recalled(self, name: &RoomName) {
        if self.visit.is_in(name) {
            self.visit.changed.about.notify();
            self.settle_down(name);
        }
        self.show(name);
    }

    /// Writes in a while what is new in our rooms.
    pub(super) fn shelve(self) {
        soon(&self.0.shelving, WRITE_AFTER, move || self.shelve_now());
    }

    pub(super) fn shelve_now(self) {
        // Another window may have left a room, or have become somebody else.
        if self.me_or_remembered().map(|me| me.id) != storage::me().map(|me| me.id) {
            return;
        }
        let ours = storage::rooms();
        let news = self.rooms.update(|rooms| {
            let rooms = rooms.all_mut().iter_mut().filter(|room| ours.contains(&room.name));
            rooms.filter_map(Room::news).collect::<Vec<_>>()
        });
        if !news.is_empty() {
            let write = |news: Joined| (news.room.clone(), Some(json::write(&news)));
            spawn(indexed_db::keep_rooms(news.into_iter().map(write).collect()));
        }
    }

    /// Keeps nothing of this room any more.
    pub(super) fn unshelve(self, room: RoomName) {
        spawn(indexed_db::keep_rooms(vec![(room, None)]));
    }

    /// Keeps nothing of any room any more, and forgets what is held of them: it was somebody else's.
    pub(super) fn clear_shelf(self) {
        spawn(indexed_db::forget_rooms());
        self.rooms.update(|rooms| {
            for room in rooms.all_mut() {
                room.forget_log(None);
                storage::forget_read(&room.name);
            }
        });
        self.draw();
    }
}
