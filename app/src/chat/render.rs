//! Renders the current room from its state.

use std::sync::atomic::Ordering::Relaxed;

use common::{message::Seq, person::Person, protocol::command::History, room::RoomName};
use leptos::prelude::*;

use super::{Chat, RenderedRow, requests::history_request};
use crate::{
    state::{
        entry::Entry,
        render_throttle::NextRender,
        room::Room,
        view_model::{MessageRow, ViewInput},
        visible_range::VisibleRange,
    },
    storage,
    task::{run_after, schedule_once, spawn},
    time_format,
};

impl Chat {
    /// Runs after every change of a room's log or read position: confirms pending messages, trims
    /// the log, updates the read position and the divider, and renders.
    pub(super) fn on_log_changed(self, name: &RoomName) {
        self.confirm_from_log(name);
        let me = self.me_or_cached();
        let is_current = self.current_room.is(name);
        let is_reading_end = is_current
            && self.current_room.is_positioned.get_untracked()
            && self.current_room.follows_end.get_untracked();
        let anchor =
            self.current_room.scroll_anchor.get_untracked().map(|(seq, _)| seq).filter(|_| !is_reading_end);
        let last_read = self.with_room_mut(name, |room| {
            let has_answered = room.mark_answered_read(me.as_ref());
            let is_reading = is_reading_end && self.is_focused.get_untracked();
            let has_read = (is_reading && room.mark_all_read()) || has_answered;
            if !is_current {
                room.trim_to_background(me.as_ref());
            } else if self.current_room.is_positioned.get_untracked() {
                room.update_divider(me.as_ref());
                if is_reading_end || anchor.is_some() {
                    room.trim(anchor, me.as_ref());
                }
            }
            room.read_state.last_read.filter(|_| has_read)
        });
        if let Some(last_read) = last_read.flatten() {
            storage::save_read_position(name, last_read);
        }
        if is_current {
            self.render();
            self.current_room.triggers.log.notify();
            self.current_room.render_throttle.update(|throttle| throttle.on_render(time_format::now()));
        }
        self.schedule_list();
        self.schedule_cache_write();
    }

    /// Renders messages of others now, or later if the throttle says so.
    pub(super) fn render_incoming(self) {
        match self
            .current_room
            .render_throttle
            .with_untracked(|throttle| throttle.next_render(time_format::now()))
        {
            NextRender::None => {}
            NextRender::Now => self.render_now(),
            NextRender::After(wait) => {
                schedule_once(&self.current_room.render_scheduled, wait, move || self.render_incoming());
            }
        }
    }

    /// Runs on every keystroke. Right after its paint is the best time to render messages of
    /// others, because the next keystroke does not wait for it.
    pub(crate) fn on_keystroke(self) {
        self.current_room.render_throttle.update(|throttle| throttle.on_keystroke(time_format::now()));
        after_paint(move || {
            if self
                .current_room
                .render_throttle
                .with_untracked(|throttle| throttle.is_due_after_keystroke(time_format::now()))
            {
                self.render_now();
            }
        });
    }

    fn render_now(self) {
        if let Some(name) = self.current_room.name.get_untracked() {
            self.on_log_changed(&name);
        }
    }

    /// Renders the visible rows of the current room.
    pub(super) fn render(self) {
        let Some(name) = self.current_room.name.get_untracked() else { return };
        let me = self.me_or_cached();
        self.current_room.render(|day_of| {
            self.with_view_input(&name, me.as_ref(), |room, input| input.render(&room.visible_range, day_of))
                .unwrap_or_default()
        });
        self.fetch_quotes(&name);
        self.expand_tail(&name);
    }

    /// Renders more of the tail, step by step, after each paint.
    fn expand_tail(self, name: &RoomName) {
        let has_more = self.current_room.hidden_rows.get_untracked().0 > 0
            && self.with_room(name, |room| room.visible_range.is_expanding()) == Some(true);
        if has_more && !self.current_room.expand_scheduled.swap(true, Relaxed) {
            after_paint(move || {
                self.current_room.expand_scheduled.store(false, Relaxed);
                self.move_visible_range(VisibleRange::expand);
            });
        }
    }

    /// Changes the visible range with `move_range`, and renders if that returns true.
    pub(super) fn move_visible_range(self, move_range: impl FnOnce(&mut VisibleRange, &[Entry<'_>]) -> bool) {
        let Some(name) = self.current_room.name.get_untracked() else { return };
        let me = self.me_or_cached();
        let moved = self.with_view_input(&name, me.as_ref(), |room, input| {
            let mut range = room.visible_range.clone();
            (move_range(&mut range, &input.entries()), range)
        });
        let Some((moved, range)) = moved else { return };
        self.with_room_mut(&name, |room| room.visible_range = range);
        if moved {
            self.render();
        }
    }

    fn with_view_input<T>(
        self,
        name: &RoomName,
        me: Option<&Person>,
        compute: impl FnOnce(&Room, &ViewInput<'_>) -> T,
    ) -> Option<T> {
        self.with_room(name, |room| {
            self.outbox.with_untracked(|outbox| {
                self.pending_edits.with_untracked(|edits| compute(room, &room.view_input(outbox, edits, me)))
            })
        })
    }

    /// Fetches quoted messages that are visible and not held, one at a time.
    fn fetch_quotes(self, name: &RoomName) {
        let is_new = |seq: &Seq| {
            self.with_room(name, |room| {
                room.is_joined && !room.quoted_messages.iter().any(|(quoted, _)| quoted == seq)
            }) == Some(true)
        };
        let unknown = |row: &MessageRow| {
            let quote = row.quote.as_ref().filter(|quote| quote.author.is_none())?;
            Some(quote.seq).filter(is_new)
        };
        let unknown = self.current_room.rows.with_untracked(|rows| {
            rows.iter().find_map(|row| match row {
                RenderedRow::Message(_, row) => row.with_untracked(unknown),
                RenderedRow::System(_) => None,
            })
        });
        let Some(seq) = unknown else { return };
        let Some(generation) = self.begin_request(name, |in_flight| &mut in_flight.quote) else { return };
        let around = History { around: Some(seq), limit: Some(1), ..history_request(name, None, None) };
        let name = name.clone();
        spawn(async move {
            let page = self.fetch_page(&generation, around).await;
            let is_answered = page.is_some();
            self.with_room_mut(&name, |room| {
                room.in_flight.quote = false;
                if let Some(page) = page {
                    room.add_quoted(seq, page.events.into_iter().find(|event| event.seq == seq));
                }
            });
            if is_answered && self.current_room.is(&name) {
                self.render();
            }
        });
    }
}

/// Runs `act` after the next paint.
fn after_paint(act: impl FnOnce() + 'static) {
    request_animation_frame(move || run_after(0, act));
}
