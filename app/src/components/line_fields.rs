//! Enter in a field of one line: it submits the field's form, exactly once, while Hangul is being
//! composed too. Browsers do so by themselves only when nothing is being composed.
//!
//! It hears the keys of the whole page before anything else does, because the form may have led to
//! another page when the press is told once more, and what has the focus there must not take it for
//! one of its own.

use std::{cell::RefCell, rc::Rc};

use leptos::prelude::*;
use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::{CompositionEvent, Event, HtmlInputElement, KeyboardEvent};

use crate::{
    device,
    state::composer_keys::{Key, Keys, Situation, Verdict},
    task::later,
};

const HEARD: [&str; 5] = ["keydown", "keyup", "compositionstart", "compositionupdate", "compositionend"];

type Held = Rc<RefCell<Keys>>;

/// Listens as long as the page lives.
pub(crate) fn listen_in_line_fields() {
    let keys = Held::default();
    let hear = Closure::<dyn FnMut(Event)>::new(move |event: Event| hear(&keys, &event)).into_js_value();
    for name in HEARD {
        // Refused only for what is no function.
        let _ = window().add_event_listener_with_callback_and_bool(name, hear.unchecked_ref(), true);
    }
}

fn hear(keys: &Held, event: &Event) {
    let in_field = event.target().is_some_and(|target| target.has_type::<HtmlInputElement>());
    match (event.type_().as_str(), event.dyn_ref::<KeyboardEvent>()) {
        ("keydown", Some(press)) => key_down(keys, press, in_field),
        ("keyup", Some(press)) => keys.borrow_mut().key_up(device::press(press).key),
        // What fills forms in tells of presses that are none, and the composer hears its own.
        ("keydown" | "keyup", None) => {}
        _ if !in_field => {}
        ("compositionstart", _) => keys.borrow_mut().composition_start(),
        ("compositionupdate", _) => {
            let text = event.unchecked_ref::<CompositionEvent>().data().unwrap_or_default();
            keys.borrow_mut().composition_update(&text);
        }
        _ if keys.borrow_mut().composition_end() => {
            // The browser puts the last syllable into the field after this event.
            let keys = keys.clone();
            later(0, move || do_what_is_due(&keys));
        }
        _ => {}
    }
}

fn key_down(keys: &Held, event: &KeyboardEvent, in_field: bool) {
    // On a slow device the next key comes before the timer.
    do_what_is_due(keys);
    if !in_field && !keys.borrow().is_spent() {
        return;
    }
    let press = device::press(event);
    let of_input_method = press.composing || press.taken;
    let is_arrow = matches!(press.key, Key::Up | Key::Down);
    let situation = Situation { enter_sends: true, choosing: is_arrow, ..Situation::default() };
    let verdict = keys.borrow_mut().key_down(press, situation);
    match verdict {
        Verdict::Swallow => {
            event.prevent_default();
            event.stop_propagation();
        }
        Verdict::Do(_) if press.key == Key::Enter && of_input_method && in_field => {
            event.prevent_default();
            submit();
        }
        // The arrows walk among its candidates, and in no list of ours.
        Verdict::Pass if is_arrow && of_input_method => event.stop_propagation(),
        // The browser, or the list beside the field, does it.
        Verdict::Pass | Verdict::Do(_) => {}
    }
}

fn do_what_is_due(keys: &Held) {
    let due = keys.borrow_mut().due();
    if due.is_some() {
        submit();
    }
}

/// Submits the form of the field that has the focus.
fn submit() {
    let field = document().active_element().and_then(|element| element.dyn_into::<HtmlInputElement>().ok());
    if let Some(form) = field.and_then(|field| field.form()) {
        // Refused only for the buttons of other forms.
        let _ = form.request_submit();
    }
}
