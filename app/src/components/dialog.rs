//! What may lie over the page, one thing at a time.
//!
//! A native `<dialog>`: it keeps the focus inside, closes with Esc (and with Back on Android), and
//! gives the focus back to where it was. Its content is built when it opens, and anew in another
//! language.

use common::{message::Seq, person::PersonId};
use leptos::{ev, prelude::*};
use wasm_bindgen::JsCast;
use web_sys::HtmlDialogElement;

use super::{
    actions::{MessageSheet, first_line},
    emoji_picker::EmojiPicker,
    icon::Icon,
    name_form::said,
    room_details::RoomDetails,
    settings::SettingsForm,
    share::Share,
    shortcuts::Shortcuts,
    switcher::Switcher,
};
use crate::{
    chat::use_chat,
    field::Field,
    handle::{find, provide},
    i18n::{use_speech, use_words},
    route::use_router,
    task::{later, spawn},
    view::{Slot, dynamic, watch},
};

const ID: &str = "dialog";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Topic {
    Settings,
    Shortcuts,
    Switcher,
    /// The link of the room one is in.
    Share,
    /// Everything about the room one is in.
    Room,
    /// What can be done with a message.
    Message(Seq),
    /// An emoji for a message.
    React(Seq),
    /// An emoji for what is being written.
    Emoji,
    /// Whether a message is to be taken back.
    Delete(Seq),
    /// Whether somebody is to be removed from the room one is in.
    Remove(PersonId),
}

/// The handle to what lies over the page.
#[derive(Clone, Copy)]
pub(crate) struct Dialogs(Field<Option<Topic>>);

pub(crate) fn provide_dialogs() -> Dialogs {
    let dialogs = Dialogs(Field::new(None));
    provide(dialogs);
    dialogs
}

pub(crate) fn use_dialogs() -> Dialogs {
    find()
}

impl Dialogs {
    pub(crate) fn open(self, topic: Topic) {
        self.0.set(Some(topic));
        if let Some(dialog) = element() {
            // One that was just closed, and has not told us yet.
            show_modal(&dialog);
            // One that was open goes on with other content: the focus is to go where that wants it, and
            // in the end back to where it was at first.
            later(0, move || {
                if dialog.open() {
                    dialog.close();
                    show_modal(&dialog);
                }
            });
        }
    }

    /// The element itself tells when it is closed, however that happened.
    pub(crate) fn close(self) {
        if let Some(dialog) = element() {
            dialog.close();
        }
    }

    /// Something lies over the page, and only that is to be used.
    pub(crate) fn is_open(self) -> bool {
        element().is_some_and(|dialog| dialog.open())
    }

    fn closed(self) {
        if !self.is_open() {
            self.0.set(None);
        }
    }
}

#[component]
pub(crate) fn Dialog() -> impl IntoView {
    let dialogs = use_dialogs();
    let speech = use_speech();
    let router = use_router();
    // What it is about belongs to the page it was opened on.
    watch(move || {
        router.page();
        dialogs.close();
    });
    dynamic(move || {
        speech.language();
        dialogs.0.get().map(|topic| show(topic, dialogs).into_any())
    })
}

fn show(topic: Topic, dialogs: Dialogs) -> impl IntoView {
    let words = use_words();
    let chat = use_chat();
    let room = chat.visit.room.get_untracked();
    let note = RwSignal::new(String::new());
    let (title, inside) = match topic {
        Topic::Settings => (words.settings, view! { <SettingsForm/> }.into_any()),
        Topic::Shortcuts => (words.shortcuts, view! { <Shortcuts/> }.into_any()),
        Topic::Switcher => (words.switch_room, view! { <Switcher/> }.into_any()),
        Topic::Share => (words.share, room.map(|room| view! { <Share room/> }).into_any()),
        Topic::Room => (words.about_room, room.map(|room| view! { <RoomDetails room/> }).into_any()),
        Topic::Message(seq) => (words.message_actions, view! { <MessageSheet seq/> }.into_any()),
        Topic::React(seq) => (words.react, view! { <EmojiPicker seq=Some(seq)/> }.into_any()),
        Topic::Emoji => (words.insert_emoji, view! { <EmojiPicker seq=None/> }.into_any()),
        Topic::Delete(seq) => {
            let delete = move || {
                chat.delete(seq);
                dialogs.close();
            };
            let message = first_line(chat, seq);
            (words.ask_delete, ask(message, words.delete_more, words.delete, note, Box::new(delete)))
        }
        Topic::Remove(person) => {
            let name = chat.visit.roster.with_untracked(|roster| roster.name(person));
            let remove = move || {
                spawn(async move {
                    match chat.remove(person).await {
                        Ok(()) => dialogs.close(),
                        Err(reason) => {
                            note.try_set(said(reason, words));
                        }
                    }
                });
            };
            (words.ask_remove, ask(name, words.remove_more, words.remove, note, Box::new(remove)))
        }
    };
    let dialog = Slot::new();
    dialog.on_load(|dialog: HtmlDialogElement| show_modal(&dialog));
    let close_beside = move |click: ev::MouseEvent| {
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
            on:close=move |_| dialogs.closed()
            on:click=close_beside
        >
            <div class="dialog-inside">
                <header>
                    <h2 id="dialog-title">{title}</h2>
                    <button class="icon-button" aria-label=words.close on:click=move |_| dialogs.close()>
                        <Icon name="close"/>
                    </button>
                </header>
                {inside}
            </div>
        </dialog>
    }
}

/// Asks whether something is really to be done: what is concerned, what will be, the word for it, and
/// why it could not be done.
fn ask(
    concerned: Option<String>,
    more: &'static str,
    word: &'static str,
    note: RwSignal<String>,
    act: Box<dyn Fn()>,
) -> AnyView {
    let dialogs = use_dialogs();
    view! {
        <div class="ask">
            <blockquote dir="auto">{concerned}</blockquote>
            <p class="quiet">{more}</p>
            <p class="form-note" role="alert">
                {move || note.get()}
            </p>
            <div class="card-actions">
                <button class="button danger" on:click=move |_| act()>{word}</button>
                <button class="button" on:click=move |_| dialogs.close()>{use_words().cancel}</button>
            </div>
        </div>
    }
    .into_any()
}

fn element() -> Option<HtmlDialogElement> {
    document().get_element_by_id(ID)?.dyn_into().ok()
}

fn show_modal(dialog: &HtmlDialogElement) {
    if !dialog.open() {
        // Refused only when it is open already, or no longer in the document.
        let _ = dialog.show_modal();
    }
}

/// A button that opens one of them.
#[component]
pub(crate) fn Opener(topic: Topic, icon: &'static str, name: &'static str) -> impl IntoView {
    let dialogs = use_dialogs();
    view! {
        <button
            type="button"
            class="icon-button"
            aria-label=name
            title=name
            aria-haspopup="dialog"
            on:click=move |_| dialogs.open(topic)
        >
            <Icon name=icon/>
        </button>
    }
}
