//! The form for the own name, at the first visit and when it is changed.

use common::person::DisplayName;
use leptos::{ev, prelude::*};
use web_sys::HtmlInputElement;

use crate::{
    chat::use_chat,
    i18n::{Texts, use_texts},
    socket::RequestError,
    task::spawn,
    view::ElementRef,
};

/// `action` is the word on the button; `on_done` is called once the server has accepted the name.
#[component]
pub(crate) fn NameForm(
    action: &'static str,
    #[prop(into, optional)] on_done: Option<Callback<()>>,
    #[prop(optional)] initial_name: String,
) -> impl IntoView {
    let chat = use_chat();
    let texts = use_texts();
    let input = ElementRef::new();
    let note = RwSignal::new(String::new());
    let busy = RwSignal::new(false);
    let change_name = move |name: DisplayName| async move {
        busy.set(true);
        let result = chat.set_name(name).await;
        // The form may have been removed meanwhile.
        busy.try_set(false);
        match result {
            Ok(()) => {
                if let Some(on_done) = on_done {
                    on_done.run(());
                }
            }
            Err(reason) => {
                note.try_set(error_text(reason, texts));
            }
        }
    };
    let submit = move |submit: ev::SubmitEvent| {
        submit.prevent_default();
        let Some(input) = input.get::<HtmlInputElement>() else { return };
        match DisplayName::parse(&input.value()) {
            Ok(name) => spawn(change_name(name)),
            Err(refusal) => note.set(texts.refusal_with_limit(refusal, DisplayName::MAX)),
        }
    };
    input.on_load(|input: HtmlInputElement| {
        // Fails only when the element has been removed.
        let _ = input.focus();
        input.select();
    });
    view! {
        <form class="inline-form" on:submit=submit novalidate>
            <label class="field">
                <span>{texts.name}</span>
                <input
                    node_ref=input
                    name="name"
                    autocomplete="nickname"
                    autocapitalize="off"
                    enterkeyhint="go"
                    aria-describedby="name-note"
                    value=initial_name
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

pub(crate) fn error_text(failure: RequestError, texts: &Texts) -> String {
    match failure {
        RequestError::Refused(refusal) => (texts.refusal)(refusal).to_owned(),
        RequestError::Disconnected => texts.server_unreachable.to_owned(),
    }
}
