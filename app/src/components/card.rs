//! A page that says one thing: a title, a few words, what can be done.

use leptos::prelude::*;

use super::{
    brand::Brand,
    dialog::{Opener, Topic},
};
use crate::{chat::use_chat, i18n::use_words};

#[component]
pub(crate) fn Card(title: &'static str, children: Children) -> impl IntoView {
    let words = use_words();
    view! {
        <main class="card-page">
            <section class="card">
                <header>
                    <Brand/>
                    <Opener topic=Topic::Settings icon="settings" name=words.settings/>
                </header>
                <h1>{title}</h1>
                {children()}
            </section>
        </main>
    }
}

/// What can be done at a room's closed door: knock again, or go elsewhere. Who is `waiting` is let in
/// without knocking.
#[component]
pub(crate) fn AtTheDoor(waiting: bool) -> impl IntoView {
    let chat = use_chat();
    let words = use_words();
    view! {
        <div class="card-actions">
            <button class=if waiting { "button" } else { "button primary" } on:click=move |_| chat.try_again()>
                {words.try_now}
            </button>
            <a class="button" href="/">
                {words.to_rooms}
            </a>
        </div>
    }
}
