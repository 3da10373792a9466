//! A link that leads nowhere.

use common::room::RoomName;
use leptos::prelude::*;

use crate::{
    chat::use_chat,
    components::card::Card,
    i18n::use_words,
    route::{Route, current_path},
};

#[component]
pub(crate) fn Nowhere() -> impl IntoView {
    let words = use_words();
    use_chat().leave();
    let refusal = Route::refusal(&current_path());
    let why = refusal.map_or(words.nowhere_more.to_owned(), |refusal| words.refused(refusal, RoomName::MAX));
    view! {
        <Card title=words.nowhere>
            <p>{why}</p>
            <div class="card-actions">
                <a class="button primary" href="/">
                    {words.to_rooms}
                </a>
            </div>
        </Card>
    }
}
