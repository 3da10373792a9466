//! Sharing the link of a room: copying it, a QR code, or the share function of the device.

use std::time::Duration;

use common::room::RoomName;
use leptos::{ev, prelude::*};
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use web_sys::{HtmlElement, HtmlInputElement, Navigator, ShareData};

use super::icon::Icon;
use crate::{
    i18n::use_texts,
    route::{Route, percent_encode},
    task::spawn,
};

/// How long the button shows that the link was copied.
const COPIED_DURATION: Duration = Duration::from_secs(2);

/// The id of the input with the link.
const LINK_ID: &str = "share-link";

#[component]
pub(crate) fn Share(room: RoomName) -> impl IntoView {
    let texts = use_texts();
    let address = Route::Room(room.clone()).url();
    let code = format!("/api/rooms/{}/qr.svg", percent_encode(room.as_str()));
    let copied = RwSignal::new(false);
    let (link, shared) = (address.clone(), address.clone());
    let copy = move |_: ev::MouseEvent| {
        let address = address.clone();
        spawn(async move {
            // Without permission, as on plain http, the link is selected for the user to copy.
            if !copy_text(&address).await {
                select_link();
            } else {
                copied.try_set(true);
                set_timeout(
                    move || {
                        copied.try_set(false);
                    },
                    COPIED_DURATION,
                );
            }
        });
    };
    let share = move |_: ev::MouseEvent| spawn(share_by_device(room.to_string(), shared.clone()));
    // The QR code comes from the server; while it is unreachable, only the link is shown.
    let hide_image = |error: ev::ErrorEvent| event_target::<HtmlElement>(&error).set_hidden(true);
    view! {
        <div class="share-dialog">
            <img class="qr" src=code alt=texts.qr_code width="200" height="200" on:error=hide_image/>
            <input
                id=LINK_ID
                class="dialog-input"
                readonly
                aria-label=texts.room_link
                value=link
                on:focus=|_| select_link()
            />
            <div class="card-actions">
                <button class="button primary" on:click=copy>
                    {move || if copied.get() { texts.link_copied } else { texts.copy_link }}
                </button>
                <button class="button" hidden=!browser_has("share") on:click=share>
                    <Icon name="share"/>
                    {texts.share_natively}
                </button>
            </div>
            <p class="visually-hidden" role="status">
                {move || if copied.get() { texts.link_copied } else { "" }}
            </p>
        </div>
    }
}

fn navigator() -> Navigator {
    window().navigator()
}

/// Whether `navigator` has a property; some exist only on https, or in some browsers.
fn browser_has(name: &str) -> bool {
    js_sys::Reflect::get(&navigator(), &name.into()).is_ok_and(|value| !value.is_falsy())
}

/// Copies a text to the clipboard; returns whether the browser has allowed it.
pub(crate) async fn copy_text(text: &str) -> bool {
    browser_has("clipboard") && JsFuture::from(navigator().clipboard().write_text(text)).await.is_ok()
}

fn select_link() {
    let link =
        document().get_element_by_id(LINK_ID).and_then(|link| link.dyn_into::<HtmlInputElement>().ok());
    if let Some(link) = link {
        // Never fails for a text input.
        let _ = link.focus();
        link.select();
    }
}

async fn share_by_device(title: String, address: String) {
    let data = ShareData::new();
    data.set_title(&title);
    data.set_url(&address);
    // Rejected when the user cancels.
    let _ = JsFuture::from(navigator().share_with_data(&data)).await;
}
