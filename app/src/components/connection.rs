//! The connection in words, above the composer; nothing while all is well.

use leptos::prelude::*;

use crate::{
    chat::{Stage, use_chat},
    i18n::use_speech,
    state::link::Link,
};

#[component]
pub(crate) fn Connection() -> impl IntoView {
    let chat = use_chat();
    let speech = use_speech();
    let entering = Memo::new(move |_| chat.visit.stage.get() == Stage::Entering);
    let words = move || match chat.link.get() {
        Link::Offline | Link::Connecting if chat.turned_away.get().is_some() => {
            chat.turned_away.get().map_or("", |refusal| (speech.words().refusal)(refusal))
        }
        Link::Offline => speech.words().offline,
        Link::Connecting => speech.words().connecting,
        Link::Idle | Link::Online | Link::Interrupted if entering.get() => speech.words().connecting,
        Link::Idle | Link::Online | Link::Interrupted => "",
    };
    view! {
        <p class="connection" role="status" data-offline=move || (chat.link.get() == Link::Offline).then_some("")>
            {words}
        </p>
    }
}
