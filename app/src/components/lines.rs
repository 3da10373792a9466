//! The lines of the conversation as elements, each built once and left where it is while others come
//! and go around it.
//!
//! Leptos' `For` takes every line out of the page and puts it back when some come in at the beginning
//! while others go at the end, as they do for whoever scrolls up; the browser then lays out all of
//! them anew. Lines never change places, so this one only ever removes and inserts.

use leptos::{prelude::*, tachys::view::any_view::AnyViewState};
use web_sys::Element;

use crate::{
    chat::{Shown, Visit},
    view::{Slot, watch},
};

/// The lines in the page, in their order.
struct Lines {
    list: Element,
    build: fn(Shown) -> AnyView,
    owner: Option<Owner>,
    held: Vec<Held>,
}

/// The element is let go of before what it was built under.
struct Held {
    line: Shown,
    element: AnyViewState,
    _owner: Owner,
}

/// Fills this list with what is to be seen, from now on.
pub(crate) fn show_lines(list: Slot, visit: &'static Visit, build: fn(Shown) -> AnyView) {
    let owner = Owner::current();
    list.on_load(move |list: Element| {
        let mut lines = Lines { list, build, owner, held: Vec::new() };
        watch(move || lines.bring_up_to_date(visit.shown.get()));
    });
}

impl Lines {
    fn bring_up_to_date(&mut self, shown: Vec<Shown>) {
        let mut place = 0;
        for line in shown {
            match self.held[place..].iter().position(|held| held.line.is(&line)) {
                Some(gone) => self.remove(place, place + gone),
                None => self.insert(place, line),
            }
            place += 1;
        }
        self.remove(place, self.held.len());
    }

    fn remove(&mut self, from: usize, to: usize) {
        for mut held in self.held.drain(from..to) {
            held.element.unmount();
        }
    }

    fn insert(&mut self, place: usize, line: Shown) {
        let owner = self.owner.as_ref().map_or_else(Owner::new, |owner| owner.with(Owner::new));
        let mut element = owner.with(|| (self.build)(line.clone()).build());
        match self.held.get(place) {
            Some(next) => drop(next.element.insert_before_this(&mut element)),
            None => element.mount(&self.list, None),
        }
        self.held.insert(place, Held { line, element, _owner: owner });
    }
}
