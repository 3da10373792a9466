//! Who is here, in full: a panel beside the conversation, a sheet over it where there is no room.

use leptos::{ev, html, prelude::*};

use super::{face::Face, icon::Icon};
use crate::{chat::use_chat, i18n::use_words};

/// Wide enough for three columns; the same line as in `style/room.css`.
const WIDE: &str = "(min-width: 64rem)";

#[component]
pub(crate) fn People(open: RwSignal<bool>) -> impl IntoView {
    let chat = use_chat();
    let words = use_words();
    let dialog = NodeRef::<html::Dialog>::new();
    Effect::new(move || {
        let Some(dialog) = dialog.get() else { return };
        let wide = window().match_media(WIDE).ok().flatten().is_some_and(|query| query.matches());
        match (open.get(), dialog.open()) {
            (true, false) if wide => dialog.show(),
            // Refused only when it is open already.
            (true, false) => drop(dialog.show_modal()),
            (false, true) => dialog.close(),
            _ => {}
        }
    });
    let close_beside = move |click: ev::MouseEvent| {
        let on_itself =
            dialog.get_untracked().is_some_and(|dialog| click.target() == Some((**dialog).clone().into()));
        if on_itself {
            open.set(false);
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
            id="people"
            class="people"
            node_ref=dialog
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
                        on:click=move |_| open.set(false)
                    >
                        <Icon name="close"/>
                    </button>
                </header>
                <ul>{people}</ul>
            </div>
        </dialog>
    }
}
