//! The state of the connection as a text above the composer; empty while online.

use leptos::prelude::*;

use crate::{chat::use_chat, i18n::use_texts, state::connection::ConnectionState, view::reactive};

#[component]
pub(crate) fn ConnectionStatus() -> impl IntoView {
    let chat = use_chat();
    let texts = use_texts();
    let text = move || match chat.connection_state.get() {
        _ if chat.client_outdated.get() => texts.client_outdated,
        ConnectionState::Offline | ConnectionState::Connecting if chat.connect_error.get().is_some() => {
            chat.connect_error.get().map_or("", |refusal| (texts.refusal)(refusal))
        }
        ConnectionState::Offline => texts.offline,
        ConnectionState::Restarting => texts.restarting,
        ConnectionState::Connecting => texts.connecting,
        ConnectionState::Idle | ConnectionState::Online | ConnectionState::Interrupted
            if !chat.current_room.is_member.get() =>
        {
            texts.connecting
        }
        ConnectionState::Idle | ConnectionState::Online | ConnectionState::Interrupted => "",
    };
    view! {
        <p
            class="connection-status"
            role="status"
            data-offline=move || chat.connection_state.get() == ConnectionState::Offline || chat.client_outdated.get()
        >
            {reactive(text)}
            {move || chat.client_outdated.get().then(|| view! {
                <button class="text-button" on:click=|_| reload()>{texts.reload}</button>
            })}
        </p>
    }
}

fn reload() {
    // Fails only while the page is being unloaded.
    let _ = window().location().reload();
}
