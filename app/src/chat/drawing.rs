//! Bringing the room on the screen up to date with what is known of it.

use std::sync::atomic::Ordering::Relaxed;

use common::{event::History, message::Seq, person::Person, room::RoomName};
use leptos::prelude::*;

use super::{Chat, Shown, asking::history};
use crate::{
    state::{
        pace::Due,
        room::Room,
        rows::{Item, Row, Scene},
        window::Window,
    },
    storage,
    task::{later, soon, spawn},
    when,
};

impl Chat {
    /// A room's log has changed, or what was read of it: brings everything up to date that follows.
    pub(super) fn show(self, name: &RoomName) {
        self.settle(name);
        let me = self.me_or_remembered();
        let here = self.visit.is_in(name);
        let reads_end = here && self.visit.settled.get_untracked() && self.visit.following.get_untracked();
        let place = self.visit.place.get_untracked().map(|(seq, _)| seq).filter(|_| !reads_end);
        let read = self.change(name, |room| {
            let read = reads_end && self.looking.get_untracked() && room.read_all();
            if !here {
                room.trim_aside(me.as_ref());
            } else if self.visit.settled.get_untracked() {
                room.draw_line(me.as_ref());
                if reads_end || place.is_some() {
                    room.trim(place, me.as_ref());
                }
            }
            room.reading.read.filter(|_| read)
        });
        if let Some(read) = read.flatten() {
            storage::keep_read(name, read);
        }
        if here {
            self.draw();
            self.visit.changed.log.notify();
            self.visit.pace.update(|pace| pace.drawn(when::now()));
        }
        self.list();
        self.shelve();
    }

    /// Shows what others said in the room on the screen, as soon as it is time for that.
    pub(super) fn show_heard(self) {
        match self.visit.pace.with_untracked(|pace| pace.due(when::now())) {
            Due::Nothing => {}
            Due::Now => self.show_here(),
            Due::In(wait) => soon(&self.visit.waiting, wait, move || self.show_heard()),
        }
    }

    /// A letter was written. Right after its paint is the best time to draw what others say: then
    /// the next letter does not wait for it.
    pub(crate) fn letter_written(self) {
        self.visit.pace.update(|pace| pace.written(when::now()));
        after_paint(move || {
            if self.visit.pace.with_untracked(|pace| pace.is_due_after_letter(when::now())) {
                self.show_here();
            }
        });
    }

    fn show_here(self) {
        if let Some(name) = self.visit.room.get_untracked() {
            self.show(&name);
        }
    }

    /// Brings the lines on the screen up to date.
    pub(super) fn draw(self) {
        let Some(name) = self.visit.room.get_untracked() else { return };
        let me = self.me_or_remembered();
        self.visit.show(|day_of| {
            self.with_scene(&name, me.as_ref(), |room, scene| scene.draw(&room.window, day_of))
                .unwrap_or_default()
        });
        self.look_up_quotes(&name);
        self.draw_more(&name);
    }

    /// Draws more of the end, a little at a time, once what was drawn is painted.
    fn draw_more(self, name: &RoomName) {
        let is_more = self.visit.beyond.get_untracked().0 > 0
            && self.read(name, |room| room.window.is_opening()) == Some(true);
        if is_more && !self.visit.opening.swap(true, Relaxed) {
            after_paint(move || {
                self.visit.opening.store(false, Relaxed);
                self.move_window(Window::open);
            });
        }
    }

    /// Moves the window of the room on the screen, and draws it where `change` says so.
    pub(super) fn move_window(self, change: impl FnOnce(&mut Window, &[Item<'_>]) -> bool) {
        let Some(name) = self.visit.room.get_untracked() else { return };
        let me = self.me_or_remembered();
        let moved = self.with_scene(&name, me.as_ref(), |room, scene| {
            let mut window = room.window.clone();
            (change(&mut window, &scene.items()), window)
        });
        let Some((moved, window)) = moved else { return };
        self.change(&name, |room| room.window = window);
        if moved {
            self.draw();
        }
    }

    fn with_scene<T>(
        self,
        name: &RoomName,
        me: Option<&Person>,
        look: impl FnOnce(&Room, &Scene<'_>) -> T,
    ) -> Option<T> {
        self.read(name, |room| {
            self.outbox.with_untracked(|outbox| {
                self.changes.with_untracked(|changes| look(room, &room.scene(outbox, changes, me)))
            })
        })
    }

    /// Looks up a message that is quoted on the screen and not held, one after the other.
    fn look_up_quotes(self, name: &RoomName) {
        let is_new = |seq: &Seq| {
            self.read(name, |room| room.joined && !room.quoted.iter().any(|(quoted, _)| quoted == seq))
                == Some(true)
        };
        let unknown = |row: &Row| {
            let quote = row.reply.as_ref().filter(|quote| quote.who.is_none())?;
            Some(quote.seq).filter(is_new)
        };
        let unknown = self.visit.shown.with_untracked(|shown| {
            shown.iter().find_map(|shown| match shown {
                Shown::Message(_, row) => row.with_untracked(unknown),
                Shown::Note(_) => None,
            })
        });
        let Some(seq) = unknown else { return };
        let Some(stay) = self.begin_asking(name, |underway| &mut underway.quoting) else { return };
        let around = History { around: Some(seq), limit: Some(1), ..history(name, None, None) };
        let name = name.clone();
        spawn(async move {
            let page = self.page(&stay, around).await;
            let is_answered = page.is_some();
            self.change(&name, |room| {
                room.underway.quoting = false;
                if let Some(page) = page {
                    room.looked_up(seq, page.events.into_iter().find(|event| event.seq == seq));
                }
            });
            if is_answered && self.visit.is_in(&name) {
                self.draw();
            }
        });
    }
}

/// Does something once the page is painted as it is now.
fn after_paint(act: impl FnOnce() + 'static) {
    request_animation_frame(move || later(0, act));
}
