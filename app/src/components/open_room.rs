//! The field on the first page: a room's name, and in one goes. What a new room is about and how many
//! it seats can be said, and need not be.

use common::room::{RoomName, Topic};
use leptos::{ev, prelude::*};
use web_sys::HtmlInputElement;

use super::{
    refused,
    seats_field::{self, seats_field},
};
use crate::{
    chat::use_chat,
    i18n::use_words,
    route::{Route, use_router},
    view::Slot,
};

const NOTE: &str = "new-room-note";

/// Whether the shortcut of the installed page for a new room was taken.
fn is_asked_for() -> bool {
    window().location().search().is_ok_and(|asked| asked == "?new")
}

#[component]
pub(crate) fn OpenRoom() -> impl IntoView {
    let chat = use_chat();
    let router = use_router();
    let words = use_words();
    let (name, topic, seats) = (Slot::new(), Slot::new(), Slot::new());
    let note = RwSignal::new(String::new());
    let submit = move |submit: ev::SubmitEvent| {
        submit.prevent_default();
        refused::unmark(&submit);
        let written =
            |field: Slot| field.get().map_or(String::new(), |field: HtmlInputElement| field.value());
        let refuse = |field, refusal, most| {
            note.set(words.refused(refusal, most));
            refused::mark(field, NOTE);
        };
        let room = match RoomName::parse(&written(name)) {
            Ok(room) => room,
            Err(refusal) => return refuse(name, refusal, RoomName::MAX),
        };
        match (Topic::parse(&written(topic)), seats_field::read(seats)) {
            (Err(refusal), _) => refuse(topic, refusal, Topic::MAX),
            (_, Err(refusal)) => refuse(seats, refusal, 0),
            (Ok(about), Ok(seats)) => {
                chat.plan(room.clone(), seats, Some(about).filter(|about| !about.is_empty()));
                router.go(Route::Room(room));
            }
        }
    };
    let typed = move |typed: ev::Event| {
        note.set(String::new());
        refused::unmark(&typed);
    };
    view! {
        <form class="line-form" on:submit=submit on:input=typed novalidate>
            <label class="field">
                <span>{words.room_name}</span>
                <input
                    node_ref=name
                    name="room"
                    autofocus=is_asked_for()
                    autocomplete="off"
                    autocapitalize="off"
                    enterkeyhint="go"
                    placeholder=words.room_name_hint
                />
            </label>
            <button class="button primary">{words.open_room}</button>
            <details class="new-room">
                <summary>{words.new_room}</summary>
                <div class="new-room-fields">
                    <label class="field">
                        <span>{words.topic}</span>
                        <input node_ref=topic name="topic" autocomplete="off" placeholder=words.topic_hint/>
                    </label>
                    {seats_field(seats, None)}
                </div>
            </details>
            <p id=NOTE class="form-note" role="alert">
                {move || note.get()}
            </p>
        </form>
    }
}
