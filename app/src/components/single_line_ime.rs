//! Enter in a single-line input submits its form exactly once, also while Hangul is being composed.
//! Browsers submit by themselves only when nothing is being composed.
//!
//! The listeners are on `window` in the capture phase: the submit may have opened another page when the
//! browser reports the same key press a second time, and the element focused there must not handle it.

use std::{cell::RefCell, rc::Rc};

use leptos::prelude::*;
use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::{CompositionEvent, Event, HtmlInputElement, KeyboardEvent};

use crate::{
    device,
    state::ime_keys::{Context, Decision, ImeKeys, Key},
    task::run_after,
};

const EVENTS: [&str; 5] = ["keydown", "keyup", "compositionstart", "compositionupdate", "compositionend"];

type SharedKeys = Rc<RefCell<ImeKeys>>;

/// Listens as long as the page lives.
pub(crate) fn listen_in_inputs() {
    let keys = SharedKeys::default();
    let listener =
        Closure::<dyn FnMut(Event)>::new(move |event: Event| on_event(&keys, &event)).into_js_value();
    for name in EVENTS {
        // Fails only if the listener is not a function.
        let _ = window().add_event_listener_with_callback_and_bool(name, listener.unchecked_ref(), true);
    }
}

fn on_event(keys: &SharedKeys, event: &Event) {
    let in_input = event.target().is_some_and(|target| target.has_type::<HtmlInputElement>());
    match (event.type_().as_str(), event.dyn_ref::<KeyboardEvent>()) {
        ("keydown", Some(press)) => key_down(keys, press, in_input),
        ("keyup", Some(press)) => keys.borrow_mut().key_up(device::key_press(press).key),
        // Autofill dispatches key events that are no KeyboardEvent. The composer handles its own keys.
        ("keydown" | "keyup", None) => {}
        _ if !in_input => {}
        ("compositionstart", _) => keys.borrow_mut().composition_start(),
        ("compositionupdate", _) => {
            let text = event.unchecked_ref::<CompositionEvent>().data().unwrap_or_default();
            keys.borrow_mut().composition_update(&text);
        }
        _ if keys.borrow_mut().composition_end() => {
            // The browser inserts the last syllable after this event.
            let keys = keys.clone();
            run_after(0, move || run_due_action(&keys));
        }
        _ => {}
    }
}

fn key_down(keys: &SharedKeys, event: &KeyboardEvent, in_input: bool) {
    // On a slow device the next key event may precede the timer.
    run_due_action(keys);
    if !in_input && !keys.borrow().has_handled_press() {
        return;
    }
    let press = device::key_press(event);
    let is_of_ime = press.composing || press.by_ime;
    let is_arrow = matches!(press.key, Key::Up | Key::Down);
    let context = Context { enter_sends: true, list_open: is_arrow, ..Context::default() };
    let decision = keys.borrow_mut().key_down(press, context);
    match decision {
        Decision::PreventDefault => {
            event.prevent_default();
            event.stop_propagation();
        }
        Decision::Do(_) if press.key == Key::Enter && is_of_ime && in_input => {
            event.prevent_default();
            submit();
        }
        // The arrows move among the candidates of the input method, not in a list of the page.
        Decision::AllowDefault if is_arrow && is_of_ime => event.stop_propagation(),
        // The browser, or the list of the input, handles it.
        Decision::AllowDefault | Decision::Do(_) => {}
    }
}

fn run_due_action(keys: &SharedKeys) {
    let due = keys.borrow_mut().take_deferred();
    if due.is_some() {
        submit();
    }
}

/// Submits the form of the focused input.
fn submit() {
    let field = document().active_element().and_then(|element| element.dyn_into::<HtmlInputElement>().ok());
    if let Some(form) = field.and_then(|field| field.form()) {
        // Fails only for a submit button of another form.
        let _ = form.request_submit();
    }
}
