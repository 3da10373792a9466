//! The head of a room: its name, who is here, how many seats, its link to share, the way back.

use common::room::{RoomName, Topic as About};
use leptos::prelude::*;

use super::{
    dialog::{Opener, Topic, use_dialogs},
    face::Faces,
    icon::Icon,
    people::show_people,
};
use crate::{
    chat::{MyRoom, use_chat},
    i18n::use_words,
    notices::use_notices,
    state::roster::Roster,
    view::dynamic,
    when::number,
};

#[component]
pub(crate) fn RoomHeader(room: RoomName, people_open: RwSignal<bool>) -> impl IntoView {
    let chat = use_chat();
    let dialogs = use_dialogs();
    let notices = use_notices();
    let words = use_words();
    let name = room.to_string();
    let topic = move || chat.visit.topic.with(|topic| topic.as_ref().map(About::to_string));
    let people = move || chat.visit.roster.with(|roster| roster.people().to_vec());
    let count = move || chat.visit.roster.with(Roster::count);
    let said_count = move || match chat.visit.seats.get() {
        Some(seats) => format!("{} / {}", count(), seats.get()),
        None => number(count(), words.tag),
    };
    let meaning = move || {
        let here = count() as u32;
        match chat.visit.seats.get() {
            Some(seats) => (words.seats)(here, seats.get()),
            None => (words.people_count)(here),
        }
    };
    // On a phone the other rooms are out of sight.
    let elsewhere = move || -> u32 {
        let unread = |mine: &MyRoom| if mine.room == room { 0 } else { mine.unread };
        chat.my_rooms.with(|rooms| rooms.iter().map(unread).sum())
    };
    let waiting = elsewhere.clone();
    let back = move || match elsewhere() {
        0 => words.to_rooms.to_owned(),
        unread => format!("{}, {}", words.to_rooms, (words.unread)(&number(unread as usize, words.tag))),
    };
    view! {
        <header class="room-header">
            <a class="icon-button back" href="/" aria-label=back data-new={move || waiting() > 0}>
                <Icon name="back"/>
            </a>
            <div class="room-title">
                <h1 title=name.clone()>{name.clone()}</h1>
                {move || topic().map(|topic| view! { <p class="topic" title=topic.clone()>{topic.clone()}</p> })}
            </div>
            <button
                class="here"
                hidden=move || count() == 0
                title=meaning
                aria-expanded=move || if people_open.get() { "true" } else { "false" }
                aria-controls="people"
                on:click=move |_| people_open.set(show_people(!people_open.get_untracked()))
            >
                {move || view! { <Faces count=count() people=people()/> }}
                <span class="visually-hidden">{words.people}</span>
                <span class="count">{dynamic(said_count)}</span>
            </button>
            <button
                class="icon-button bell"
                aria-label=words.notices
                title=words.notices
                aria-haspopup="dialog"
                on:click=move |_| {
                    notices.offer();
                    dialogs.open(Topic::Room);
                }
            >
                <Icon name="bell"/>
            </button>
            <button
                class="share"
                aria-label=words.share
                aria-haspopup="dialog"
                on:click=move |_| dialogs.open(Topic::Share)
            >
                <Icon name="share"/>
                <span class="share-word">{words.share}</span>
            </button>
            <Opener topic=Topic::Room icon="more" name=words.about_room/>
        </header>
    }
}
