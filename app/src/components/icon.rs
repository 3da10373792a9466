//! A drawing out of `public/icons.svg`. It is never read out: what it stands on has a name.

use leptos::prelude::*;

#[component]
pub(crate) fn Icon(name: &'static str) -> impl IntoView {
    view! {
        <svg class="icon" aria-hidden="true" width="20" height="20">
            <use href=format!("/icons.svg#{name}")></use>
        </svg>
    }
}
