//! The element of the modal dialog and what it contains.
//!
//! A native `<dialog>` traps the focus, closes on Esc (and on Back on Android), and returns the focus.
//! Its content is built when it opens, and rebuilt when the language changes.

use leptos::{ev, prelude::*};
use web_sys::HtmlDialogElement;

use super::{DialogKind, Dialogs, ID, show_modal, use_dialogs};
use crate::{
    chat::use_chat,
    components::{
        emoji_picker::EmojiPicker,
        icon::Icon,
        message_menu::{MessageSheet, first_line},
        name_form::error_text,
        room_details::RoomDetails,
        settings::SettingsForm,
        share::Share,
        shortcuts::Shortcuts,
        switcher::Switcher,
    },
    i18n::{use_locale, use_texts},
    route::use_router,
    task::spawn,
    view::{ElementRef, effect, reactive},
};

#[component]
pub(crate) fn Dialog() -> impl IntoView {
    let dialogs = use_dialogs();
    let locale = use_locale();
    let router = use_router();
    // A navigation closes the dialog, which belongs to the page before.
    effect(move || {
        router.page();
        dialogs.close();
    });
    reactive(move || {
        locale.language();
        dialogs.0.get().map(|kind| render(kind, dialogs).into_any())
    })
}

fn render(kind: DialogKind, dialogs: Dialogs) -> impl IntoView {
    let texts = use_texts();
    let chat = use_chat();
    let room = chat.current_room.name.get_untracked();
    let note = RwSignal::new(String::new());
    let (title, content) = match kind {
        DialogKind::Settings => (texts.settings, view! { <SettingsForm/> }.into_any()),
        DialogKind::Shortcuts => (texts.shortcuts, view! { <Shortcuts/> }.into_any()),
        DialogKind::Switcher => (texts.switch_room, view! { <Switcher/> }.into_any()),
        DialogKind::Share => (texts.share, room.map(|room| view! { <Share room/> }).into_any()),
        DialogKind::RoomDetails => {
            (texts.room_details, room.map(|room| view! { <RoomDetails room/> }).into_any())
        }
        DialogKind::MessageSheet(seq) => (texts.message_actions, view! { <MessageSheet seq/> }.into_any()),
        DialogKind::ReactionPicker(seq) => (texts.react, view! { <EmojiPicker seq=Some(seq)/> }.into_any()),
        DialogKind::EmojiPicker => (texts.insert_emoji, view! { <EmojiPicker seq=None/> }.into_any()),
        DialogKind::ConfirmDelete(seq) => {
            let delete = move || {
                chat.delete(seq);
                dialogs.close();
            };
            let message = first_line(chat, seq);
            (
                texts.confirm_delete,
                confirm(message, texts.confirm_delete_text, texts.delete, note, Box::new(delete)),
            )
        }
        DialogKind::ConfirmKick(person) => {
            let name = chat.current_room.roster.with_untracked(|roster| roster.name_of(person));
            let kick = move || {
                spawn(async move {
                    match chat.kick(person).await {
                        Ok(()) => dialogs.close(),
                        Err(reason) => {
                            note.try_set(error_text(reason, texts));
                        }
                    }
                });
            };
            (texts.confirm_kick, confirm(name, texts.confirm_kick_text, texts.kick, note, Box::new(kick)))
        }
    };
    let dialog = ElementRef::new();
    dialog.on_load(|dialog: HtmlDialogElement| show_modal(&dialog));
    let close_on_backdrop = move |click: ev::MouseEvent| {
        if click.target() == click.current_target() {
            dialogs.close();
        }
    };
    view! {
        <dialog
            id=ID
            class="dialog"
            node_ref=dialog
            aria-labelledby="dialog-title"
            on:close=move |_| dialogs.on_close()
            on:click=close_on_backdrop
        >
            <div class="dialog-content">
                <header>
                    <h2 id="dialog-title">{title}</h2>
                    <button class="icon-button" aria-label=texts.close on:click=move |_| dialogs.close()>
                        <Icon name="close"/>
                    </button>
                </header>
                {content}
            </div>
        </dialog>
    }
}

/// Asks for confirmation: shows what is affected, the consequence, the button, and the error if it fails.
fn confirm(
    subject: Option<String>,
    consequence: &'static str,
    label: &'static str,
    note: RwSignal<String>,
    act: Box<dyn Fn()>,
) -> AnyView {
    let dialogs = use_dialogs();
    view! {
        <div class="confirm">
            <blockquote dir="auto">{subject}</blockquote>
            <p class="muted">{consequence}</p>
            <p class="form-note" role="alert">
                {move || note.get()}
            </p>
            <div class="card-actions">
                <button class="button danger" on:click=move |_| act()>{label}</button>
                <button class="button" on:click=move |_| dialogs.close()>{use_texts().cancel}</button>
            </div>
        </div>
    }
    .into_any()
}
