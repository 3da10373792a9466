//! Everything about the room one is in: what it is about and how many it seats, which its owner can
//! change; how much one wants to hear of it; leaving it.

use common::room::{Limit, RoomName, Seats, Topic};
use leptos::{ev, prelude::*};
use web_sys::HtmlInputElement;

use super::{
    dialog::{self, use_dialogs},
    name_form::said,
    notices::NoticesForm,
    refused,
    seats_field::{self, seats_field},
};
use crate::{
    chat::use_chat,
    i18n::use_words,
    route::{Route, use_router},
    state::roster::Roster,
    task::spawn,
    view::Slot,
};

const NOTE: &str = "about-note";

#[component]
pub(crate) fn RoomDetails(room: RoomName) -> impl IntoView {
    let words = use_words();
    let dialogs = use_dialogs();
    let about = if untrack(|| use_chat().owns_room()) {
        view! { <Describe room=room.clone()/> }.into_any()
    } else {
        view! { <About/> }.into_any()
    };
    view! {
        <div class="room-details">
            {about}
            <section aria-labelledby="room-notices">
                <h3 id="room-notices">{words.notices}</h3>
                <NoticesForm room=room.clone()/>
            </section>
            // Where the side with its button is folded away.
            <button class="button to-settings" on:click=move |_| dialogs.open(dialog::Topic::Settings)>
                {words.settings}
            </button>
            <Leave room/>
        </div>
    }
}

/// What a room is about, for whoever can not change it.
#[component]
fn About() -> impl IntoView {
    let visit = use_chat().visit;
    let words = use_words();
    let topic = visit.topic.with_untracked(|topic| topic.as_ref().map(Topic::to_string));
    let here = visit.roster.with_untracked(Roster::count) as u32;
    let seats = visit.seats.with_untracked(|seats| seats.map(Seats::get));
    let people = seats.map_or_else(|| (words.people_count)(here), |seats| (words.seats)(here, seats));
    view! {
        <section>
            <p>{topic}</p>
            <p class="quiet">{people}</p>
        </section>
    }
}

#[component]
fn Describe(room: RoomName) -> impl IntoView {
    let chat = use_chat();
    let dialogs = use_dialogs();
    let words = use_words();
    let (topic, seats) = (Slot::new(), Slot::new());
    let note = RwSignal::new(String::new());
    let topic_before = chat.visit.topic.with_untracked(|topic| topic.clone().unwrap_or_default());
    let seats_before = chat.visit.seats.with_untracked(|seats| *seats);
    let topic_value = topic_before.to_string();
    let submit = move |submit: ev::SubmitEvent| {
        submit.prevent_default();
        refused::unmark(&submit);
        let Some(about) = topic.get::<HtmlInputElement>() else { return };
        let refuse = |field, refusal, most| {
            note.set(words.refused(refusal, most));
            refused::mark(field, NOTE);
        };
        let (topic, seats) = match (Topic::parse(&about.value()), seats_field::read(seats)) {
            (Ok(topic), Ok(seats)) => (topic, seats),
            (Err(refusal), _) => return refuse(topic, refusal, Topic::MAX),
            (_, Err(refusal)) => return refuse(seats, refusal, 0),
        };
        // Only what was changed here is said: what somebody else changed meanwhile stays.
        let topic = (topic != topic_before).then_some(topic);
        let seats = (seats != seats_before).then_some(Limit(seats));
        if topic.is_none() && seats.is_none() {
            return dialogs.close();
        }
        let room = room.clone();
        spawn(async move {
            match chat.describe(room, topic, seats).await {
                Ok(()) => dialogs.close(),
                Err(reason) => {
                    note.try_set(said(reason, words));
                }
            }
        });
    };
    let typed = move |typed: ev::Event| {
        note.set(String::new());
        refused::unmark(&typed);
    };
    view! {
        <form class="about-form" on:submit=submit on:input=typed novalidate>
            <label class="field">
                <span>{words.topic}</span>
                <input
                    node_ref=topic
                    name="topic"
                    autocomplete="off"
                    placeholder=words.topic_hint
                    value=topic_value
                />
            </label>
            {seats_field(seats, seats_before.map(Seats::get))}
            <button class="button primary">{words.save}</button>
            <p id=NOTE class="form-note" role="alert">
                {move || note.get()}
            </p>
        </form>
    }
}

/// Leaving frees the seat. Where somebody may be waiting for it, one is asked first.
#[component]
fn Leave(room: RoomName) -> impl IntoView {
    let chat = use_chat();
    let (dialogs, router) = (use_dialogs(), use_router());
    let words = use_words();
    let asked = RwSignal::new(false);
    let is_full = move || {
        let taken = chat.visit.roster.with_untracked(Roster::count);
        chat.visit.seats.with_untracked(|seats| seats.is_some_and(|seats| taken >= seats.get().into()))
    };
    let leave = move |_: ev::MouseEvent| {
        if is_full() && !asked.get_untracked() {
            return asked.set(true);
        }
        dialogs.close();
        router.go(Route::Home);
        chat.leave_for_good(&room);
    };
    view! {
        <section class="leave">
            <p role="alert">{move || if asked.get() { words.leave_seat } else { "" }}</p>
            <button class="button" on:click=leave>
                {move || if asked.get() { words.leave_anyway } else { words.leave }}
            </button>
        </section>
    }
}
