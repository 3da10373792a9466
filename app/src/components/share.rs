//! Handing a room's link out: to be copied, as a QR code for whoever sits across the table, or by
//! the device's own way of sharing.

use std::time::Duration;

use common::room::RoomName;
use leptos::{ev, prelude::*};
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use web_sys::{HtmlElement, HtmlInputElement, Navigator, ShareData};

use super::icon::Icon;
use crate::{
    i18n::use_words,
    route::{Route, encode},
    task::spawn,
};

/// How long the button says that the link is copied.
const SAID_FOR: Duration = Duration::from_secs(2);

/// The field with the link.
const LINK: &str = "share-link";

#[component]
pub(crate) fn Share(room: RoomName) -> impl IntoView {
    let words = use_words();
    let address = Route::Room(room.clone()).address();
    let code = format!("/api/rooms/{}/qr.svg", encode(room.as_str()));
    let copied = RwSignal::new(false);
    let (link, shared) = (address.clone(), address.clone());
    let copy = move |_: ev::MouseEvent| {
        let address = address.clone();
        spawn(async move {
            // Where the browser does not let us, as on plain http, the reader can copy it.
            if !copy_text(&address).await {
                select_link();
            } else {
                copied.try_set(true);
                set_timeout(
                    move || {
                        copied.try_set(false);
                    },
                    SAID_FOR,
                );
            }
        });
    };
    let share = move |_: ev::MouseEvent| spawn(share_by_device(room.to_string(), shared.clone()));
    // Out of reach of the server there is no code, and the link is enough.
    let without = |error: ev::ErrorEvent| event_target::<HtmlElement>(&error).set_hidden(true);
    view! {
        <div class="share-sheet">
            <img class="qr" src=code alt=words.qr_code width="200" height="200" on:error=without/>
            <input
                id=LINK
                class="dialog-field"
                readonly
                aria-label=words.link
                value=link
                on:focus=|_| select_link()
            />
            <div class="card-actions">
                <button class="button primary" on:click=copy>
                    {move || if copied.get() { words.link_copied } else { words.copy_link }}
                </button>
                <button class="button" hidden=!has("share") on:click=share>
                    <Icon name="share"/>
                    {words.share_by_device}
                </button>
            </div>
            <p class="visually-hidden" role="status">
                {move || if copied.get() { words.link_copied } else { "" }}
            </p>
        </div>
    }
}

fn navigator() -> Navigator {
    window().navigator()
}

/// What a browser has only on https, or not at all.
fn has(name: &str) -> bool {
    js_sys::Reflect::get(&navigator(), &name.into()).is_ok_and(|value| !value.is_falsy())
}

/// Puts a text into the clipboard, if the browser lets us.
pub(crate) async fn copy_text(text: &str) -> bool {
    has("clipboard") && JsFuture::from(navigator().clipboard().write_text(text)).await.is_ok()
}

fn select_link() {
    let link = document().get_element_by_id(LINK).and_then(|link| link.dyn_into::<HtmlInputElement>().ok());
    if let Some(link) = link {
        // A field of text can always be focused and selected.
        let _ = link.focus();
        link.select();
    }
}

async fn share_by_device(title: String, address: String) {
    let data = ShareData::new();
    data.set_title(&title);
    data.set_url(&address);
    // Closing the sheet without sharing is an answer too.
    let _ = JsFuture::from(navigator().share_with_data(&data)).await;
}
