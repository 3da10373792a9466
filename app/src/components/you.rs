//! The name one goes by, and changing it.

use leptos::prelude::*;

use super::{face::Face, name_form::NameForm};
use crate::{chat::use_chat, i18n::use_words};

/// Nothing for somebody who has no name yet: it is asked for when it is needed.
#[component]
pub(crate) fn You() -> impl IntoView {
    let chat = use_chat();
    let words = use_words();
    let changing = RwSignal::new(false);
    let close = move || {
        changing.try_set(false);
    };
    let named = move || {
        chat.me().map(|me| {
            let name = me.name.to_string();
            view! {
                <Face person=me/>
                <span class="you-name">
                    <span class="quiet">{words.your_name}</span>
                    <strong>{name}</strong>
                </span>
                <button class="link" on:click=move |_| changing.set(true)>
                    {words.change_name}
                </button>
            }
        })
    };
    let form = move || {
        let before = untrack(|| chat.me()).map(|me| me.name.to_string()).unwrap_or_default();
        view! {
            <NameForm before action=words.save done=close/>
            <button class="link" on:click=move |_| close()>
                {words.cancel}
            </button>
        }
    };
    view! {
        <section class="you" aria-label=words.your_name>
            <Show when=move || changing.get() fallback=named>
                {form}
            </Show>
        </section>
    }
}
