//! The field on the first page: a room's name, and in one goes. What a new room is about and how many
//! it seats can be said, and need not be.

use common::room::{RoomName, Topic};
use leptos::{ev, prelude::*};
use web_sys::HtmlInputElement;

use super::seats_field::{self, seats_field};
use crate::{
    chat::use_chat,
    i18n::use_words,
    route::{Route, use_router},
    view::Slot,
};

/// Whether the shortcut of the installed page for a new room was taken.
fn is_asked_for() -> bool {
    window().location().search().is_ok_and(|asked| asked == "?new")
}

#[component]
pub(crate) fn OpenRoom() -> impl IntoView {
    let chat = use_chat();
    let router = use_router();
    let words = use_words();
    let input = Slot::new();
    let (topic, seats) = (Slot::new(), Slot::new());
    let note = RwSignal::new(String::new());
    let submit = move |submit: ev::SubmitEvent| {
        submit.prevent_default();
        let Some(input) = input.get::<HtmlInputElement>() else { return };
        let about = || topic.get().map(|topic: HtmlInputElement| topic.value()).unwrap_or_default();
        let parsed = RoomName::parse(&input.value())
            .and_then(|room| Ok((room, Topic::parse(&about())?, seats_field::read(seats)?)));
        match parsed {
            Ok((room, topic, seats)) => {
                chat.plan(room.clone(), seats, Some(topic).filter(|topic| !topic.is_empty()));
                router.go(Route::Room(room));
            }
            Err(refusal) => note.set((words.refusal)(refusal).to_owned()),
        }
    };
    view! {
        <form class="line-form" on:submit=submit novalidate>
            <label class="field">
                <span>{words.room_name}</span>
                <input
                    node_ref=input
                    name="room"
                    autofocus=is_asked_for()
                    autocomplete="off"
                    autocapitalize="off"
                    enterkeyhint="go"
                    placeholder=words.room_name_hint
                    aria-invalid=move || if note.with(String::is_empty) { "false" } else { "true" }
                    on:input=move |_| note.set(String::new())
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
            <p class="form-note" role="alert">
                {move || note.get()}
            </p>
        </form>
    }
}
