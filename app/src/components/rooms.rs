//! The lists of rooms: the own ones with their unread counts, and the other open ones.

use std::time::Duration;

use common::{message::Timestamp, protocol::http::RoomSummary, room::RoomName};
use leptos::{ev, prelude::*};

use super::avatar::Avatars;
use crate::{
    api,
    chat::{Chat, RoomListItem, on_document_visible, use_chat},
    context::{expect_context, provide_context},
    field::Field,
    i18n::{Texts, use_texts},
    route::Route,
    task::spawn,
    time_format,
    view::{collect_views, listen_on_window, reactive},
};

const POLL_INTERVAL: Duration = Duration::from_secs(10);

#[derive(Clone, Debug)]
pub(crate) enum RoomListing {
    Loading,
    Unreachable,
    Rooms(Vec<RoomSummary>),
}

pub(crate) fn provide_room_listing() {
    provide_context(Field::new(RoomListing::Loading));
}

pub(crate) fn use_room_listing() -> Field<RoomListing> {
    expect_context()
}

/// Fetches the list of rooms every few seconds while the page is visible.
pub(crate) fn poll_rooms() -> Field<RoomListing> {
    let listing = use_room_listing();
    let fetch = move || {
        if document().hidden() {
            return;
        }
        spawn(async move {
            let rooms = api::list_rooms().await;
            // A list that was loaded stays when a later request fails.
            listing.update(|listing| match (rooms, &*listing) {
                (Ok(rooms), _) => *listing = RoomListing::Rooms(rooms),
                (Err(_), RoomListing::Rooms(_)) => {}
                (Err(_), _) => *listing = RoomListing::Unreachable,
            });
        });
    };
    fetch();
    if let Ok(interval) = set_interval_with_handle(fetch, POLL_INTERVAL) {
        on_cleanup(move || interval.clear());
    }
    on_document_visible(fetch);
    listen_on_window(ev::focus, move |_| fetch());
    listing
}

/// Returns the names of all known rooms, the own ones first.
pub(crate) fn known_rooms(chat: Chat, listing: Field<RoomListing>) -> Vec<RoomName> {
    let mut rooms: Vec<RoomName> =
        chat.room_list.with(|rooms| rooms.iter().map(|room| room.room.clone()).collect());
    listing.with(|listing| {
        if let RoomListing::Rooms(open) = listing {
            rooms.extend(open.iter().map(|summary| summary.room.clone()));
        }
    });
    rooms
}

/// The own rooms; renders nothing if there are none.
#[component]
pub(crate) fn MyRooms() -> impl IntoView {
    let chat = use_chat();
    let texts = use_texts();
    let listing = poll_rooms();
    reactive(move || {
        let mine = chat.room_list.get();
        if mine.is_empty() {
            return ().into_any();
        }
        let current_room = chat.current_room.name.get();
        let rows = mine.into_iter().map(|mine| {
            let current = current_room.as_ref() == Some(&mine.room);
            let mut summary = listing.with(|listing| find_summary(listing, &mine.room));
            if let Some(summary) = summary.as_mut().filter(|_| current) {
                chat.current_room.refresh_summary(summary);
            }
            my_room_entry(mine, summary, current, texts)
        });
        view! {
            <section class="room-list" aria-labelledby="my-rooms">
                <h2 id="my-rooms">{texts.my_rooms}</h2>
                <ul class="rooms">{collect_views(rows)}</ul>
            </section>
        }
        .into_any()
    })
}

/// The other open rooms.
#[component]
pub(crate) fn OpenRooms() -> impl IntoView {
    let chat = use_chat();
    let texts = use_texts();
    let listing = use_room_listing();
    let list = move || match listing.get() {
        RoomListing::Loading => view! { <p class="rooms-placeholder">{texts.rooms_loading}</p> }.into_any(),
        RoomListing::Unreachable => {
            view! { <p class="rooms-placeholder">{texts.rooms_unreachable}</p> }.into_any()
        }
        RoomListing::Rooms(rooms) => {
            let (mine, current_room) = (chat.room_list.get(), chat.current_room.name.get());
            let others: Vec<_> = rooms
                .into_iter()
                .filter(|summary| mine.iter().all(|mine| mine.room != summary.room))
                .map(|summary| {
                    let current = current_room.as_ref() == Some(&summary.room);
                    open_room_entry(summary, current, texts)
                })
                .collect();
            match (others.is_empty(), mine.is_empty()) {
                (false, _) => view! { <ul class="rooms">{others}</ul> }.into_any(),
                (true, false) => view! { <p class="rooms-placeholder">{texts.no_other_rooms}</p> }.into_any(),
                (true, true) => view! {
                    <div class="rooms-placeholder empty">
                        <strong>{texts.no_rooms}</strong>
                        <span>{texts.no_rooms_text}</span>
                    </div>
                }
                .into_any(),
            }
        }
    };
    view! {
        <section class="room-list" aria-labelledby="open-rooms">
            <h2 id="open-rooms">{texts.open_rooms}</h2>
            {reactive(list)}
        </section>
    }
}

fn find_summary(listing: &RoomListing, room: &RoomName) -> Option<RoomSummary> {
    match listing {
        RoomListing::Rooms(rooms) => rooms.iter().find(|summary| summary.room == *room).cloned(),
        RoomListing::Loading | RoomListing::Unreachable => None,
    }
}

/// The second line shows the first of these that applies: typing, draft, topic, members.
fn my_room_entry(
    mine: RoomListItem,
    summary: Option<RoomSummary>,
    current: bool,
    texts: &'static Texts,
) -> AnyView {
    let (status, second_line) = match (&mine.topic, &summary) {
        _ if mine.is_typing => (Some("typing"), texts.someone_typing.to_owned()),
        _ if mine.has_draft && !current => (Some("draft"), texts.draft.to_owned()),
        (Some(topic), _) => (None, topic.to_string()),
        (None, Some(summary)) => (None, room_description(summary, texts)),
        (None, None) => (None, String::new()),
    };
    let more = if mine.has_more_unread { "+" } else { "" };
    let count = format!("{}{more}", time_format::number(mine.unread as usize, texts.tag));
    let badge = (mine.unread > 0).then(|| {
        let mentioned = mine.mentions > 0;
        let mentions = mentioned.then(|| (texts.mention_count)(mine.mentions));
        let shown = match mine.mentions {
            0 => count.clone(),
            all if all == mine.unread => format!("@{count}"),
            some => format!("@{} · {count}", time_format::number(some as usize, texts.tag)),
        };
        view! {
            <span class="badge" data-mention=mentioned.then_some("")>
                <span aria-hidden="true">{shown}</span>
                <span class="visually-hidden">{(texts.unread_count)(&count)} " " {mentions}</span>
            </span>
        }
    });
    // Before the room is joined, only the list knows the time of its last message.
    let last_at = mine.last_message_at.max(summary.as_ref().and_then(|summary| summary.last_at));
    let time = match (last_at, &summary) {
        (None, None) => String::new(),
        _ => last_activity(last_at, texts),
    };
    let trailing = match (badge, summary) {
        (Some(badge), _) => badge.into_any(),
        (None, Some(summary)) => {
            view! { <Avatars count=summary.member_count as usize people=summary.people/> }.into_any()
        }
        (None, None) => ().into_any(),
    };
    let unread = mine.unread > 0;
    render_entry(Entry { room: mine.room, current, unread, time, status, second_line, trailing })
}

fn open_room_entry(summary: RoomSummary, current: bool, texts: &'static Texts) -> AnyView {
    let second_line = room_description(&summary, texts);
    let trailing = view! { <Avatars count=summary.member_count as usize people=summary.people/> }.into_any();
    let RoomSummary { room, last_at, .. } = summary;
    let time = last_activity(last_at, texts);
    render_entry(Entry { room, current, unread: false, time, status: None, second_line, trailing })
}

/// The topic of a room, or its number of members.
fn room_description(summary: &RoomSummary, texts: &Texts) -> String {
    match (&summary.topic, summary.member_count, summary.seats) {
        (Some(topic), ..) => topic.to_string(),
        (None, 0, _) => texts.empty_room_summary.to_owned(),
        (None, here, Some(seats)) => (texts.seats_taken)(here, seats.get()),
        (None, here, None) => (texts.people_count)(here),
    }
}

/// A room in the list, in two lines.
struct Entry {
    room: RoomName,
    current: bool,
    unread: bool,
    /// The time of the last message.
    time: String,
    /// `typing` or `draft`, if the second line is one.
    status: Option<&'static str>,
    second_line: String,
    /// At the end of the second line.
    trailing: AnyView,
}

fn last_activity(last_at: Option<Timestamp>, texts: &Texts) -> String {
    match last_at {
        Some(at) => time_format::relative(at, texts.tag).unwrap_or_else(|| texts.just_now.into()),
        None => texts.no_messages.to_owned(),
    }
}

fn render_entry(entry: Entry) -> AnyView {
    let Entry { room, current, unread, time, status, second_line, trailing } = entry;
    view! {
        <li>
            <a
                href=Route::Room(room.clone()).to_string()
                aria-current=current.then_some("page")
                data-unread=unread.then_some("")
            >
                <span class="room-row">
                    <span class="room-name">{room.to_string()}</span>
                    <span class="room-time">{time}</span>
                </span>
                <span class="room-row">
                    <span class="room-summary" data-kind=status>{second_line}</span>
                    {trailing}
                </span>
            </a>
        </li>
    }
    .into_any()
}
