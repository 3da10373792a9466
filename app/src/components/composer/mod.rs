//! The composer. The textarea owns its text: a signal bound to it would break Hangul syllables while they
//! are being composed.

mod banner;
mod editor;
mod reply_or_edit;
mod suggestions;
mod textarea;

use common::room::RoomName;
use leptos::{ev, prelude::*};
use web_sys::{DataTransfer, HtmlTextAreaElement};

use self::{banner::Banner, editor::Editor, suggestions::Suggestions};
pub(crate) use self::{editor::provide_composer, textarea::insert_at_caret};
use super::{
    dialog::{DialogButton, DialogKind},
    icon::Icon,
};
use crate::{
    device::is_touch,
    i18n::use_texts,
    view::{focus, listen_on_window},
};

#[cfg(test)]
#[cfg(target_arch = "wasm32")]
mod tests;

#[component]
pub(crate) fn Composer(room: RoomName) -> impl IntoView {
    let texts = use_texts();
    let placeholder = (texts.message_placeholder)(room.as_str());
    let editor = Editor::new(room);
    let state = editor.state;
    editor.textarea.on_load(move |textarea: HtmlTextAreaElement| {
        editor.mount(&textarea);
        if !is_touch() {
            focus(textarea.into());
        }
    });
    refuse_dropped_files(editor);
    let submit = move |submit: ev::SubmitEvent| {
        submit.prevent_default();
        editor.send();
    };
    // Otherwise a tap on the button would close the on-screen keyboard.
    let keep_focus = |press: ev::PointerEvent| press.prevent_default();
    view! {
        <form class="composer" on:submit=submit>
            <Suggestions editor/>
            <Banner editor/>
            <Textarea editor placeholder/>
            <DialogButton kind=DialogKind::EmojiPicker icon="react" name=texts.insert_emoji/>
            <button class="send" aria-label=texts.send on:pointerdown=keep_focus>
                <Icon name="send"/>
            </button>
            <p class="form-note" role="alert">
                {move || state.note.get()}
            </p>
            <p
                id="characters-left"
                class="characters-left"
                data-over-limit=move || state.characters_left.get().is_some_and(|left| left < 0)
            >
                {move || state.characters_left.get().map(texts.characters_left)}
            </p>
        </form>
    }
}

#[component]
fn Textarea(editor: Editor, placeholder: String) -> impl IntoView {
    let enter = move || if editor.enter_sends() { "send" } else { "enter" };
    view! {
        <textarea
            node_ref=editor.textarea
            rows="1"
            dir="auto"
            aria-label=editor.texts.message_label
            aria-autocomplete="list"
            aria-controls=editor::SUGGESTIONS_ID
            aria-activedescendant=move || suggestions::selected_id(editor)
            aria-describedby="characters-left"
            placeholder=placeholder
            enterkeyhint=enter
            on:keydown=move |event| editor.key_down(&event)
            on:keyup=move |event| editor.key_up(&event)
            on:click=move |_| editor.on_caret_move()
            on:beforeinput=move |event| editor.before_input(&event)
            on:compositionstart=move |_| editor.composition_start()
            on:compositionupdate=move |event| editor.composition_update(&event)
            on:compositionend=move |_| editor.composition_end()
            on:blur=move |_| editor.blur()
            on:input=move |_| editor.on_input()
            on:paste=move |event| refuse_pasted_files(editor, &event)
        ></textarea>
    }
}

/// Files can not be sent yet. Without this, the browser would navigate to a dropped file.
fn refuse_dropped_files(editor: Editor) {
    let carries_files = |event: &ev::DragEvent| event.data_transfer().is_some_and(|data| has_files(&data));
    listen_on_window(ev::dragover, move |event| {
        if carries_files(&event) {
            event.prevent_default();
        }
    });
    listen_on_window(ev::drop, move |event| {
        if carries_files(&event) {
            event.prevent_default();
            editor.refuse_files();
        }
    });
}

/// Content with text beside files, as from a spreadsheet, is pasted as text.
fn refuse_pasted_files(editor: Editor, event: &ev::ClipboardEvent) {
    let only_files = |data: &DataTransfer| {
        has_files(data) && data.get_data("text/plain").is_ok_and(|text| text.is_empty())
    };
    if event.clipboard_data().is_some_and(|data| only_files(&data)) {
        event.prevent_default();
        editor.refuse_files();
    }
}

fn has_files(data: &DataTransfer) -> bool {
    data.types().includes(&"Files".into(), 0)
}
