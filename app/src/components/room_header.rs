//! The header of a room: name, topic, members, and buttons for notifications, sharing and details.

use common::room::{RoomName, Topic as About};
use leptos::prelude::*;

use super::{
    avatar::Avatars,
    dialog::{DialogButton, DialogKind, use_dialogs},
    icon::Icon,
    people::set_people_open,
};
use crate::{
    chat::{RoomListItem, use_chat},
    i18n::use_texts,
    notifications::use_notifications,
    state::roster::Roster,
    time_format::number,
    view::reactive,
};

#[component]
pub(crate) fn RoomHeader(room: RoomName, people_open: RwSignal<bool>) -> impl IntoView {
    let chat = use_chat();
    let dialogs = use_dialogs();
    let notifications = use_notifications();
    let texts = use_texts();
    let name = room.to_string();
    let topic = move || chat.current_room.topic.with(|topic| topic.as_ref().map(About::to_string));
    let people = move || chat.current_room.roster.with(|roster| roster.people().to_vec());
    let count = move || chat.current_room.roster.with(Roster::count);
    let count_text = move || match chat.current_room.seats.get() {
        Some(seats) => format!("{} / {}", count(), seats.get()),
        None => number(count(), texts.tag),
    };
    let count_title = move || {
        let here = count() as u32;
        match chat.current_room.seats.get() {
            Some(seats) => (texts.seats_taken)(here, seats.get()),
            None => (texts.people_count)(here),
        }
    };
    // On narrow screens the list of rooms is hidden, so the back button shows their unread count.
    let unread_elsewhere = move || -> u32 {
        let unread = |mine: &RoomListItem| if mine.room == room { 0 } else { mine.unread };
        chat.room_list.with(|rooms| rooms.iter().map(unread).sum())
    };
    let unread_count = unread_elsewhere.clone();
    let back_label = move || match unread_elsewhere() {
        0 => texts.back_to_rooms.to_owned(),
        unread => {
            format!("{}, {}", texts.back_to_rooms, (texts.unread_count)(&number(unread as usize, texts.tag)))
        }
    };
    view! {
        <header class="room-header">
            <a class="icon-button back" href="/" aria-label=back_label data-has-unread={move || unread_count() > 0}>
                <Icon name="back"/>
            </a>
            <div class="room-title">
                <h1 title=name.clone()>{name.clone()}</h1>
                {move || topic().map(|topic| view! { <p class="topic" title=topic.clone()>{topic.clone()}</p> })}
            </div>
            <button
                class="people-button"
                hidden=move || count() == 0
                title=count_title
                aria-expanded=move || if people_open.get() { "true" } else { "false" }
                aria-controls="people"
                on:click=move |_| people_open.set(set_people_open(!people_open.get_untracked()))
            >
                {move || view! { <Avatars count=count() people=people()/> }}
                <span class="visually-hidden">{texts.people}</span>
                <span class="count">{reactive(count_text)}</span>
            </button>
            <button
                class="icon-button notifications-button"
                aria-label=texts.notifications
                title=texts.notifications
                aria-haspopup="dialog"
                on:click=move |_| {
                    notifications.enable_if_undecided();
                    dialogs.open(DialogKind::RoomDetails);
                }
            >
                <Icon name="bell"/>
            </button>
            <button
                class="share"
                aria-label=texts.share
                aria-haspopup="dialog"
                on:click=move |_| dialogs.open(DialogKind::Share)
            >
                <Icon name="share"/>
                <span class="share-label">{texts.share}</span>
            </button>
            <DialogButton kind=DialogKind::RoomDetails icon="more" name=texts.room_details/>
        </header>
    }
}
