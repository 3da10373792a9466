//! The head of a room: its name, who is here, how many seats, its link to share, the way back.

use std::time::Duration;

use common::room::RoomName;
use leptos::prelude::*;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::ShareData;

use super::{face::Faces, icon::Icon, people::show_people};
use crate::{chat::use_chat, i18n::use_words, route::Route};

#[component]
pub(crate) fn RoomHeader(room: RoomName, people_open: RwSignal<bool>) -> impl IntoView {
    let chat = use_chat();
    let words = use_words();
    let name = room.to_string();
    let people = move || chat.visit.roster.with(|roster| roster.people().to_vec());
    let count = move || chat.visit.roster.with(|roster| roster.people().len());
    let said_count = move || match chat.visit.seats.get() {
        Some(seats) => format!("{} / {}", count(), seats.get()),
        None => count().to_string(),
    };
    let meaning = move || {
        let here = count() as u32;
        match chat.visit.seats.get() {
            Some(seats) => (words.seats)(here, seats.get()),
            None => (words.people_count)(here),
        }
    };
    view! {
        <header class="room-header">
            <a class="icon-button back" href="/" aria-label=words.to_rooms>
                <Icon name="back"/>
            </a>
            <h1 title=name.clone()>{name.clone()}</h1>
            <button
                class="here"
                hidden=move || count() == 0
                title=meaning
                aria-expanded=move || people_open.get().to_string()
                aria-controls="people"
                on:click=move |_| people_open.set(show_people(!people_open.get_untracked()))
            >
                {move || view! { <Faces count=count() people=people()/> }}
                <span class="visually-hidden">{words.people}</span>
                <span class="count">{said_count}</span>
            </button>
            <Share room/>
        </header>
    }
}

/// How long the button says that the link is copied.
const SAID_FOR: Duration = Duration::from_secs(2);

#[component]
fn Share(room: RoomName) -> impl IntoView {
    let words = use_words();
    let copied = RwSignal::new(false);
    let share = move |_| {
        let address =
            format!("{}{}", window().location().origin().unwrap_or_default(), Route::Room(room.clone()));
        let title = room.to_string();
        spawn_local(async move {
            match hand_out(&title, &address).await {
                Outcome::Shared => {}
                Outcome::Copied => {
                    copied.try_set(true);
                    set_timeout(
                        move || {
                            copied.try_set(false);
                        },
                        SAID_FOR,
                    );
                }
                // The browser lets us do neither, as on plain http: then the reader copies it.
                Outcome::Refused => {
                    let _ = window().prompt_with_message_and_default(untrack(|| words.copy_this), &address);
                }
            }
        });
    };
    view! {
        <button class="share" on:click=share aria-label=words.share>
            <Icon name="share"/>
            <span class="share-word" role="status">
                {move || if copied.get() { words.link_copied } else { words.share }}
            </span>
        </button>
    }
}

enum Outcome {
    Shared,
    Copied,
    Refused,
}

/// Opens the device's own way of sharing where fingers are used, else copies the link.
async fn hand_out(title: &str, address: &str) -> Outcome {
    let navigator = window().navigator();
    let has =
        |name: &str| js_sys::Reflect::get(&navigator, &name.into()).is_ok_and(|value| !value.is_falsy());
    if has("share") && super::composer::is_touch() {
        let data = ShareData::new();
        data.set_title(title);
        data.set_url(address);
        // Closing the sheet without sharing is an answer too.
        let _ = JsFuture::from(navigator.share_with_data(&data)).await;
        return Outcome::Shared;
    }
    if has("clipboard") && JsFuture::from(navigator.clipboard().write_text(address)).await.is_ok() {
        return Outcome::Copied;
    }
    Outcome::Refused
}
