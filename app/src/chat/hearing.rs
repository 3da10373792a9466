//! What the rooms tell, and catching up with what was missed.

use common::{
    event::{Event, Push, What},
    room::RoomName,
};
use leptos::prelude::*;

use super::{Chat, asking::history};
use crate::{
    state::{announcer::Announcer, typing::Typing},
    task::{later, spawn},
    when,
};

/// How many pages of what was missed are shown together.
const PAGES_AT_ONCE: u32 = 5;

impl Chat {
    /// Takes in what is told about a room, if we are in it.
    pub(crate) fn hear_room(self, push: Push) {
        let name = push.room().clone();
        let here = self.visit.is_in(&name);
        match push {
            Push::Event(told) => {
                let is_news = self.read(&name, |room| room.timeline.last() < Some(told.event.seq));
                let is_own = self.me_untracked().is_none_or(|me| me.id == told.event.person.id);
                self.change(&name, |room| room.hear(told.event.clone()));
                if here {
                    self.visit.changed.typing.notify();
                    if matches!(told.event.what, What::RoomChanged { .. }) {
                        self.visit.changed.about.notify();
                    }
                    if is_news == Some(true) && !is_own {
                        self.announce(told.event);
                    }
                }
                if here && !is_own {
                    self.visit.pace.update(|pace| pace.heard(when::now()));
                    self.show_heard();
                } else {
                    self.show(&name);
                }
            }
            Push::Presence(told) => {
                let me = self.me_or_remembered().map(|me| me.id);
                self.change(&name, |room| room.hear_presence(told, me));
                if here {
                    self.visit.changed.people.notify();
                    self.draw();
                }
            }
            Push::Heartbeat(told) => {
                self.change(&name, |room| room.timeline.heartbeat(told.last));
            }
            Push::Typing(told) => {
                self.change(&name, |room| room.typing.heard(told.person, when::now()));
                self.typing_changed(&name);
                later(Typing::LASTS, move || {
                    self.change(&name, |room| room.typing.forget(when::now()));
                    self.typing_changed(&name);
                });
                return;
            }
            Push::Seat(_) if here => self.try_again(),
            Push::Seat(_) => {}
            Push::Removed(_) => self.removed(&name),
        }
        if self.read(&name, |room| room.timeline.missing()).flatten().is_some() {
            spawn(self.fill(name));
        }
    }

    /// Lets readers aloud know what somebody else said.
    fn announce(self, event: Event) {
        if self.visit.announcer.update(|announcer| announcer.hear(event)) {
            self.speak();
        }
    }

    fn speak(self) {
        let announcement = self.visit.announcer.update(Announcer::next);
        if announcement.is_some() {
            later(Announcer::REST, move || self.speak());
        }
        self.visit.announced.set(announcement);
    }

    fn typing_changed(self, name: &RoomName) {
        if self.visit.is_in(name) {
            self.visit.changed.typing.notify();
        }
        self.list();
    }

    /// Asks for whatever is missing after what we hold, until nothing is.
    pub(super) async fn fill(self, name: RoomName) {
        let missing = || self.read(&name, |room| room.timeline.missing()).flatten();
        if missing().is_none() {
            return;
        }
        let Some(stay) = self.begin_asking(&name, |underway| &mut underway.filling) else { return };
        for pages in 1.. {
            let Some(after) = missing() else { break };
            let Some(page) = self.page(&stay, history(&name, None, Some(after))).await else { break };
            self.change(&name, |room| room.timeline.page(&page));
            let now = missing();
            if pages % PAGES_AT_ONCE == 0 && now.is_some() {
                self.show(&name);
            }
            // The server does not have what it has spoken of; the next heartbeat asks again.
            if now == Some(after) {
                break;
            }
        }
        self.end_asking(&stay, |underway| &mut underway.filling);
    }
}
