//! The rooms one could go into: those of one's own, with what is new in them, and the others that are
//! open.

use std::time::Duration;

use common::{event::RoomSummary, message::Timestamp, room::RoomName};
use leptos::{ev, prelude::*};

use super::face::Faces;
use crate::{
    api,
    chat::{Chat, MyRoom, document_visible, use_chat},
    field::Field,
    handle::{find, provide},
    i18n::{Words, use_words},
    route::Route,
    task::spawn,
    view::{dynamic, each, listen},
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
    provide(Field::new(Listing::Loading));
}

pub(crate) fn use_rooms() -> Field<Listing> {
    find()
}

/// The list of rooms, looked at again every few seconds while somebody sees the page.
pub(crate) fn watch_rooms() -> Field<Listing> {
    let listing = use_rooms();
    let look = move || {
        if document().hidden() {
            return;
        }
        spawn(async move {
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
    listen(ev::focus, move |_| look());
    listing
}

/// Every room one could go to, as far as it is known: one's own first.
pub(crate) fn reachable(chat: Chat, listing: Field<Listing>) -> Vec<RoomName> {
    let mut rooms: Vec<RoomName> =
        chat.my_rooms.with(|rooms| rooms.iter().map(|room| room.room.clone()).collect());
    listing.with(|listing| {
        if let Listing::Rooms(open) = listing {
            rooms.extend(open.iter().map(|summary| summary.room.clone()));
        }
    });
    rooms
}

/// The rooms of one's own; nothing before there is one.
#[component]
pub(crate) fn MyRooms() -> impl IntoView {
    let chat = use_chat();
    let words = use_words();
    let listing = watch_rooms();
    dynamic(move || {
        let mine = chat.my_rooms.get();
        if mine.is_empty() {
            return ().into_any();
        }
        let here = chat.visit.room.get();
        let rows = mine.into_iter().map(|mine| {
            let current = here.as_ref() == Some(&mine.room);
            let mut summary = listing.with(|listing| summary_of(listing, &mine.room));
            if let Some(summary) = summary.as_mut().filter(|_| current) {
                chat.visit.bring_up_to_date(summary);
            }
            my_room(mine, summary, current, words)
        });
        view! {
            <section class="room-list" aria-labelledby="my-rooms">
                <h2 id="my-rooms">{words.my_rooms}</h2>
                <ul class="rooms">{each(rows)}</ul>
            </section>
        }
        .into_any()
    })
}

/// The rooms somebody is in or has been in, without one's own.
#[component]
pub(crate) fn OpenRooms() -> impl IntoView {
    let chat = use_chat();
    let words = use_words();
    let listing = use_rooms();
    let list = move || match listing.get() {
        Listing::Loading => view! { <p class="rooms-note">{words.rooms_loading}</p> }.into_any(),
        Listing::Unreachable => view! { <p class="rooms-note">{words.rooms_unreachable}</p> }.into_any(),
        Listing::Rooms(rooms) => {
            let (mine, here) = (chat.my_rooms.get(), chat.visit.room.get());
            let others: Vec<_> = rooms
                .into_iter()
                .filter(|summary| mine.iter().all(|mine| mine.room != summary.room))
                .map(|summary| {
                    let current = here.as_ref() == Some(&summary.room);
                    open_room(summary, current, words)
                })
                .collect();
            match (others.is_empty(), mine.is_empty()) {
                (false, _) => view! { <ul class="rooms">{others}</ul> }.into_any(),
                (true, false) => view! { <p class="rooms-note">{words.no_other_rooms}</p> }.into_any(),
                (true, true) => view! {
                    <div class="rooms-note empty">
                        <strong>{words.no_rooms}</strong>
                        <span>{words.no_rooms_more}</span>
                    </div>
                }
                .into_any(),
            }
        }
    };
    view! {
        <section class="room-list" aria-labelledby="open-rooms">
            <h2 id="open-rooms">{words.rooms}</h2>
            {dynamic(list)}
        </section>
    }
}

fn summary_of(listing: &Listing, room: &RoomName) -> Option<RoomSummary> {
    match listing {
        Listing::Rooms(rooms) => rooms.iter().find(|summary| summary.room == *room).cloned(),
        Listing::Loading | Listing::Unreachable => None,
    }
}

/// What is most worth knowing of it stands in the second line: who writes, what one was writing, what
/// the room is about, who is there.
fn my_room(mine: MyRoom, summary: Option<RoomSummary>, current: bool, words: &'static Words) -> AnyView {
    let (kind, line) = match (&mine.topic, &summary) {
        _ if mine.typing => (Some("typing"), words.typing_here.to_owned()),
        _ if mine.draft && !current => (Some("draft"), words.draft.to_owned()),
        (Some(topic), _) => (None, topic.to_string()),
        (None, Some(summary)) => (None, what_is_there(summary, words)),
        (None, None) => (None, String::new()),
    };
    let more = if mine.unread_more { "+" } else { "" };
    let count = format!("{}{more}", when::number(mine.unread as usize, words.tag));
    let badge = (mine.unread > 0).then(|| {
        let mentioned = mine.mentions > 0;
        let mentions = mentioned.then(|| (words.mentions)(mine.mentions));
        let shown = match mine.mentions {
            0 => count.clone(),
            all if all == mine.unread => format!("@{count}"),
            some => format!("@{} · {count}", when::number(some as usize, words.tag)),
        };
        view! {
            <span class="badge" data-mention=mentioned.then_some("")>
                <span aria-hidden="true">{shown}</span>
                <span class="visually-hidden">{(words.unread)(&count)} " " {mentions}</span>
            </span>
        }
    });
    // Until the room has let us in, the list knows better when something was last said.
    let last_at = mine.last_at.max(summary.as_ref().and_then(|summary| summary.last_at));
    let when = match (last_at, &summary) {
        (None, None) => String::new(),
        _ => last_said(last_at, words),
    };
    let right = match (badge, summary) {
        (Some(badge), _) => badge.into_any(),
        (None, Some(summary)) => {
            view! { <Faces count=summary.here as usize people=summary.people/> }.into_any()
        }
        (None, None) => ().into_any(),
    };
    let unread = mine.unread > 0;
    one_room(Entry { room: mine.room, current, unread, when, kind, line, right })
}

fn open_room(summary: RoomSummary, current: bool, words: &'static Words) -> AnyView {
    let line = what_is_there(&summary, words);
    let right = view! { <Faces count=summary.here as usize people=summary.people/> }.into_any();
    let RoomSummary { room, last_at, .. } = summary;
    let when = last_said(last_at, words);
    one_room(Entry { room, current, unread: false, when, kind: None, line, right })
}

/// What a room is about, or who is in it.
fn what_is_there(summary: &RoomSummary, words: &Words) -> String {
    match (&summary.topic, summary.here, summary.seats) {
        (Some(topic), ..) => topic.to_string(),
        (None, 0, _) => words.nobody_here.to_owned(),
        (None, here, Some(seats)) => (words.seats)(here, seats.get()),
        (None, here, None) => (words.people_count)(here),
    }
}

/// A room in two lines.
struct Entry {
    room: RoomName,
    current: bool,
    unread: bool,
    /// When something was last said.
    when: String,
    /// What the second line is when it is no description.
    kind: Option<&'static str>,
    line: String,
    /// What stands behind the second line.
    right: AnyView,
}

fn last_said(last_at: Option<Timestamp>, words: &Words) -> String {
    match last_at {
        Some(at) => when::ago(at, words.tag).unwrap_or_else(|| words.just_now.into()),
        None => words.nothing_said.to_owned(),
    }
}

fn one_room(entry: Entry) -> AnyView {
    let Entry { room, current, unread, when, kind, line, right } = entry;
    view! {
        <li>
            <a
                href=Route::Room(room.clone()).to_string()
                aria-current=current.then_some("page")
                data-unread=unread.then_some("")
            >
                <span class="room-line">
                    <span class="room-name">{room.to_string()}</span>
                    <span class="room-when">{when}</span>
                </span>
                <span class="room-line">
                    <span class="room-who" data-kind=kind>{line}</span>
                    {right}
                </span>
            </a>
        </li>
    }
    .into_any()
}
