//! A page that says one thing: a title, a few words, what can be done.

use leptos::prelude::*;

use super::brand::Brand;

#[component]
pub(crate) fn Card(title: &'static str, children: Children) -> impl IntoView {
    view! {
        <main class="card-page">
            <section class="card">
                <Brand/>
                <h1>{title}</h1>
                {children()}
            </section>
        </main>
    }
}
