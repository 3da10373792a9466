//! Where one writes. The text is the textarea's own: a signal bound to it would break Hangul
//! syllables while they are being composed.
//!
//! What Enter does is decided by `state::enter`; this file hands it the browser's events.

use std::time::Duration;

use common::{message::Body, refusal::Refusal, room::RoomName};
use leptos::{ev, html, prelude::*};
use web_sys::HtmlTextAreaElement;

use super::icon::Icon;
use crate::{
    chat::use_chat,
    i18n::{Words, use_words},
    state::enter::{Enter, Press, Verdict},
    storage,
};

#[cfg(test)]
#[cfg(target_arch = "wasm32")]
mod tests;

#[component]
pub(crate) fn Composer(room: RoomName) -> impl IntoView {
    let chat = use_chat();
    let words = use_words();
    let name = room.to_string();
    let room = StoredValue::new(room);
    let textarea = NodeRef::<html::Textarea>::new();
    let note = RwSignal::new(String::new());
    let touch = is_touch();
    textarea.on_load(move |textarea| {
        textarea.set_value(&room.with_value(storage::draft));
        fit(&textarea);
        if !touch {
            // Refused only when it is gone already.
            let _ = textarea.focus();
        }
    });
    let send = move || {
        let Some(textarea) = textarea.get_untracked() else { return };
        match chat.send(&textarea.value()) {
            Ok(()) => {
                // The draft stays until the outbox is on the disk; `chat` takes it away then.
                textarea.set_value("");
                measure(&textarea, note, words);
            }
            Err(Refusal::MessageEmpty) => {}
            Err(refusal) => note.set((words.refusal)(refusal).to_owned()),
        }
    };
    let submit = move |submit: ev::SubmitEvent| {
        submit.prevent_default();
        send();
    };
    view! {
        <form class="composer" on:submit=submit>
            <Textarea textarea hint=(words.message_hint)(&name) touch send room note/>
            // Without this a tap on the button would take the keyboard away.
            <button class="send" aria-label=words.send on:pointerdown=|press| press.prevent_default()>
                <Icon name="send"/>
            </button>
            <p class="form-note" role="alert">
                {note}
            </p>
        </form>
    }
}

/// The textarea with everything Enter needs to know.
#[component]
fn Textarea<S>(
    textarea: NodeRef<html::Textarea>,
    hint: String,
    touch: bool,
    send: S,
    room: StoredValue<RoomName>,
    note: RwSignal<String>,
) -> impl IntoView
where
    S: Fn() + Copy + 'static,
{
    let words = use_words();
    let enter = StoredValue::new(Enter::default());
    let tell = move |event: &web_sys::Event,
                     verdict: fn(&mut Enter, Press, bool) -> Verdict,
                     press: Press| {
        let verdict = enter.try_update_value(|enter| verdict(enter, press, !touch)).unwrap_or(Verdict::Pass);
        if verdict != Verdict::Pass {
            event.prevent_default();
        }
        verdict == Verdict::Send
    };
    let key_down = move |event: ev::KeyboardEvent| {
        if tell(&event, Enter::key_down, press(&event)) {
            send();
        }
    };
    let before_input = move |event: ev::InputEvent| {
        if matches!(event.input_type().as_str(), "insertLineBreak" | "insertParagraph") {
            tell(&event, |enter, _, _| enter.line_break(), Press::default());
        }
    };
    let composition_end = move |_| {
        if enter.try_update_value(Enter::composition_end).unwrap_or(false) {
            // The browser puts the last syllable into the text after this event.
            set_timeout(send, Duration::ZERO);
        }
    };
    view! {
        <textarea
            node_ref=textarea
            rows="1"
            aria-label=words.message
            placeholder=hint
            enterkeyhint=if touch { "enter" } else { "send" }
            on:keydown=key_down
            on:keyup=move |event| if press(&event).enter { enter.update_value(Enter::key_up) }
            on:beforeinput=before_input
            on:compositionstart=move |_| enter.update_value(Enter::composition_start)
            on:compositionupdate=move |event: ev::CompositionEvent| {
                let text = event.data().unwrap_or_default();
                enter.update_value(|enter| enter.composition_update(&text));
            }
            on:compositionend=composition_end
            on:blur=move |_| enter.update_value(Enter::blur)
            on:input=move |_| {
                if let Some(textarea) = textarea.get_untracked() {
                    room.with_value(|room| storage::keep_draft(room, &textarea.value()));
                    measure(&textarea, note, words);
                }
            }
        ></textarea>
    }
}

/// Windows calls every key that an input method takes "Process"; its place on the keyboard is
/// still told.
fn press(event: &ev::KeyboardEvent) -> Press {
    Press {
        enter: event.key() == "Enter" || matches!(event.code().as_str(), "Enter" | "NumpadEnter"),
        hanja: event.key() == "HanjaMode",
        shift: event.shift_key(),
        command: event.ctrl_key() || event.meta_key(),
        composing: event.is_composing(),
        taken: event.key_code() == 229,
    }
}

/// Gives the text its room, and says when it is too long.
fn measure(textarea: &HtmlTextAreaElement, note: RwSignal<String>, words: &Words) {
    let text = textarea.value();
    fit(textarea);
    let over = if text.len() > Body::MAX { Body::length(&text).saturating_sub(Body::MAX) } else { 0 };
    note.set(if over > 0 { (words.too_long_by)(over) } else { String::new() });
}

/// As tall as the text; `style/composer.css` stops it at eight lines.
fn fit(textarea: &HtmlTextAreaElement) {
    let style = web_sys::HtmlElement::style(textarea);
    // These can only fail for names that are not properties.
    let _ = style.set_property("height", "auto");
    let _ = style.set_property("height", &format!("{}px", textarea.scroll_height()));
}

/// Whether the keyboard is on the screen: then Enter breaks the line and the button sends.
pub(crate) fn is_touch() -> bool {
    let query = window().match_media("(hover: none) and (pointer: coarse)");
    query.ok().flatten().is_some_and(|query| query.matches())
}
