//! Navigation in the current room: loading older and newer messages, jumping to a message or to the
//! end, restoring the reading position.

use common::{
    message::Seq,
    protocol::{command::History, event::Event},
    room::RoomName,
};

use super::{Align, Chat, ScrollTarget, requests::history_request};
use crate::{
    state::{room::Room, timeline::Timeline, visible_range::VisibleRange},
    storage,
    task::spawn,
};

/// With fewer hidden rows than this above or below the visible range, another page is requested.
const PREFETCH_ROWS: usize = 90;

impl Chat {
    /// Extends the visible range upwards, and requests older messages ahead of time.
    pub(crate) fn load_older(self) {
        // A reader who follows the end sees the end, however short it is.
        if !self.current_room.follows_end.get_untracked() {
            self.move_visible_range(VisibleRange::move_up);
        }
        if self.current_room.hidden_rows.get_untracked().0 < PREFETCH_ROWS {
            self.load_page(|name, timeline| {
                Some(history_request(name, Some(timeline.older_cursor()?), None))
            });
        }
    }

    /// Extends the visible range downwards, and requests newer messages ahead of time.
    pub(crate) fn load_newer(self) {
        if self.current_room.hidden_rows.get_untracked().1 > 0 {
            self.move_visible_range(VisibleRange::move_down);
        }
        if self.current_room.hidden_rows.get_untracked().1 < PREFETCH_ROWS {
            self.load_page(|name, timeline| {
                Some(history_request(name, None, Some(timeline.newer_cursor()?)))
            });
        }
    }

    /// Requests a page before or after the current segment, unless one is in flight.
    fn load_page(self, next_request: fn(&RoomName, &Timeline) -> Option<History>) {
        let Some(name) = self.current_room.name.get_untracked() else { return };
        let request =
            self.with_room(&name, |room| next_request(&name, &room.timeline).filter(|_| room.is_joined));
        let Some(request) = request.flatten() else { return };
        let Some(generation) = self.begin_request(&name, |in_flight| &mut in_flight.history_page) else {
            return;
        };
        self.current_room.is_loading.set(true);
        spawn(async move {
            if let Some(page) = self.fetch_page(&generation, request).await {
                self.with_room_mut(&name, |room| room.timeline.apply_page(&page));
            }
            self.end_request(&generation, |in_flight| &mut in_flight.history_page);
            if self.current_room.is(&name) {
                self.current_room.is_loading.set(false);
            }
        });
    }

    /// Shows a message of the current room, wherever in the log it is.
    pub(crate) fn jump_to_message(self, seq: Seq) {
        if self.current_room.is_positioned.get_untracked() {
            return spawn(self.scroll_to(ScrollTarget { seq, align: Align::Middle }));
        }
        self.current_room.requested_message.set(Some(seq));
        if let Some(name) = self.current_room.name.get_untracked() {
            self.restore_position(&name);
        }
    }

    /// Shows the unread divider.
    pub(crate) fn jump_to_unread(self) {
        let divider = self
            .current_room
            .name
            .get_untracked()
            .and_then(|name| self.with_room(&name, |room| room.read_state.divider))
            .flatten();
        if let Some(divider) = divider {
            spawn(self.scroll_to(ScrollTarget { seq: divider.next(), align: Align::Top }));
        }
    }

    /// Shows the end, and follows new messages.
    pub(crate) fn jump_to_end(self) {
        let Some(name) = self.current_room.name.get_untracked() else { return };
        self.with_room_mut(&name, |room| {
            room.timeline.jump_to_end();
            room.visible_range.jump_to_end();
        });
        self.current_room.scroll_target.set(None);
        self.current_room.follows_end.set(true);
        self.on_log_changed(&name);
    }

    /// Runs when the reader scrolls to the end of the visible rows or away from it.
    pub(crate) fn set_at_end(self, at_end: bool) {
        let Some(name) = self.current_room.name.get_untracked() else { return };
        let follows_end =
            at_end && self.shows_end() && self.current_room.scroll_target.with_untracked(Option::is_none);
        if follows_end == self.current_room.follows_end.get_untracked() {
            return;
        }
        self.current_room.follows_end.set(follows_end);
        if follows_end {
            self.with_room_mut(&name, |room| room.visible_range.follow_end());
            self.on_log_changed(&name);
        } else {
            self.move_visible_range(|range, entries| {
                range.pin(entries);
                false
            });
        }
    }

    /// Whether the last event of the room is rendered.
    pub(crate) fn shows_end(self) -> bool {
        self.current_room.hidden_rows.get_untracked().1 == 0
            && self.current_room.timeline.with_untracked(Timeline::is_at_end)
    }

    /// Runs when the page gets or loses the focus.
    pub(super) fn set_focused(self, is_focused: bool) {
        if self.is_focused.get_untracked() == is_focused {
            return;
        }
        self.is_focused.set(is_focused);
        self.save_position();
        if let Some(name) = self.current_room.name.get_untracked() {
            self.on_log_changed(&name);
        }
    }

    /// Scrolls to a message, which is fetched if it is not held.
    async fn scroll_to(self, target: ScrollTarget) {
        let Some(name) = self.current_room.name.get_untracked() else { return };
        let holds = |room: &Room, events: fn(&Timeline) -> &[Event]| {
            let events = events(&room.timeline);
            events
                .first()
                .zip(events.last())
                .is_some_and(|(first, last)| (first.seq..=last.seq).contains(&target.seq))
        };
        let is_held = self.with_room_mut(&name, |room| {
            if !holds(room, Timeline::current_events) && holds(room, Timeline::events) {
                room.timeline.jump_to_end();
            }
            holds(room, Timeline::current_events)
        });
        if is_held != Some(true) {
            let Some(generation) = self.begin_request(&name, |in_flight| &mut in_flight.jump) else { return };
            let around =
                History { around: Some(target.seq), limit: Some(100), ..history_request(&name, None, None) };
            let page = self.fetch_page(&generation, around).await;
            if let Some(page) = &page {
                self.with_room_mut(&name, |room| room.timeline.jump_to(page));
                // Before anything is rendered, or the page would follow the end again.
                self.current_room.follows_end.set(false);
            }
            self.current_room.scroll_anchor.set(None);
            self.end_request(&generation, |in_flight| &mut in_flight.jump);
            if page.is_none() || !self.current_room.is(&name) {
                return;
            }
        }
        self.current_room.follows_end.set(false);
        self.current_room.scroll_target.set(Some(target));
        self.move_visible_range(|range, entries| {
            range.center_on(entries, target.seq);
            true
        });
    }

    /// Chooses where to begin reading once the log is loaded: the requested message, the saved
    /// position, the unread divider, or the end. Waits for the join if the cached log does not hold
    /// that message; until then its end is shown.
    pub(super) fn restore_position(self, name: &RoomName) {
        if !self.current_room.is(name) || self.current_room.is_positioned.get_untracked() {
            return;
        }
        let me = self.me_or_cached();
        let divider = self.with_room_mut(name, |room| {
            room.update_divider(me.as_ref());
            room.read_state.divider
        });
        let requested = self
            .current_room
            .requested_message
            .get_untracked()
            .map(|seq| ScrollTarget { seq, align: Align::Middle });
        let saved = || {
            storage::load_scroll_position(name)
                .map(|(seq, offset)| ScrollTarget { seq, align: Align::Offset(offset) })
        };
        let unread =
            || divider.flatten().map(|divider| ScrollTarget { seq: divider.next(), align: Align::Top });
        let target = requested.or_else(saved).or_else(unread);
        let can_show = |room: &Room| {
            let is_held = target.as_ref().is_some_and(|target| room.timeline.find(target.seq).is_some());
            room.is_joined || is_held
        };
        if self.with_room(name, can_show) != Some(true) {
            return;
        }
        self.current_room.is_positioned.set(true);
        // A reader who has scrolled meanwhile stays there.
        if let Some(target) = target.filter(|_| self.current_room.follows_end.get_untracked()) {
            self.current_room.follows_end.set(false);
            spawn(self.scroll_to(target));
        }
    }

    /// Saves the reading position.
    pub(super) fn save_position(self) {
        let Some(name) = self.current_room.name.get_untracked() else { return };
        if self.current_room.is_positioned.get_untracked() {
            let saved = self
                .current_room
                .scroll_anchor
                .get_untracked()
                .filter(|_| !self.current_room.follows_end.get_untracked());
            storage::save_scroll_position(&name, saved);
        }
    }
}
