//! The modal dialog of the page; one is open at a time.
//!
//! A native `<dialog>` traps the focus, closes on Esc (and on Back on Android), and returns the focus.
//! Its content is built when it opens, and rebuilt when the language changes.

use common::{message::Seq, person::PersonId};
use leptos::{ev, prelude::*};
use wasm_bindgen::JsCast;
use web_sys::HtmlDialogElement;

use super::{
    emoji_picker::EmojiPicker,
    icon::Icon,
    message_menu::{MessageSheet, first_line},
    name_form::error_text,
    room_details::RoomDetails,
    settings::SettingsForm,
    share::Share,
    shortcuts::Shortcuts,
    switcher::Switcher,
};
use crate::{
    chat::use_chat,
    context::{expect_context, provide_context},
    field::Field,
    i18n::{use_locale, use_texts},
    route::use_router,
    task::{run_after, spawn},
    view::{ElementRef, effect, reactive},
};

const ID: &str = "dialog";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DialogKind {
    Settings,
    Shortcuts,
    Switcher,
    /// The link of the current room.
    Share,
    /// The details of the current room.
    RoomDetails,
    /// The actions on a message.
    MessageSheet(Seq),
    /// The emoji picker for a reaction.
    ReactionPicker(Seq),
    /// The emoji picker for the composer.
    EmojiPicker,
    /// Asks for confirmation before a message is deleted.
    ConfirmDelete(Seq),
    /// Asks for confirmation before a member is kicked.
    ConfirmKick(PersonId),
}

/// The dialog that is open, if any.
#[derive(Clone, Copy)]
pub(crate) struct Dialogs(Field<Option<DialogKind>>);

pub(crate) fn provide_dialogs() -> Dialogs {
    let dialogs = Dialogs(Field::new(None));
    provide_context(dialogs);
    dialogs
}

pub(crate) fn use_dialogs() -> Dialogs {
    expect_context()
}

impl Dialogs {
    pub(crate) fn open(self, kind: DialogKind) {
        self.0.set(Some(kind));
        if let Some(dialog) = dialog_element() {
            // The element still exists if it was closed just now and its close event is pending.
            show_modal(&dialog);
            // If it was open, the content is replaced. Reopening it moves the focus into the new content
            // and keeps the element that gets the focus back in the end.
            run_after(0, move || {
                if dialog.open() {
                    dialog.close();
                    show_modal(&dialog);
                }
            });
        }
    }

    /// Closes the element, whose close event then resets the state.
    pub(crate) fn close(self) {
        if let Some(dialog) = dialog_element() {
            dialog.close();
        }
    }

    /// Whether a dialog is open; the page behind it is inert.
    pub(crate) fn is_open(self) -> bool {
        dialog_element().is_some_and(|dialog| dialog.open())
    }

    fn on_close(self) {
        if !self.is_open() {
            self.0.set(None);
        }
    }
}

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

fn dialog_element() -> Option<HtmlDialogElement> {
    document().get_element_by_id(ID)?.dyn_into().ok()
}

fn show_modal(dialog: &HtmlDialogElement) {
    if !dialog.open() {
        // Fails only when it is open already, or removed.
        let _ = dialog.show_modal();
    }
}

/// A button that opens a dialog.
#[component]
pub(crate) fn DialogButton(kind: DialogKind, icon: &'static str, name: &'static str) -> impl IntoView {
    let dialogs = use_dialogs();
    view! {
        <button
            type="button"
            class="icon-button"
            aria-label=name
            title=name
            aria-haspopup="dialog"
            on:click=move |_| dialogs.open(kind)
        >
            <Icon name=icon/>
        </button>
    }
}
