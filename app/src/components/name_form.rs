//! Asks for a name, the first time and whenever somebody wants another.

use common::person::DisplayName;
use leptos::{ev, prelude::*};
use web_sys::HtmlInputElement;

use crate::{
    chat::use_chat,
    i18n::{Words, use_words},
    socket::Failure,
    task::spawn,
    view::Slot,
};

/// `action` is the word on the button; `done` is called once the name is taken.
#[component]
pub(crate) fn NameForm(
    action: &'static str,
    #[prop(into, optional)] done: Option<Callback<()>>,
    #[prop(optional)] before: String,
) -> impl IntoView {
    let chat = use_chat();
    let words = use_words();
    let input = Slot::new();
    let note = RwSignal::new(String::new());
    let busy = RwSignal::new(false);
    let take = move |name: DisplayName| async move {
        busy.set(true);
        let taken = chat.take_name(name).await;
        // The form may be gone by now.
        busy.try_set(false);
        match taken {
            Ok(()) => {
                if let Some(done) = done {
                    done.run(());
                }
            }
            Err(reason) => {
                note.try_set(said(reason, words));
            }
        }
    };
    let submit = move |submit: ev::SubmitEvent| {
        submit.prevent_default();
        let Some(input) = input.get::<HtmlInputElement>() else { return };
        match DisplayName::parse(&input.value()) {
            Ok(name) => spawn(take(name)),
            Err(refusal) => note.set(words.refused(refusal, DisplayName::MAX)),
        }
    };
    input.on_load(|input: HtmlInputElement| {
        // Refused only when it is gone already.
        let _ = input.focus();
        input.select();
    });
    view! {
        <form class="line-form" on:submit=submit novalidate>
            <label class="field">
                <span>{words.name}</span>
                <input
                    node_ref=input
                    name="name"
                    autocomplete="nickname"
                    autocapitalize="off"
                    enterkeyhint="go"
                    aria-describedby="name-note"
                    value=before
                    aria-invalid=move || if note.with(String::is_empty) { "false" } else { "true" }
                    on:input=move |_| note.set(String::new())
                />
            </label>
            <button class="button primary" disabled=move || busy.get()>{action}</button>
            <p id="name-note" class="form-note" role="alert">
                {move || note.get()}
            </p>
        </form>
    }
}

pub(crate) fn said(failure: Failure, words: &Words) -> String {
    match failure {
        Failure::Refused(refusal) => (words.refusal)(refusal).to_owned(),
        Failure::Disconnected => words.unreachable.to_owned(),
    }
}
