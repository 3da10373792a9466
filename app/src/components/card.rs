//! A page with a single card: a title, a text, and actions.

use leptos::prelude::*;

use super::{
    brand::Brand,
    dialog::{DialogButton, DialogKind},
};
use crate::{chat::use_chat, i18n::use_texts};

#[component]
pub(crate) fn Card(title: &'static str, children: Children) -> impl IntoView {
    let texts = use_texts();
    view! {
        <main class="card-page">
            <section class="card">
                <header>
                    <Brand/>
                    <DialogButton kind=DialogKind::Settings icon="settings" name=texts.settings/>
                </header>
                <h1>{title}</h1>
                {children()}
            </section>
        </main>
    }
}

/// Actions after a refused join: try again, or go back to the rooms. If `waiting`, the page joins by
/// itself as soon as it can.
#[component]
pub(crate) fn JoinGate(retry: &'static str, waiting: bool) -> impl IntoView {
    let chat = use_chat();
    let texts = use_texts();
    view! {
        <div class="card-actions">
            <button class=if waiting { "button" } else { "button primary" } on:click=move |_| chat.retry_join()>
                {retry}
            </button>
            <a class="button" href="/">
                {texts.back_to_rooms}
            </a>
        </div>
    }
}
