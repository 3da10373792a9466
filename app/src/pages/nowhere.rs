//! A link that leads nowhere.

use leptos::prelude::*;

use crate::{components::card::Card, i18n::use_speech};

#[component]
pub(crate) fn Nowhere() -> impl IntoView {
    let speech = use_speech();
    view! {
        <Card title=move || speech.words().nowhere>
            <p>{move || speech.words().nowhere_more}</p>
            <div class="card-actions">
                <a class="button primary" href="/">
                    {move || speech.words().to_rooms}
                </a>
            </div>
        </Card>
    }
}
