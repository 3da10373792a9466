//! The details of the current room: its settings, which its owner can change, the notification
//! level, and leaving the room.

use common::room::{RoomName, SeatLimit, Seats, Topic};
use leptos::{ev, prelude::*};
use web_sys::HtmlInputElement;

use super::{
    dialog::{self, use_dialogs},
    invalid_field,
    name_form::error_text,
    notify_level_form::NotifyLevelForm,
    seats_field::{self, seats_field},
};
use crate::{
    chat::use_chat,
    i18n::use_texts,
    route::{Route, use_router},
    state::roster::Roster,
    task::spawn,
    view::ElementRef,
};

const NOTE_ID: &str = "room-details-note";
const NETWORK_HINT_ID: &str = "shared-network-hint";

#[component]
pub(crate) fn RoomDetails(room: RoomName) -> impl IntoView {
    let texts = use_texts();
    let dialogs = use_dialogs();
    let about = if untrack(|| use_chat().owns_room()) {
        view! { <RoomDetailsForm room=room.clone()/> }.into_any()
    } else {
        view! { <RoomDescription/> }.into_any()
    };
    view! {
        <div class="room-details">
            {about}
            <section aria-labelledby="room-notifications">
                <h3 id="room-notifications">{texts.notifications}</h3>
                <NotifyLevelForm room=room.clone()/>
            </section>
            // On narrow screens there is no sidebar with its settings button.
            <button class="button settings-button" on:click=move |_| dialogs.open(dialog::DialogKind::Settings)>
                {texts.settings}
            </button>
            <LeaveRoom room/>
        </div>
    }
}

/// Topic and number of members, for people who can not change them.
#[component]
fn RoomDescription() -> impl IntoView {
    let current_room = use_chat().current_room;
    let texts = use_texts();
    let topic = current_room.topic.with_untracked(|topic| topic.as_ref().map(Topic::to_string));
    let here = current_room.roster.with_untracked(Roster::count) as u32;
    let seats = current_room.seats.with_untracked(|seats| seats.map(Seats::get));
    let people = seats.map_or_else(|| (texts.people_count)(here), |seats| (texts.seats_taken)(here, seats));
    view! {
        <section>
            <p>{topic}</p>
            <p class="muted">{people}</p>
        </section>
    }
}

#[component]
fn RoomDetailsForm(room: RoomName) -> impl IntoView {
    let chat = use_chat();
    let dialogs = use_dialogs();
    let texts = use_texts();
    let (topic, seats, shared_network) = (ElementRef::new(), ElementRef::new(), ElementRef::new());
    let note = RwSignal::new(String::new());
    let topic_before = chat.current_room.topic.with_untracked(|topic| topic.clone().unwrap_or_default());
    let seats_before = chat.current_room.seats.with_untracked(|seats| *seats);
    let shared_before = chat.current_room.shared_network.with_untracked(|shared| *shared);
    let topic_value = topic_before.to_string();
    let submit = move |submit: ev::SubmitEvent| {
        submit.prevent_default();
        invalid_field::unmark(&submit);
        let Some(about) = topic.get::<HtmlInputElement>() else { return };
        let refuse = |field, refusal, limit| {
            note.set(texts.refusal_with_limit(refusal, limit));
            invalid_field::mark(field, NOTE_ID);
        };
        let (topic, seats) = match (Topic::parse(&about.value()), seats_field::parse_seats(seats)) {
            (Ok(topic), Ok(seats)) => (topic, seats),
            (Err(refusal), _) => return refuse(topic, refusal, Topic::MAX),
            (_, Err(refusal)) => return refuse(seats, refusal, 0),
        };
        // Sends only the changed fields, so that changes by others meanwhile are kept.
        let topic = (topic != topic_before).then_some(topic);
        let seats = (seats != seats_before).then_some(SeatLimit(seats));
        let shared_network = shared_network.get::<HtmlInputElement>().map(|input| input.checked());
        let shared_network = shared_network.filter(|shared| *shared != shared_before);
        if topic.is_none() && seats.is_none() && shared_network.is_none() {
            return dialogs.close();
        }
        let room = room.clone();
        spawn(async move {
            match chat.update_room(room, topic, seats, shared_network).await {
                Ok(()) => dialogs.close(),
                Err(reason) => {
                    note.try_set(error_text(reason, texts));
                }
            }
        });
    };
    let on_input = move |input: ev::Event| {
        note.set(String::new());
        invalid_field::unmark(&input);
    };
    view! {
        <form class="room-details-form" on:submit=submit on:input=on_input novalidate>
            <label class="field">
                <span>{texts.topic}</span>
                <input
                    node_ref=topic
                    name="topic"
                    autocomplete="off"
                    placeholder=texts.topic_placeholder
                    value=topic_value
                />
            </label>
            {seats_field(seats, seats_before.map(Seats::get))}
            <label class="switch">
                <input
                    node_ref=shared_network
                    type="checkbox"
                    name="shared_network"
                    aria-describedby=NETWORK_HINT_ID
                    checked=shared_before.then_some("")
                />
                <span>{texts.shared_network}</span>
                <span id=NETWORK_HINT_ID class="switch-hint muted">{texts.shared_network_hint}</span>
            </label>
            <button class="button primary">{texts.save}</button>
            <p id=NOTE_ID class="form-note" role="alert">
                {move || note.get()}
            </p>
        </form>
    }
}

/// Leaves the room and frees the seat. In a full room it asks first, because others may wait for a seat.
#[component]
fn LeaveRoom(room: RoomName) -> impl IntoView {
    let chat = use_chat();
    let (dialogs, router) = (use_dialogs(), use_router());
    let texts = use_texts();
    let is_confirming = RwSignal::new(false);
    let is_full = move || {
        let taken = chat.current_room.roster.with_untracked(Roster::count);
        chat.current_room.seats.with_untracked(|seats| seats.is_some_and(|seats| taken >= seats.get().into()))
    };
    let leave = move |_: ev::MouseEvent| {
        if is_full() && !is_confirming.get_untracked() {
            return is_confirming.set(true);
        }
        dialogs.close();
        router.navigate(Route::Home);
        chat.leave_room(&room);
    };
    view! {
        <section class="leave">
            <p role="alert">{move || if is_confirming.get() { texts.confirm_leave_full_room } else { "" }}</p>
            <button class="button" on:click=leave>
                {move || if is_confirming.get() { texts.leave_anyway } else { texts.leave_room }}
            </button>
        </section>
    }
}
