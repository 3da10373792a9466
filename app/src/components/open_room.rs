//! The field on the first page: a room's name, and in one goes.

use common::room::{RoomName, Seats};
use leptos::{ev, html, prelude::*};

use crate::{
    chat::use_chat,
    i18n::use_words,
    route::{Route, use_router},
};

#[component]
pub(crate) fn OpenRoom() -> impl IntoView {
    let chat = use_chat();
    let router = use_router();
    let words = use_words();
    let input = NodeRef::<html::Input>::new();
    let for_two = NodeRef::<html::Input>::new();
    let note = RwSignal::new(String::new());
    let submit = move |submit: ev::SubmitEvent| {
        submit.prevent_default();
        let Some(input) = input.get_untracked() else { return };
        match RoomName::parse(&input.value()) {
            Ok(room) => {
                let two = for_two.get_untracked().is_some_and(|for_two| for_two.checked());
                chat.plan(room.clone(), two.then_some(Seats::TWO));
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
                    autocomplete="off"
                    autocapitalize="off"
                    enterkeyhint="go"
                    placeholder=words.room_name_hint
                    aria-invalid=move || (!note.with(String::is_empty)).to_string()
                    on:input=move |_| note.set(String::new())
                />
            </label>
            <button class="button primary">{words.open_room}</button>
            <label class="choice">
                <input type="checkbox" node_ref=for_two/>
                {words.room_for_two}
            </label>
            <p class="form-note" role="alert">
                {note}
            </p>
        </form>
    }
}
