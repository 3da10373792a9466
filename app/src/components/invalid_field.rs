//! Marks the refused field of a form as invalid, links it to the error text and focuses it, until the
//! user types again.

use wasm_bindgen::JsCast;
use web_sys::{Element, Event, HtmlElement};

use crate::view::{ElementRef, focus};

const ATTRIBUTES: [&str; 2] = ["aria-invalid", "aria-describedby"];

pub(crate) fn mark(field: ElementRef, note: &str) {
    let Some(field) = field.get::<HtmlElement>() else { return };
    for (name, value) in ATTRIBUTES.into_iter().zip(["true", note]) {
        // Fails only for invalid attribute names.
        let _ = field.set_attribute(name, value);
    }
    // The field may be in a closed `<details>`.
    if let Ok(Some(details)) = field.closest("details") {
        let _ = details.set_attribute("open", "");
    }
    focus(field);
}

/// Called when the user types in the form or submits it again.
pub(crate) fn unmark(event: &Event) {
    let form = event.current_target().and_then(|form| form.dyn_into::<Element>().ok());
    if let Some(Ok(Some(field))) = form.map(|form| form.query_selector("[aria-invalid]")) {
        for name in ATTRIBUTES {
            // As above.
            let _ = field.remove_attribute(name);
        }
    }
}
