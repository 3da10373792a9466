//! The own name, and the form to change it.

use leptos::{ev, prelude::*};
use web_sys::HtmlElement;

use super::{avatar::Avatar, name_form::NameForm};
use crate::{
    chat::use_chat,
    i18n::use_texts,
    view::{ElementRef, reactive},
};

/// Renders nothing for an unregistered visitor, whose name is asked for when it is needed.
#[component]
pub(crate) fn Profile() -> impl IntoView {
    let chat = use_chat();
    let texts = use_texts();
    let editing = RwSignal::new(false);
    let close = move || {
        editing.try_set(false);
    };
    let mut was_editing = false;
    let display = move |returns_focus: bool| {
        let is_known = chat.me().is_some();
        chat.me_or_cached().map(|me| {
            let name = me.name.to_string();
            let change = ElementRef::new();
            if returns_focus {
                // Keyboard users continue where they were.
                change.on_load(|change: HtmlElement| drop(change.focus()));
            }
            view! {
                <Avatar person=me/>
                <span class="profile-name">
                    <span class="muted">{texts.your_name}</span>
                    <strong>{name}</strong>
                </span>
                // A stored name can be changed only once the server knows this browser.
                <button class="text-button" node_ref=change hidden=!is_known on:click=move |_| editing.set(true)>
                    {texts.change_name}
                </button>
            }
        })
    };
    let form = move || {
        let initial_name = untrack(|| chat.me()).map(|me| me.name.to_string()).unwrap_or_default();
        view! {
            <NameForm initial_name action=texts.save on_done=close/>
            <button class="text-button" on:click=move |_| close()>
                {texts.cancel}
            </button>
        }
    };
    let content = move || {
        let returns_focus = std::mem::replace(&mut was_editing, editing.get());
        if was_editing { form().into_any() } else { display(returns_focus).into_any() }
    };
    // During a composition, Escape belongs to the input method.
    let on_key_down = move |press: ev::KeyboardEvent| {
        if press.key() == "Escape" && !press.is_composing() {
            close();
        }
    };
    view! {
        <section class="profile" aria-label=texts.your_name on:keydown=on_key_down>
            {reactive(content)}
        </section>
    }
}
