//! Who is here, in full: a panel beside the conversation, a sheet over it where there is no room.

use leptos::{ev, prelude::*};
use wasm_bindgen::JsCast;
use web_sys::HtmlDialogElement;

use super::{face::Face, icon::Icon};
use crate::{chat::use_chat, i18n::use_words};

const ID: &str = "people";

/// Wide enough for three columns; the same line as in `style/room.css`.
const WIDE: &str = "(min-width: 64rem)";

/// Opens or closes the list; says whether it is open now.
pub(crate) fn show_people(open: bool) -> bool {
    let dialog =
        document().get_element_by_id(ID).and_then(|dialog| dialog.dyn_into::<HtmlDialogElement>().ok());
    let Some(dialog) = dialog else { return false };
    let wide = window().match_media(WIDE).ok().flatten().is_some_and(|query| query.matches());
    match (open, dialog.open()) {
        (true, false) if wide => dialog.show(),
        // Refused only when it is open already.
        (true, false) => drop(dialog.show_modal()),
        (false, true) => dialog.close(),
        _ => {}
    }
    open
}

/// `open` follows what happens to it.
#[component]
pub(crate) fn People(open: RwSignal<bool>) -> impl IntoView {
    let chat = use_chat();
    let words = use_words();
    let close_beside = |click: ev::MouseEvent| {
        if click.target() == click.current_target() {
            show_people(false);
        }
    };
    let people = move || {
        let me = chat.me().map(|me| me.id);
        let people = chat.visit.roster.with(|roster| roster.people().to_vec());
        people
            .into_iter()
            .map(|person| {
                let own = me == Some(person.id);
                let name = person.name.to_string();
                view! {
                    <li>
                        <Face person/>
                        <span class="name">{name}</span>
                        {own.then(|| view! { <span class="quiet">{words.you}</span> })}
                    </li>
                }
            })
            .collect_view()
    };
    view! {
        <dialog
            id=ID
            class="people"
            aria-labelledby="people-title"
            on:close=move |_| open.set(false)
            on:click=close_beside
        >
            <div class="people-inside">
                <header>
                    <h2 id="people-title">{words.people}</h2>
                    <button
                        class="icon-button"
                        aria-label=words.close
                        on:click=|_| { show_people(false); }
                    >
                        <Icon name="close"/>
                    </button>
                </header>
                <ul>{people}</ul>
            </div>
        </dialog>
    }
}
