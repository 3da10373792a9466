//! Going into rooms and leaving them again.

use common::{
    event::{Join, Joined, Leave},
    message::Seq,
    refusal::Refusal,
    room::RoomName,
};
use leptos::prelude::*;

use super::{Chat, rooms::Composing};
use crate::{socket::Failure, state::room::Room, storage, task::spawn};

impl Chat {
    /// Puts a room on the screen, in the place of the one before; the page of the room calls it when
    /// it comes up. The first time it goes into the room.
    pub(crate) fn enter(self, name: RoomName) {
        if self.visit.is_in(&name) {
            return;
        }
        self.leave();
        let (joined, known) = self.rooms.update(|rooms| {
            let room = rooms.enter(&name, storage::read_to(&name));
            (room.joined, room.timeline.is_known())
        });
        self.composing.set(Composing::New);
        self.visit.begin(Some(name.clone()));
        self.visit.changed.about.notify();
        if known {
            self.settle_down(&name);
        }
        self.show(&name);
        if !joined {
            spawn(self.join(name));
        }
    }

    /// Takes the room off the screen; the pages that are no room call it when they come up. We stay
    /// in it, also when its answer is still on the way, unless it does not let us in.
    pub(crate) fn leave(self) {
        let Some(name) = self.visit.room.get_untracked() else { return };
        self.keep_place();
        let me = self.me_or_remembered();
        self.change(&name, |room| room.put_aside(me.as_ref()));
        self.visit.begin(None);
        self.forget_unless_let_in(&name);
        self.list();
    }

    /// Forgets a room that does not let us in and that nobody looks at.
    fn forget_unless_let_in(self, name: &RoomName) {
        let is_closed = self.read(name, |room| room.refused.is_some() && !room.ours);
        if is_closed == Some(true) && !self.visit.is_in(name) {
            self.rooms.update(|rooms| rooms.remove(name));
        }
    }

    /// Leaves a room for good: its seat is free, and it is not ours any more.
    pub(crate) fn leave_for_good(self, name: &RoomName) {
        if self.visit.is_in(name) {
            self.visit.begin(None);
        }
        self.disown(name);
        let leave = Leave { room: name.clone() };
        spawn(async move {
            // Without a connection the server finds out by itself.
            let _ = self.ask(&leave).await;
            self.deliver();
        });
    }

    /// The room is not ours any more, and nothing is kept of it.
    fn disown(self, name: &RoomName) {
        self.rooms.update(|rooms| rooms.remove(name));
        self.changes.update(|changes| changes.forget_room(name));
        storage::forget_room(name);
        self.unshelve(name.clone());
        self.list();
    }

    /// The room's owner has removed us. Whoever was looking at it sees its closed door.
    pub(super) fn removed(self, name: &RoomName) {
        self.disown(name);
        if self.visit.is_in(name) {
            self.rooms.update(|rooms| rooms.enter(name, None).refused = Some(Refusal::Removed));
            self.visit.changed.about.notify();
        }
    }

    /// Asks to be let in again.
    pub(crate) fn try_again(self) {
        if let Some(name) = self.visit.room.get_untracked() {
            spawn(self.join(name));
        }
    }

    /// Goes into all rooms that are ours, first of all into the one that is looked at.
    pub(super) async fn join_all(self) {
        let connection = self.connection();
        let here = self.visit.room.get_untracked();
        let names = self.rooms.with_untracked(|rooms| {
            rooms
                .all()
                .iter()
                .map(|room| room.name.clone())
                .filter(|name| here.as_ref() != Some(name))
                .collect::<Vec<_>>()
        });
        for name in here.into_iter().chain(names) {
            let is_removed = self.read(&name, |room| room.refused) == Some(Some(Refusal::Removed));
            if self.connection() == connection && !is_removed {
                self.join(name).await;
            }
        }
    }

    /// Joins a room, or joins it again after a lost connection.
    pub(super) async fn join(self, name: RoomName) {
        let Some(stay) = self.rooms.with_untracked(|rooms| rooms.stay(&name)) else { return };
        loop {
            let held = self.change(&name, |room| {
                room.roster.expect();
                room.timeline.last()
            });
            let held = held.flatten();
            // The last event that is held is asked for as well: it tells whose log the answer is of.
            let since = held.map(|held| Seq(held.0.saturating_sub(1)));
            let join = Join { since, ..self.planned(&name) };
            let reply = self.ask_patiently(&join, &|| self.goes_on(&stay)).await;
            if !self.goes_on(&stay) {
                if reply.is_ok() && self.read(&name, |_| ()).is_none() {
                    self.mention(&Leave { room: name });
                }
                return;
            }
            match reply {
                Ok(reply) if self.read(&name, |room| room.goes_on_with(held, &reply)) == Some(false) => {
                    self.change(&name, |room| room.forget_log(Some(reply.last)));
                    storage::forget_read(&name);
                }
                Ok(reply) => return self.let_in(name, reply).await,
                Err(Failure::Refused(Refusal::Removed)) => return self.removed(&name),
                Err(Failure::Refused(refusal)) => {
                    self.change(&name, |room| room.refused = Some(refusal));
                    self.forget_unless_let_in(&name);
                    return self.visit.changed.about.notify();
                }
                Err(Failure::Disconnected) => {
                    self.change(&name, |room| room.roster.give_up());
                    return;
                }
            }
        }
    }

    /// The room has let us in.
    async fn let_in(self, name: RoomName, reply: Joined) {
        let was_full = self.read(&name, |room| room.refused) == Some(Some(Refusal::RoomFull));
        self.change(&name, |room| {
            room.let_in(reply);
            room.ours = true;
        });
        self.visit.redraw_mentions();
        if was_full && document().hidden() {
            self.notices.free_seat(&name);
        }
        storage::remember_room(&name);
        if let Some(read) = self.read(&name, |room| room.reading.read).flatten() {
            storage::keep_read(&name, read);
        }
        self.leave_one_too_many(&name);
        self.visit.changed.about.notify();
        self.visit.changed.people.notify();
        self.settle_down(&name);
        self.show(&name);
        self.deliver();
        self.fill(name).await;
    }

    /// Leaves a room in which nothing waits for us, when there are too many.
    fn leave_one_too_many(self, name: &RoomName) {
        let here = self.visit.room.get_untracked().unwrap_or_else(|| name.clone());
        let me = self.me_or_remembered();
        let is_done = |room: &Room| {
            room.name != here
                && room.unread(me.as_ref()).messages == 0
                && storage::draft(&room.name).is_empty()
        };
        if let Some(quietest) = self.rooms.with_untracked(|rooms| rooms.one_too_many(is_done)) {
            self.leave_for_good(&quietest);
        }
    }
}
