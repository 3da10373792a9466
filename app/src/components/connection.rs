//! The connection in words, above the composer; nothing while all is well.

use leptos::prelude::*;

use crate::{chat::use_chat, i18n::use_words, state::link::Link, view::dynamic};

#[component]
pub(crate) fn Connection() -> impl IntoView {
    let chat = use_chat();
    let words = use_words();
    let said = move || match chat.link.get() {
        _ if chat.outgrown.get() => words.page_too_old,
        Link::Offline | Link::Connecting if chat.turned_away.get().is_some() => {
            chat.turned_away.get().map_or("", |refusal| (words.refusal)(refusal))
        }
        Link::Offline => words.offline,
        Link::Restarting => words.restarting,
        Link::Connecting => words.connecting,
        Link::Idle | Link::Online | Link::Interrupted if !chat.visit.inside.get() => words.connecting,
        Link::Idle | Link::Online | Link::Interrupted => "",
    };
    view! {
        <p
            class="connection"
            role="status"
            data-offline=move || chat.link.get() == Link::Offline || chat.outgrown.get()
        >
            {dynamic(said)}
            {move || chat.outgrown.get().then(|| view! {
                <button class="link" on:click=|_| reload()>{words.reload}</button>
            })}
        </p>
    }
}

fn reload() {
    // Refused only while the page is being left already.
    let _ = window().location().reload();
}
