//! The name of the house, which leads home.

use leptos::prelude::*;

use crate::i18n::use_words;

#[component]
pub(crate) fn Brand() -> impl IntoView {
    let words = use_words();
    view! {
        <a class="brand" href="/">
            <img src="/favicon.svg" alt="" width="28" height="28"/>
            {words.madang}
        </a>
    }
}
