//! The scroll position of the timeline: it follows the end, or keeps the visible rows in place.
//!
//! The browser's scroll anchoring is switched off: Safari has none, and two would conflict. Each scroll
//! event stores an anchor: the first visible row and its position in the list. When rows are inserted
//! or removed, or anything is resized, the position is restored before the next paint: the end if the
//! timeline follows it, else the anchor. Near either edge, `chat` is asked to render or load more rows.

use common::message::Seq;
use leptos::prelude::*;
use wasm_bindgen::{JsCast, prelude::Closure};
use web_sys::{Element, HtmlCollection, MutationObserver, MutationObserverInit, ResizeObserver};

use crate::{
    chat::{Align, Chat, ScrollTarget},
    view::{ElementRef, effect},
};

/// Closer to the end than this counts as at the end, in pixels.
const AT_END_DISTANCE: i32 = 100;

/// Closer to the first or last rendered row than this, more rows are loaded, in pixels.
const LOAD_MORE_DISTANCE: i32 = 1_500;

/// Marks the message that was jumped to.
const HIGHLIGHT: &str = "data-highlight";

#[derive(Clone, Copy)]
pub(crate) struct Scroll {
    pub(crate) scroller: ElementRef,
    chat: Chat,
    /// The first visible row and its position in the list.
    anchor: StoredValue<Option<(f64, Element)>, LocalStorage>,
}

/// Observers of size and row changes, disconnected with the component.
struct Observers {
    resize_observer: ResizeObserver,
    list_observer: MutationObserver,
    _callback: Closure<dyn Fn()>,
}

impl Scroll {
    pub(crate) fn new(chat: Chat) -> Scroll {
        let scroll = Scroll { scroller: ElementRef::new(), chat, anchor: StoredValue::new_local(None) };
        let observers = StoredValue::new_local(None::<Observers>);
        scroll.scroller.on_load(move |scroller: Element| {
            observers.set_value(scroll.observe(&scroller));
        });
        // Loaded rows may be needed by a user who waits at the edge without scrolling.
        effect(move || {
            chat.current_room.hidden_rows.track();
            request_animation_frame(move || scroll.load_more_near_edge());
        });
        // If the target is rendered already, no row changes and no observer fires.
        effect(move || {
            if chat.current_room.scroll_target.with(Option::is_some) {
                request_animation_frame(move || scroll.restore_position());
            }
        });
        on_cleanup(move || {
            observers.try_update_value(|observers| {
                if let Some(Observers { resize_observer, list_observer, .. }) = observers.take() {
                    resize_observer.disconnect();
                    list_observer.disconnect();
                }
            });
        });
        scroll
    }

    /// Called on scroll events, which run before the ResizeObserver callbacks of the same frame: so it
    /// restores the anchor first.
    pub(crate) fn on_scroll(self) {
        let Some(scroller) = self.scroller.get::<Element>() else { return };
        self.hold_anchor(&scroller);
        self.record_position(&scroller);
    }

    /// Called when the user has expanded a visible message, which must not move.
    pub(crate) fn update_anchor(self) {
        if let Some(scroller) = self.scroller.get::<Element>() {
            self.record_position(&scroller);
        }
    }

    /// Stores the new scroll position.
    fn record_position(self, scroller: &Element) {
        self.chat.set_at_end(distance_to_end(scroller) <= AT_END_DISTANCE);
        let row = first_visible_row(scroller);
        let position =
            row.as_ref().and_then(|row| Some((seq(row)?, bottom_in_scroller(row, scroller).round() as i32)));
        self.chat.current_room.scroll_anchor.set(position);
        self.anchor.set_value(row.map(|row| (bottom_in_list(&row), row)));
        if let Some(divider) = scroller.get_elements_by_class_name("unread-divider").item(0) {
            let bottom = bottom_in_scroller(&divider, scroller);
            let is_visible = (0.0..f64::from(scroller.client_height())).contains(&bottom);
            if bottom < 0.0 || (is_visible && self.chat.is_focused.get_untracked()) {
                self.chat.current_room.on_divider_seen(is_visible);
            }
        }
        self.load_more_near_edge();
    }

    /// Loads more rows if an edge is near.
    fn load_more_near_edge(self) {
        let Some(scroller) = self.scroller.get::<Element>() else { return };
        if scroller.scroll_top() < LOAD_MORE_DISTANCE {
            self.chat.load_older();
        }
        if distance_to_end(&scroller) < LOAD_MORE_DISTANCE {
            self.chat.load_newer();
        }
    }

    /// Scrolls to the end and follows it.
    pub(crate) fn jump_to_end(self) {
        self.chat.jump_to_end();
        self.scroll_to_end();
    }

    fn observe(self, scroller: &Element) -> Option<Observers> {
        let callback = Closure::<dyn Fn()>::new(move || self.restore_position());
        let resize_observer = ResizeObserver::new(callback.as_ref().unchecked_ref()).ok()?;
        let list_observer = MutationObserver::new(callback.as_ref().unchecked_ref()).ok()?;
        resize_observer.observe(scroller);
        if let Some(list) = scroller.last_element_child() {
            resize_observer.observe(&list);
            let init = MutationObserverInit::new();
            init.set_child_list(true);
            // Fails only if nothing is observed.
            let _ = list_observer.observe_with_options(&list, &init);
        }
        Some(Observers { resize_observer, list_observer, _callback: callback })
    }

    /// Called when rows or sizes have changed: scrolls to the target, the end, or back to the anchor.
    fn restore_position(self) {
        let Some(scroller) = self.scroller.get::<Element>() else { return };
        let current_room = self.chat.current_room;
        if let Some(target) = current_room.scroll_target.get_untracked() {
            if scroll_to_target(target, &scroller, self.chat.shows_end()) {
                current_room.scroll_target.set(None);
                self.record_position(&scroller);
            }
            return;
        }
        if current_room.follows_end.get_untracked() {
            return self.scroll_to_end();
        }
        self.hold_anchor(&scroller);
    }

    /// Scrolls by as much as the height above the anchor has changed.
    fn hold_anchor(self, scroller: &Element) {
        self.anchor.update_value(|anchor| {
            if let Some((before, row)) = anchor.as_mut().filter(|(_, row)| row.is_connected()) {
                let by = (bottom_in_list(row) - *before).round();
                scroll_by(scroller, by);
                *before += by;
            }
        });
    }

    fn scroll_to_end(self) {
        // Without an anchor, rows removed at the top do not move the position at the end.
        self.anchor.set_value(None);
        if let Some(scroller) = self.scroller.get::<Element>() {
            scroller.set_scroll_top(scroller.scroll_height());
        }
    }
}

/// Scrolls to the target; `false` if it is not rendered yet. A `seq` beyond the end means the last
/// message.
fn scroll_to_target(target: ScrollTarget, scroller: &Element, shows_end: bool) -> bool {
    let rows = scroller.get_elements_by_class_name("message");
    let mut numbered = (0..rows.length()).filter_map(|index| rows.item(index));
    let found = numbered.find(|row| seq(row).is_some_and(|seq| seq >= target.seq));
    let last = || rows.item(rows.length().checked_sub(1).filter(|_| shows_end)?);
    let Some(row) = found.or_else(last) else {
        return false;
    };
    let top = |element: &Element| {
        element.get_bounding_client_rect().top() - scroller.get_bounding_client_rect().top()
    };
    let height = f64::from(scroller.client_height());
    let by = match target.align {
        Align::Middle => {
            highlight(&row, scroller);
            top(&row) - (height - row.get_bounding_client_rect().height()).max(0.0) / 2.0
        }
        Align::Top => {
            let divider = scroller.get_elements_by_class_name("unread-divider").item(0);
            top(&divider.unwrap_or(row)) - height / 4.0
        }
        Align::Offset(below) => bottom_in_scroller(&row, scroller) - f64::from(below),
    };
    scroll_by(scroller, by);
    true
}

fn highlight(row: &Element, scroller: &Element) {
    if let Ok(Some(before)) = scroller.query_selector("[data-highlight]") {
        // Never fails for a valid name.
        let _ = before.remove_attribute(HIGHLIGHT);
    }
    let _ = row.set_attribute(HIGHLIGHT, "");
}

fn scroll_by(scroller: &Element, by: f64) {
    if by != 0.0 {
        scroller.set_scroll_top(scroller.scroll_top() + by.round() as i32);
    }
}

fn distance_to_end(scroller: &Element) -> i32 {
    scroller.scroll_height() - scroller.scroll_top() - scroller.client_height()
}

fn seq(row: &Element) -> Option<Seq> {
    row.get_attribute("data-seq")?.parse().ok().map(Seq)
}

/// Finds the first row that is at least partly visible, by binary search.
fn first_visible_row(scroller: &Element) -> Option<Element> {
    let rows = scroller.get_elements_by_class_name("message");
    let (mut from, mut to) = (0, rows.length());
    while from < to {
        let middle = (from + to) / 2;
        if is_above(&rows, middle, scroller) { from = middle + 1 } else { to = middle }
    }
    rows.item(from)
}

fn is_above(rows: &HtmlCollection, index: u32, scroller: &Element) -> bool {
    let top = scroller.get_bounding_client_rect().top();
    rows.item(index).is_some_and(|row| row.get_bounding_client_rect().bottom() <= top)
}

/// The position of a row's lower edge in the scroller. Not its upper edge: when older messages are
/// loaded above, a row may lose its header.
fn bottom_in_scroller(row: &Element, scroller: &Element) -> f64 {
    row.get_bounding_client_rect().bottom() - scroller.get_bounding_client_rect().top()
}

/// The position of a row's lower edge in the list, independent of scrolling.
fn bottom_in_list(row: &Element) -> f64 {
    row.parent_element().map_or(0.0, |list| bottom_in_scroller(row, &list))
}
