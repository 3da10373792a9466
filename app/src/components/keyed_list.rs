//! A keyed list for the timeline: each row is built once and stays in the document while others are
//! inserted or removed around it.
//!
//! Leptos' `For` removes and reinserts every row when some are inserted at the beginning and others
//! removed at the end, as when scrolling up, and the browser then lays all of them out again. Rows are
//! never reordered, so this list only removes and inserts.

use leptos::{prelude::*, tachys::view::any_view::AnyViewState};
use web_sys::Element;

use crate::{
    chat::{CurrentRoom, RenderedRow},
    view::{ElementRef, effect},
};

/// The mounted rows, in order.
struct KeyedList {
    list: Element,
    build: fn(RenderedRow) -> AnyView,
    owner: Option<Owner>,
    mounted_rows: Vec<MountedRow>,
}

/// Fields are dropped in this order: the element before its owner.
struct MountedRow {
    row: RenderedRow,
    element: AnyViewState,
    _owner: Owner,
}

/// Renders the rows of a room into a list element, and keeps it up to date.
pub(crate) fn render_list(list: ElementRef, room: &'static CurrentRoom, build: fn(RenderedRow) -> AnyView) {
    let owner = Owner::current();
    list.on_load(move |list: Element| {
        let mut keyed_list = KeyedList { list, build, owner, mounted_rows: Vec::new() };
        effect(move || keyed_list.update(room.rows.get()));
    });
}

impl KeyedList {
    fn update(&mut self, rows: Vec<RenderedRow>) {
        let mut index = 0;
        for row in rows {
            match self.mounted_rows[index..].iter().position(|mounted| mounted.row.is_same_row(&row)) {
                Some(removed) => self.remove(index, index + removed),
                None => self.insert(index, row),
            }
            index += 1;
        }
        self.remove(index, self.mounted_rows.len());
    }

    fn remove(&mut self, from: usize, to: usize) {
        for mut mounted in self.mounted_rows.drain(from..to) {
            mounted.element.unmount();
        }
    }

    fn insert(&mut self, index: usize, row: RenderedRow) {
        let owner = self.owner.as_ref().map_or_else(Owner::new, |owner| owner.with(Owner::new));
        let mut element = owner.with(|| (self.build)(row.clone()).build());
        match self.mounted_rows.get(index) {
            Some(next) => drop(next.element.insert_before_this(&mut element)),
            None => element.mount(&self.list, None),
        }
        self.mounted_rows.insert(index, MountedRow { row, element, _owner: owner });
    }
}
