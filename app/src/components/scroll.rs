//! Where the reader is: at the end, following what is said, or further up, where nothing moves.
//!
//! The browser's own scroll anchoring is switched off (Safari has none, and two would fight).
//! Each scroll remembers the first row in sight; whenever the size of anything changes, before
//! the next paint, either the end comes back into sight or that row to where it was.

use common::message::Seq;
use leptos::{html, prelude::*};
use wasm_bindgen::{JsCast, prelude::Closure};
use web_sys::{Element, HtmlCollection, ResizeObserver};

use crate::field::Field;

/// Nearer to the end than this counts as at the end, in pixels.
const AT_END: i32 = 100;

/// Nearer to the beginning than this, older messages are wanted.
const NEAR_TOP: i32 = 600;

#[derive(Clone, Copy)]
pub(crate) struct Scroll {
    pub(crate) scroller: NodeRef<html::Div>,
    /// The last event there was when the reader went away from the end; `None` while following.
    left_at: Field<Option<Seq>>,
    anchor: StoredValue<Option<(Element, f64)>, LocalStorage>,
}

impl Scroll {
    /// `near_top` is called whenever the beginning of the list comes near.
    pub(crate) fn new(left_at: Field<Option<Seq>>, near_top: impl Fn() + Clone + 'static) -> Scroll {
        let scroll = Scroll { scroller: NodeRef::new(), left_at, anchor: StoredValue::new_local(None) };
        let observer = StoredValue::new_local(None::<(ResizeObserver, Closure<dyn Fn()>)>);
        Effect::new(move || {
            let Some(scroller) = scroll.scroller.get() else { return };
            let near_top = near_top.clone();
            let resized = Closure::<dyn Fn()>::new(move || {
                scroll.resized();
                if scroll.is_near_top() {
                    near_top();
                }
            });
            let Ok(resizes) = ResizeObserver::new(resized.as_ref().unchecked_ref()) else { return };
            resizes.observe(&scroller);
            if let Some(list) = scroller.last_element_child() {
                resizes.observe(&list);
            }
            observer.set_value(Some((resizes, resized)));
        });
        on_cleanup(move || {
            observer.try_update_value(|observer| {
                if let Some((resizes, _)) = observer.take() {
                    resizes.disconnect();
                }
            });
        });
        scroll
    }

    /// The reader has scrolled; `last` is the last event there is.
    pub(crate) fn scrolled(self, last: Seq) {
        let Some(scroller) = self.scroller.get_untracked() else { return };
        let below = scroller.scroll_height() - scroller.scroll_top() - scroller.client_height();
        let followed = self.left_at.get_untracked().is_none();
        if below <= AT_END && !followed {
            self.left_at.set(None);
        } else if below > AT_END && followed {
            self.left_at.set(Some(last));
        }
        self.anchor.set_value(first_in_sight(&scroller));
    }

    /// Goes to the end and follows.
    pub(crate) fn follow(self) {
        self.left_at.set(None);
        self.to_end();
    }

    pub(crate) fn is_near_top(self) -> bool {
        self.scroller.get_untracked().is_some_and(|scroller| scroller.scroll_top() < NEAR_TOP)
    }

    fn resized(self) {
        if self.left_at.get_untracked().is_none() {
            return self.to_end();
        }
        let Some(scroller) = self.scroller.get_untracked() else { return };
        self.anchor.with_value(|anchor| {
            if let Some((row, before)) = anchor {
                let moved = offset(row, &scroller) - before;
                if moved != 0.0 && row.is_connected() {
                    scroller.set_scroll_top(scroller.scroll_top() + moved.round() as i32);
                }
            }
        });
    }

    fn to_end(self) {
        if let Some(scroller) = self.scroller.get_untracked() {
            scroller.set_scroll_top(scroller.scroll_height());
        }
    }
}

/// The first message that is at least partly in sight, and where its lower edge is in the scroller.
/// Not the upper one: with older messages above it, a row may lose the name and the day over it.
fn first_in_sight(scroller: &Element) -> Option<(Element, f64)> {
    let rows = scroller.get_elements_by_class_name("message");
    let (mut from, mut to) = (0, rows.length());
    while from < to {
        let middle = (from + to) / 2;
        if is_above(&rows, middle, scroller) { from = middle + 1 } else { to = middle }
    }
    let row = rows.item(from)?;
    let offset = offset(&row, scroller);
    Some((row, offset))
}

fn is_above(rows: &HtmlCollection, place: u32, scroller: &Element) -> bool {
    let top = scroller.get_bounding_client_rect().top();
    rows.item(place).is_some_and(|row| row.get_bounding_client_rect().bottom() <= top)
}

fn offset(row: &Element, scroller: &Element) -> f64 {
    row.get_bounding_client_rect().bottom() - scroller.get_bounding_client_rect().top()
}
