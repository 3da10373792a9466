//! The name one goes by, and changing it.

use leptos::{ev, prelude::*};
use web_sys::HtmlElement;

use super::{face::Face, name_form::NameForm};
use crate::{
    chat::use_chat,
    i18n::use_words,
    view::{Slot, dynamic},
};

/// Nothing for somebody who has no name yet: it is asked for when it is needed.
#[component]
pub(crate) fn You() -> impl IntoView {
    let chat = use_chat();
    let words = use_words();
    let changing = RwSignal::new(false);
    let close = move || {
        changing.try_set(false);
    };
    let mut was_changing = false;
    let named = move |comes_back: bool| {
        let is_known = chat.me().is_some();
        chat.me_or_remembered().map(|me| {
            let name = me.name.to_string();
            let change = Slot::new();
            if comes_back {
                // The keyboard goes on where it left.
                change.on_load(|change: HtmlElement| drop(change.focus()));
            }
            view! {
                <Face person=me/>
                <span class="you-name">
                    <span class="quiet">{words.your_name}</span>
                    <strong>{name}</strong>
                </span>
                // Whoever is only remembered can not be called otherwise yet.
                <button class="link" node_ref=change hidden=!is_known on:click=move |_| changing.set(true)>
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
    let either = move || {
        let comes_back = std::mem::replace(&mut was_changing, changing.get());
        if was_changing { form().into_any() } else { named(comes_back).into_any() }
    };
    // Escape belongs to the input method first.
    let leave = move |press: ev::KeyboardEvent| {
        if press.key() == "Escape" && !press.is_composing() {
            close();
        }
    };
    view! {
        <section class="you" aria-label=words.your_name on:keydown=leave>
            {dynamic(either)}
        </section>
    }
}
