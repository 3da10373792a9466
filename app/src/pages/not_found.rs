//! The page for URLs without a page, and for invalid room names.

use common::room::RoomName;
use leptos::prelude::*;

use crate::{
    chat::use_chat,
    components::card::Card,
    i18n::use_texts,
    route::{Route, current_path},
};

#[component]
pub(crate) fn NotFound() -> impl IntoView {
    let texts = use_texts();
    use_chat().close_room();
    let refusal = Route::room_name_refusal(&current_path());
    let why = refusal
        .map_or(texts.not_found_text.to_owned(), |refusal| texts.refusal_with_limit(refusal, RoomName::MAX));
    view! {
        <Card title=texts.not_found>
            <p>{why}</p>
            <div class="card-actions">
                <a class="button primary" href="/">
                    {texts.back_to_rooms}
                </a>
            </div>
        </Card>
    }
}
