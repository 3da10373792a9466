//! An icon of `public/icons.svg`. Hidden from screen readers: the control around it has a label.

use leptos::prelude::*;

#[component]
pub(crate) fn Icon(name: &'static str) -> impl IntoView {
    view! {
        <svg class="icon" aria-hidden="true" width="20" height="20">
            <use href=format!("/icons.svg#{name}")></use>
        </svg>
    }
}
