//! The name of the house, which leads home.

use leptos::prelude::*;

use crate::i18n::use_speech;

#[component]
pub(crate) fn Brand() -> impl IntoView {
    let speech = use_speech();
    view! {
        <a class="brand" href="/">
            <img src="/favicon.svg" alt="" width="28" height="28"/>
            {move || speech.words().madang}
        </a>
    }
}
