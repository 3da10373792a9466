//! Where one writes. The text is the textarea's own: a signal bound to it would break Hangul
//! syllables while they are being composed.

mod banner;
mod bound;
mod desk;
mod suggestions;
mod writing;

use common::room::RoomName;
use leptos::{ev, prelude::*};
use web_sys::{DataTransfer, HtmlTextAreaElement};

use self::{banner::Banner, desk::Desk, suggestions::Suggestions};
pub(crate) use self::{desk::provide_composer, writing::insert};
use super::{
    dialog::{Opener, Topic},
    icon::Icon,
};
use crate::{
    device::is_touch,
    i18n::use_words,
    view::{focus, listen},
};

#[cfg(test)]
#[cfg(target_arch = "wasm32")]
mod tests;

#[component]
pub(crate) fn Composer(room: RoomName) -> impl IntoView {
    let words = use_words();
    let hint = (words.message_hint)(room.as_str());
    let desk = Desk::new(room);
    let shown = desk.shown;
    desk.textarea.on_load(move |textarea: HtmlTextAreaElement| {
        desk.open(&textarea);
        if !is_touch() {
            focus(textarea.into());
        }
    });
    refuse_dropped_files(desk);
    let submit = move |submit: ev::SubmitEvent| {
        submit.prevent_default();
        desk.send();
    };
    // Without this a tap on the button would take the keyboard away.
    let keep_focus = |press: ev::PointerEvent| press.prevent_default();
    view! {
        <form class="composer" on:submit=submit>
            <Suggestions desk/>
            <Banner desk/>
            <Textarea desk hint/>
            <Opener topic=Topic::Emoji icon="react" name=words.insert_emoji/>
            <button class="send" aria-label=words.send on:pointerdown=keep_focus>
                <Icon name="send"/>
            </button>
            <p class="form-note" role="alert">
                {move || shown.note.get()}
            </p>
            <p
                id="left"
                class="left"
                data-over=move || shown.left.get().is_some_and(|left| left < 0)
            >
                {move || shown.left.get().map(words.left)}
            </p>
        </form>
    }
}

#[component]
fn Textarea(desk: Desk, hint: String) -> impl IntoView {
    let enter = move || if desk.enter_sends() { "send" } else { "enter" };
    view! {
        <textarea
            node_ref=desk.textarea
            rows="1"
            dir="auto"
            aria-label=desk.words.message
            aria-autocomplete="list"
            aria-controls=suggestions::ID
            aria-activedescendant=move || suggestions::marked(desk)
            aria-describedby="left"
            placeholder=hint
            enterkeyhint=enter
            on:keydown=move |event| desk.key_down(&event)
            on:keyup=move |event| desk.key_up(&event)
            on:click=move |_| desk.moved()
            on:beforeinput=move |event| desk.before_input(&event)
            on:compositionstart=move |_| desk.composition_start()
            on:compositionupdate=move |event| desk.composition_update(&event)
            on:compositionend=move |_| desk.composition_end()
            on:blur=move |_| desk.blur()
            on:input=move |_| desk.changed()
            on:paste=move |event| refuse_pasted_files(desk, &event)
        ></textarea>
    }
}

/// Files can not be sent yet. Without this the browser would leave the page for one that is dropped
/// on it.
fn refuse_dropped_files(desk: Desk) {
    let carries_files = |event: &ev::DragEvent| event.data_transfer().is_some_and(|data| has_files(&data));
    listen(ev::dragover, move |event| {
        if carries_files(&event) {
            event.prevent_default();
        }
    });
    listen(ev::drop, move |event| {
        if carries_files(&event) {
            event.prevent_default();
            desk.refuse_files();
        }
    });
}

/// A picture of a text is pasted as that text.
fn refuse_pasted_files(desk: Desk, event: &ev::ClipboardEvent) {
    let only_files = |data: &DataTransfer| {
        has_files(data) && data.get_data("text/plain").is_ok_and(|text| text.is_empty())
    };
    if event.clipboard_data().is_some_and(|data| only_files(&data)) {
        event.prevent_default();
        desk.refuse_files();
    }
}

fn has_files(data: &DataTransfer) -> bool {
    data.types().includes(&"Files".into(), 0)
}
