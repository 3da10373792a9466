//! The rooms one could go into: who is there, and when something was last said.

use std::time::Duration;

use common::event::RoomSummary;
use leptos::{ev, prelude::*};
use wasm_bindgen_futures::spawn_local;

use super::face::Faces;
use crate::{
    api,
    chat::{document_visible, use_chat},
    field::Field,
    i18n::{Words, use_words},
    route::Route,
    when,
};

const LOOK_EVERY: Duration = Duration::from_secs(10);

#[derive(Clone, Debug)]
pub(crate) enum Listing {
    Loading,
    Unreachable,
    Rooms(Vec<RoomSummary>),
}

pub(crate) fn provide_rooms() {
    provide_context(Field::new(Listing::Loading));
}

/// The list of rooms, looked at again every few seconds while somebody sees the page.
pub(crate) fn watch_rooms() -> Field<Listing> {
    let listing: Field<Listing> = expect_context();
    let look = move || {
        if document().hidden() {
            return;
        }
        spawn_local(async move {
            let rooms = api::rooms().await;
            // A list that was good stays when a look fails.
            listing.update(|listing| match (rooms, &*listing) {
                (Ok(rooms), _) => *listing = Listing::Rooms(rooms),
                (Err(_), Listing::Rooms(_)) => {}
                (Err(_), _) => *listing = Listing::Unreachable,
            });
        });
    };
    look();
    if let Ok(looking) = set_interval_with_handle(look, LOOK_EVERY) {
        on_cleanup(move || looking.clear());
    }
    document_visible(look);
    let focus = window_event_listener(ev::focus, move |_| look());
    on_cleanup(move || focus.remove());
    listing
}

#[component]
pub(crate) fn Rooms() -> impl IntoView {
    let chat = use_chat();
    let words = use_words();
    let listing = watch_rooms();
    move || match listing.get() {
        Listing::Loading => view! { <p class="rooms-note">{words.rooms_loading}</p> }.into_any(),
        Listing::Unreachable => view! { <p class="rooms-note">{words.rooms_unreachable}</p> }.into_any(),
        Listing::Rooms(rooms) if rooms.is_empty() => view! {
            <div class="rooms-note empty">
                <strong>{words.no_rooms}</strong>
                <span>{words.no_rooms_more}</span>
            </div>
        }
        .into_any(),
        Listing::Rooms(rooms) => {
            let here = chat.visit.room.get();
            let rooms = rooms.into_iter().map(|mut summary| {
                let current = here.as_ref() == Some(&summary.room);
                if current {
                    chat.visit.bring_up_to_date(&mut summary);
                }
                one_room(summary, current, words)
            });
            view! { <ul class="rooms">{rooms.collect_view()}</ul> }.into_any()
        }
    }
}

fn one_room(summary: RoomSummary, current: bool, words: &'static Words) -> impl IntoView {
    let last = summary.last_at.map(|at| when::ago(at, words.tag).unwrap_or_else(|| words.just_now.into()));
    let who = match (summary.here, summary.seats) {
        (0, _) => words.nobody_here.to_owned(),
        (here, Some(seats)) => (words.seats)(here, seats.get()),
        (here, None) => (words.people_count)(here),
    };
    view! {
        <li>
            <a href=Route::Room(summary.room.clone()).to_string() aria-current=current.then_some("page")>
                <span class="room-line">
                    <span class="room-name">{summary.room.to_string()}</span>
                    <span class="room-when">{last.unwrap_or_else(|| words.nothing_said.to_owned())}</span>
                </span>
                <span class="room-line">
                    <span class="room-who">{who}</span>
                    <Faces count=summary.here as usize people=summary.people/>
                </span>
            </a>
        </li>
    }
}
