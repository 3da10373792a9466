//! Opens, joins and leaves rooms.

use common::{
    message::Seq,
    protocol::{
        command::{Join, Leave},
        reply::Joined,
    },
    refusal::Refusal,
    room::RoomName,
};
use leptos::prelude::*;

use super::Chat;
use crate::{
    socket::RequestError,
    state::{composer_mode::ComposerMode, room::Room},
    storage,
    task::spawn,
};

impl Chat {
    /// Shows a room in place of the current one, and joins it if needed. Called by the room's page.
    pub(crate) fn open_room(self, name: RoomName) {
        if self.current_room.is(&name) {
            return;
        }
        self.close_room();
        let (is_joined, is_loaded) = self.rooms.update(|rooms| {
            let room = rooms.get_or_insert(&name, storage::load_read_position(&name));
            (room.is_joined, room.timeline.is_loaded())
        });
        self.composer_mode.set(ComposerMode::New);
        self.current_room.reset(Some(name.clone()));
        self.current_room.triggers.info.notify();
        if is_loaded {
            self.restore_position(&name);
        }
        self.on_log_changed(&name);
        if !is_joined {
            spawn(self.join(name));
        }
    }

    /// Shows no room. Called by pages without a room. The room stays joined, unless the join was
    /// refused.
    pub(crate) fn close_room(self) {
        let Some(name) = self.current_room.name.get_untracked() else { return };
        self.save_position();
        let me = self.me_or_cached();
        self.with_room_mut(&name, |room| room.move_to_background(me.as_ref()));
        self.current_room.reset(None);
        self.forget_if_refused(&name);
        self.schedule_list();
    }

    /// Forgets a room whose join was refused and that is not shown.
    fn forget_if_refused(self, name: &RoomName) {
        let is_refused = self.with_room(name, |room| room.join_refusal.is_some() && !room.is_mine);
        if is_refused == Some(true) && !self.current_room.is(name) {
            self.rooms.update(|rooms| rooms.remove(name));
        }
    }

    /// Leaves a room for good: frees the seat and removes the room from the list.
    pub(crate) fn leave_room(self, name: &RoomName) {
        if self.current_room.is(name) {
            self.current_room.reset(None);
        }
        self.forget_room(name);
        let leave = Leave { room: name.clone() };
        spawn(async move {
            // Without a connection the server notices by itself.
            let _ = self.request(&leave).await;
            self.send_pending();
        });
    }

    /// Removes a room from the list and deletes everything stored about it.
    fn forget_room(self, name: &RoomName) {
        self.rooms.update(|rooms| rooms.remove(name));
        self.pending_edits.update(|edits| edits.forget_room(name));
        storage::remove_room(name);
        self.delete_cached_room(name.clone());
        self.schedule_list();
    }

    /// Runs when the owner kicks this person, or the room is deleted. If the room is shown, it shows the
    /// refusal.
    pub(super) fn on_kicked(self, name: &RoomName, refusal: Refusal) {
        self.forget_room(name);
        if self.current_room.is(name) {
            self.rooms.update(|rooms| rooms.get_or_insert(name, None).join_refusal = Some(refusal));
            self.current_room.triggers.info.notify();
        }
    }

    /// Tries to join the current room again.
    pub(crate) fn retry_join(self) {
        let Some(name) = self.current_room.name.get_untracked() else { return };
        if self.with_room(&name, |room| room.join_refusal).flatten() == Some(Refusal::RoomDeleted) {
            // Decided: without a connection, the next one makes the room.
            self.with_room_mut(&name, |room| room.join_refusal = None);
            self.current_room.triggers.info.notify();
        }
        spawn(self.join(name));
    }

    /// Joins all held rooms, the current one first.
    pub(super) async fn join_all(self) {
        let generation = self.generation();
        let current = self.current_room.name.get_untracked();
        let names = self.rooms.with_untracked(|rooms| {
            rooms
                .all()
                .iter()
                .map(|room| room.name.clone())
                .filter(|name| current.as_ref() != Some(name))
                .collect::<Vec<_>>()
        });
        for name in current.into_iter().chain(names) {
            let refusal = self.with_room(&name, |room| room.join_refusal).flatten();
            // Joining a deleted room would make it anew.
            let is_shut_out = matches!(refusal, Some(Refusal::Banned | Refusal::RoomDeleted));
            if self.generation() == generation && !is_shut_out {
                self.join(name).await;
            }
        }
    }

    /// Joins a room, for the first time or on a new connection.
    pub(super) async fn join(self, name: RoomName) {
        let Some(generation) = self.rooms.with_untracked(|rooms| rooms.generation_of(&name)) else { return };
        loop {
            let last_held = self.with_room_mut(&name, |room| {
                room.roster.begin_join();
                room.timeline.last()
            });
            let last_held = last_held.flatten();
            // Requests the last held event again, to see whether the server's log is still the same
            // one.
            let since = last_held.map(|last_held| Seq(last_held.0.saturating_sub(1)));
            let join = Join { since, ..self.join_request(&name) };
            let reply = self.request_with_retry(&join, &|| self.is_current(&generation)).await;
            if !self.is_current(&generation) {
                if let Ok(reply) = reply
                    && self.with_room(&reply.room, |_| ()).is_none()
                {
                    self.fire_and_forget(&Leave { room: reply.room });
                }
                return;
            }
            match reply {
                Ok(reply) if reply.room != name => return self.move_to(&name, &reply.room),
                Ok(reply)
                    if self.with_room(&name, |room| room.continues_log(last_held, &reply)) == Some(false) =>
                {
                    self.with_room_mut(&name, |room| room.reset_log(Some(reply.last)));
                    storage::remove_read_position(&name);
                }
                Ok(reply) => return self.on_joined(name, reply).await,
                Err(RequestError::Refused(Refusal::Banned)) => return self.on_kicked(&name, Refusal::Banned),
                Err(RequestError::Refused(refusal)) => {
                    self.with_room_mut(&name, |room| room.join_refusal = Some(refusal));
                    self.forget_if_refused(&name);
                    return self.current_room.triggers.info.notify();
                }
                Err(RequestError::Disconnected) => {
                    self.with_room_mut(&name, |room| room.roster.cancel_join());
                    return;
                }
            }
        }
    }

    /// The server has entered the room of another name that looks the same: goes on in that one.
    fn move_to(self, name: &RoomName, actual: &RoomName) {
        let draft = storage::load_draft(name);
        if storage::load_draft(actual).is_empty() {
            storage::save_draft(actual, &draft);
        }
        let was_current = self.current_room.is(name);
        self.forget_room(name);
        storage::add_room(actual);
        if was_current {
            // The page follows, and opens the room.
            self.current_room.actual_name.set(Some(actual.clone()));
        } else if self.with_room(actual, |_| ()).is_none() {
            self.rooms.update(|rooms| {
                rooms.get_or_insert(actual, storage::load_read_position(actual));
            });
            spawn(self.join(actual.clone()));
        }
        // Messages written under the other name.
        self.send_pending();
    }

    /// Applies a successful join.
    async fn on_joined(self, name: RoomName, reply: Joined) {
        let was_full = self.with_room(&name, |room| room.join_refusal) == Some(Some(Refusal::RoomFull));
        self.with_room_mut(&name, |room| {
            room.apply_join(reply);
            room.is_mine = true;
        });
        self.current_room.rerender_mentions();
        if was_full && document().hidden() {
            self.notifications.notify_free_seat(&name);
        }
        storage::add_room(&name);
        if let Some(read) = self.with_room(&name, |room| room.read_state.last_read).flatten() {
            storage::save_read_position(&name, read);
        }
        self.leave_excess_room(&name);
        self.current_room.triggers.info.notify();
        self.current_room.triggers.people.notify();
        self.restore_position(&name);
        self.on_log_changed(&name);
        self.send_pending();
        self.fill_gap(name).await;
    }

    /// Leaves the quietest room without unread messages and without a draft, when there are too
    /// many rooms.
    fn leave_excess_room(self, name: &RoomName) {
        let current = self.current_room.name.get_untracked().unwrap_or_else(|| name.clone());
        let me = self.me_or_cached();
        let can_evict = |room: &Room| {
            room.name != current
                && room.unread(me.as_ref()).messages == 0
                && storage::load_draft(&room.name).is_empty()
        };
        if let Some(to_leave) = self.rooms.with_untracked(|rooms| rooms.room_to_evict(can_evict)) {
            self.leave_room(&to_leave);
        }
    }
}
