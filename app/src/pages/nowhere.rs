//! A link that leads nowhere.

use leptos::prelude::*;

use crate::{chat::use_chat, components::card::Card, i18n::use_words};

#[component]
pub(crate) fn Nowhere() -> impl IntoView {
    let words = use_words();
    use_chat().leave();
    view! {
        <Card title=words.nowhere>
            <p>{words.nowhere_more}</p>
            <div class="card-actions">
                <a class="button primary" href="/">
                    {words.to_rooms}
                </a>
            </div>
        </Card>
    }
}
