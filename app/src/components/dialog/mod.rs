//! Opens and closes the modal dialog of the page; one is open at a time.
//!
//! Every component may import this module; only `app` imports [`content`], which imports the components
//! that a dialog shows.

pub(crate) mod content;

use common::{message::Seq, person::PersonId};
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::HtmlDialogElement;

use super::icon::Icon;
use crate::{
    context::{expect_context, provide_context},
    field::Field,
    task::run_after,
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
