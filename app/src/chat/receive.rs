//! Handles pushes about rooms, and fills gaps in their logs.

use common::{
    protocol::{
        event::{Event, EventKind},
        push::Push,
    },
    room::RoomName,
};
use leptos::prelude::*;

use super::{Chat, requests::history_request};
use crate::{
    state::{live_region::LiveRegion, typing::Typing},
    task::{run_after, spawn},
    time_format,
};

/// How many pages of a gap are fetched between two renders.
const PAGES_PER_RENDER: u32 = 5;

impl Chat {
    /// Applies a push to its room, if the room is held.
    pub(crate) fn apply_room_push(self, push: Push) {
        let name = push.room().clone();
        let is_current = self.current_room.is(&name);
        match push {
            Push::Event(update) => {
                let is_new = self.with_room(&name, |room| room.timeline.last() < Some(update.event.seq));
                let is_own = self.me_untracked().is_none_or(|me| me.id == update.event.person.id);
                self.with_room_mut(&name, |room| room.apply_event(update.event.clone()));
                if is_current {
                    self.current_room.triggers.typing.notify();
                    if matches!(update.event.kind, EventKind::RoomChanged { .. }) {
                        self.current_room.triggers.info.notify();
                    }
                    if is_new == Some(true) && !is_own {
                        self.announce(update.event);
                    }
                }
                if is_current && !is_own {
                    self.current_room
                        .render_throttle
                        .update(|throttle| throttle.on_incoming(time_format::now()));
                    self.render_incoming();
                } else {
                    self.on_log_changed(&name);
                }
            }
            Push::Presence(update) => {
                let me = self.me_or_cached().map(|me| me.id);
                self.with_room_mut(&name, |room| room.apply_presence(update, me));
                if is_current {
                    self.current_room.triggers.people.notify();
                    self.render();
                }
            }
            Push::Heartbeat(update) => {
                self.with_room_mut(&name, |room| room.timeline.apply_heartbeat(update.last));
            }
            Push::Typing(update) => {
                self.with_room_mut(&name, |room| room.typing.started(update.person, time_format::now()));
                self.on_typing_changed(&name);
                run_after(Typing::TIMEOUT, move || {
                    self.with_room_mut(&name, |room| room.typing.expire(time_format::now()));
                    self.on_typing_changed(&name);
                });
                return;
            }
            Push::SeatAvailable(_) => {
                // The room may have been asked for by another name that looks the same.
                let current = self.current_room.name.get_untracked();
                if current.is_some_and(|current| current.key() == name.key()) {
                    self.retry_join();
                }
            }
            Push::Kicked(push) => self.on_kicked(&name, push.refusal()),
        }
        if self.with_room(&name, |room| room.timeline.gap_cursor()).flatten().is_some() {
            spawn(self.fill_gap(name));
        }
    }

    /// Announces a message of somebody else to screen readers.
    fn announce(self, event: Event) {
        if self.current_room.live_region.update(|region| region.push(event)) {
            self.announce_next();
        }
    }

    fn announce_next(self) {
        let announcement = self.current_room.live_region.update(LiveRegion::next_announcement);
        if announcement.is_some() {
            run_after(LiveRegion::INTERVAL, move || self.announce_next());
        }
        self.current_room.announcement.set(announcement);
    }

    fn on_typing_changed(self, name: &RoomName) {
        if self.current_room.is(name) {
            self.current_room.triggers.typing.notify();
        }
        self.schedule_list();
    }

    /// Fetches the missing events after the held ones, page by page.
    pub(super) async fn fill_gap(self, name: RoomName) {
        let missing = || self.with_room(&name, |room| room.timeline.gap_cursor()).flatten();
        if missing().is_none() {
            return;
        }
        let Some(generation) = self.begin_request(&name, |in_flight| &mut in_flight.gap_fill) else { return };
        for pages in 1.. {
            let Some(after) = missing() else { break };
            let Some(page) = self.fetch_page(&generation, history_request(&name, None, Some(after))).await
            else {
                break;
            };
            self.with_room_mut(&name, |room| room.timeline.apply_page(&page));
            let now = missing();
            if pages % PAGES_PER_RENDER == 0 && now.is_some() {
                self.on_log_changed(&name);
            }
            // The server does not have the event it announced; the next heartbeat triggers another
            // request.
            if now == Some(after) {
                break;
            }
        }
        self.end_request(&generation, |in_flight| &mut in_flight.gap_fill);
    }
}
