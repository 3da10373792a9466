//! The form on the home page that opens a room by its name; topic and seat limit of a new room are
//! optional.

use common::room::{RoomName, Topic};
use leptos::{ev, prelude::*};
use web_sys::HtmlInputElement;

use super::{
    invalid_field,
    seats_field::{self, seats_field},
};
use crate::{
    chat::use_chat,
    i18n::use_texts,
    route::{Route, use_router},
    view::ElementRef,
};

const NOTE_ID: &str = "new-room-note";

/// Whether the page was opened by the installed app's shortcut for a new room.
fn opened_by_app_shortcut() -> bool {
    window().location().search().is_ok_and(|query| query == "?new")
}

#[component]
pub(crate) fn OpenRoom() -> impl IntoView {
    let chat = use_chat();
    let router = use_router();
    let texts = use_texts();
    let (name, topic, seats) = (ElementRef::new(), ElementRef::new(), ElementRef::new());
    let note = RwSignal::new(String::new());
    let submit = move |submit: ev::SubmitEvent| {
        submit.prevent_default();
        invalid_field::unmark(&submit);
        let value_of =
            |field: ElementRef| field.get().map_or(String::new(), |field: HtmlInputElement| field.value());
        let refuse = |field, refusal, limit| {
            note.set(texts.refusal_with_limit(refusal, limit));
            invalid_field::mark(field, NOTE_ID);
        };
        let parsed_name = RoomName::parse(&value_of(name));
        let room = match parsed_name.and_then(|room| room.for_new_room().map(|_| room)) {
            Ok(room) => room,
            Err(refusal) => return refuse(name, refusal, RoomName::MAX),
        };
        match (Topic::parse(&value_of(topic)), seats_field::parse_seats(seats)) {
            (Err(refusal), _) => refuse(topic, refusal, Topic::MAX),
            (_, Err(refusal)) => refuse(seats, refusal, 0),
            (Ok(parsed_topic), Ok(seats)) => {
                chat.plan_room(
                    room.clone(),
                    seats,
                    Some(parsed_topic).filter(|parsed_topic| !parsed_topic.is_empty()),
                );
                router.navigate(Route::Room(room));
            }
        }
    };
    let on_input = move |input: ev::Event| {
        note.set(String::new());
        invalid_field::unmark(&input);
    };
    view! {
        <form class="inline-form" on:submit=submit on:input=on_input novalidate>
            <label class="field">
                <span>{texts.room_name}</span>
                <input
                    node_ref=name
                    name="room"
                    autofocus=opened_by_app_shortcut()
                    autocomplete="off"
                    autocapitalize="off"
                    enterkeyhint="go"
                    placeholder=texts.room_name_placeholder
                />
            </label>
            <button class="button primary">{texts.open_room}</button>
            <details class="new-room">
                <summary>{texts.new_room}</summary>
                <div class="new-room-fields">
                    <p class="muted">{texts.same_room_names}</p>
                    <label class="field">
                        <span>{texts.topic}</span>
                        <input node_ref=topic name="topic" autocomplete="off" placeholder=texts.topic_placeholder/>
                    </label>
                    {seats_field(seats, None)}
                </div>
            </details>
            <p id=NOTE_ID class="form-note" role="alert">
                {move || note.get()}
            </p>
        </form>
    }
}
