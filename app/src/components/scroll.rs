//! Where the reader is: at the end, following what is said, or further up, where nothing moves.
//!
//! The browser's own scroll anchoring is switched off (Safari has none, and two would fight).
//! Each scroll remembers the first row in sight and where in the list it is; whenever lines come or go
//! or the size of anything changes, before the next paint, either the end comes back into sight or that
//! row to where it was.
//! The lines that are drawn follow the reader in both directions; `chat` is asked for them.

use common::message::Seq;
use leptos::prelude::*;
use wasm_bindgen::{JsCast, prelude::Closure};
use web_sys::{Element, HtmlCollection, MutationObserver, MutationObserverInit, ResizeObserver};

use crate::{
    chat::{At, Chat, Goal},
    view::{Slot, watch},
};

/// Nearer to the end than this counts as at the end, in pixels.
const AT_END: i32 = 100;

/// Nearer to the first or the last line drawn than this, more lines are wanted.
const NEAR: i32 = 1_500;

/// The message that somebody has asked for is told apart by this attribute.
const FLASH: &str = "data-flash";

#[derive(Clone, Copy)]
pub(crate) struct Scroll {
    pub(crate) scroller: Slot,
    chat: Chat,
    /// The first row in sight, and how far down in the list it was.
    anchor: StoredValue<Option<(f64, Element)>, LocalStorage>,
}

/// What notices changes, as long as the conversation is on the screen.
struct Observers {
    resizes: ResizeObserver,
    lines: MutationObserver,
    _changed: Closure<dyn Fn()>,
}

impl Scroll {
    pub(crate) fn new(chat: Chat) -> Scroll {
        let scroll = Scroll { scroller: Slot::new(), chat, anchor: StoredValue::new_local(None) };
        let observers = StoredValue::new_local(None::<Observers>);
        scroll.scroller.on_load(move |scroller: Element| {
            observers.set_value(scroll.observe(&scroller));
        });
        // What has come to be held may be wanted by somebody who waits for it without scrolling.
        watch(move || {
            chat.visit.beyond.track();
            request_animation_frame(move || scroll.look_ahead());
        });
        // What was asked for may be drawn already: then no line comes or goes.
        watch(move || {
            if chat.visit.goal.with(Option::is_some) {
                request_animation_frame(move || scroll.settle());
            }
        });
        on_cleanup(move || {
            observers.try_update_value(|observers| {
                if let Some(Observers { resizes, lines, .. }) = observers.take() {
                    resizes.disconnect();
                    lines.disconnect();
                }
            });
        });
        scroll
    }

    /// The reader has scrolled. This comes before it is told that a row further up has got another
    /// size in the same frame.
    pub(crate) fn scrolled(self) {
        let Some(scroller) = self.scroller.get::<Element>() else { return };
        self.keep(&scroller);
        self.arrived(&scroller);
    }

    /// Something in sight has become longer because the reader wants to read on there.
    pub(crate) fn stay(self) {
        if let Some(scroller) = self.scroller.get::<Element>() {
            self.arrived(&scroller);
        }
    }

    /// The reader is somewhere else.
    fn arrived(self, scroller: &Element) {
        self.chat.follow(below(scroller) <= AT_END);
        let row = first_in_sight(scroller);
        let place = row.as_ref().and_then(|row| Some((seq(row)?, offset(row, scroller).round() as i32)));
        self.chat.visit.place.set(place);
        self.anchor.set_value(row.map(|row| (depth(&row), row)));
        if let Some(line) = scroller.get_elements_by_class_name("unread").item(0) {
            let above = offset(&line, scroller);
            let in_sight = (0.0..f64::from(scroller.client_height())).contains(&above);
            if above < 0.0 || (in_sight && self.chat.looking.get_untracked()) {
                self.chat.visit.line_is(in_sight);
            }
        }
        self.look_ahead();
    }

    /// Asks for more lines where few are left.
    fn look_ahead(self) {
        let Some(scroller) = self.scroller.get::<Element>() else { return };
        if scroller.scroll_top() < NEAR {
            self.chat.read_back();
        }
        if below(&scroller) < NEAR {
            self.chat.read_on();
        }
    }

    /// Goes to the end and follows.
    pub(crate) fn follow(self) {
        self.chat.jump_to_end();
        self.to_end();
    }

    fn observe(self, scroller: &Element) -> Option<Observers> {
        let changed = Closure::<dyn Fn()>::new(move || self.settle());
        let resizes = ResizeObserver::new(changed.as_ref().unchecked_ref()).ok()?;
        let lines = MutationObserver::new(changed.as_ref().unchecked_ref()).ok()?;
        resizes.observe(scroller);
        if let Some(list) = scroller.last_element_child() {
            resizes.observe(&list);
            let init = MutationObserverInit::new();
            init.set_child_list(true);
            // Fails only when there is nothing to observe.
            let _ = lines.observe_with_options(&list, &init);
        }
        Some(Observers { resizes, lines, _changed: changed })
    }

    /// Something has changed around the reader: puts them back to where they were, or to where they
    /// want to be.
    fn settle(self) {
        let Some(scroller) = self.scroller.get::<Element>() else { return };
        let visit = self.chat.visit;
        if let Some(goal) = visit.goal.get_untracked() {
            if reach(goal, &scroller, self.chat.draws_end()) {
                visit.goal.set(None);
                self.arrived(&scroller);
            }
            return;
        }
        if visit.following.get_untracked() {
            return self.to_end();
        }
        self.keep(&scroller);
    }

    /// Scrolls by as much as has come or gone above the first row in sight.
    fn keep(self, scroller: &Element) {
        self.anchor.update_value(|anchor| {
            if let Some((before, row)) = anchor.as_mut().filter(|(_, row)| row.is_connected()) {
                let by = (depth(row) - *before).round();
                scroll_by(scroller, by);
                *before += by;
            }
        });
    }

    fn to_end(self) {
        // At the end, what goes at the beginning is nothing to keep one's place for.
        self.anchor.set_value(None);
        if let Some(scroller) = self.scroller.get::<Element>() {
            scroller.set_scroll_top(scroller.scroll_height());
        }
    }
}

/// Brings what was asked for into sight; `false` when it is not drawn yet. A number behind the end
/// stands for the last message.
fn reach(goal: Goal, scroller: &Element, draws_end: bool) -> bool {
    let rows = scroller.get_elements_by_class_name("message");
    let mut numbered = (0..rows.length()).filter_map(|place| rows.item(place));
    let there = numbered.find(|row| seq(row).is_some_and(|seq| seq >= goal.seq));
    let last = || rows.item(rows.length().checked_sub(1).filter(|_| draws_end)?);
    let Some(row) = there.or_else(last) else {
        return false;
    };
    let upper = |element: &Element| {
        element.get_bounding_client_rect().top() - scroller.get_bounding_client_rect().top()
    };
    let height = f64::from(scroller.client_height());
    let by = match goal.at {
        At::Middle => {
            flash(&row, scroller);
            upper(&row) - (height - row.get_bounding_client_rect().height()).max(0.0) / 2.0
        }
        At::Top => {
            let line = scroller.get_elements_by_class_name("unread").item(0);
            upper(&line.unwrap_or(row)) - height / 4.0
        }
        At::Offset(below) => offset(&row, scroller) - f64::from(below),
    };
    scroll_by(scroller, by);
    true
}

fn flash(row: &Element, scroller: &Element) {
    if let Ok(Some(before)) = scroller.query_selector("[data-flash]") {
        // Taking an attribute away never fails.
        let _ = before.remove_attribute(FLASH);
    }
    let _ = row.set_attribute(FLASH, "");
}

fn scroll_by(scroller: &Element, by: f64) {
    if by != 0.0 {
        scroller.set_scroll_top(scroller.scroll_top() + by.round() as i32);
    }
}

fn below(scroller: &Element) -> i32 {
    scroller.scroll_height() - scroller.scroll_top() - scroller.client_height()
}

/// The number of a message in the log.
fn seq(row: &Element) -> Option<Seq> {
    row.get_attribute("data-seq")?.parse().ok().map(Seq)
}

/// The first message that is at least partly in sight.
fn first_in_sight(scroller: &Element) -> Option<Element> {
    let rows = scroller.get_elements_by_class_name("message");
    let (mut from, mut to) = (0, rows.length());
    while from < to {
        let middle = (from + to) / 2;
        if is_above(&rows, middle, scroller) { from = middle + 1 } else { to = middle }
    }
    rows.item(from)
}

fn is_above(rows: &HtmlCollection, place: u32, scroller: &Element) -> bool {
    let top = scroller.get_bounding_client_rect().top();
    rows.item(place).is_some_and(|row| row.get_bounding_client_rect().bottom() <= top)
}

/// Where a row's lower edge is in the scroller. Not the upper one: with older messages above it, a row
/// may lose the name over it.
fn offset(row: &Element, scroller: &Element) -> f64 {
    row.get_bounding_client_rect().bottom() - scroller.get_bounding_client_rect().top()
}

/// Where it is in the list, however far that is scrolled.
fn depth(row: &Element) -> f64 {
    row.parent_element().map_or(0.0, |list| offset(row, &list))
}
