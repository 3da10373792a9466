//! The logo and name of the app, a link to the home page.

use leptos::prelude::*;

use crate::i18n::use_texts;

#[component]
pub(crate) fn Brand() -> impl IntoView {
    let texts = use_texts();
    view! {
        <a class="brand" href="/">
            <img src="/favicon.svg" alt="" width="28" height="28"/>
            {texts.app_name}
        </a>
    }
}
