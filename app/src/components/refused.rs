//! Which field of a form was refused: it is marked as such, described by the form's note, and has the
//! focus, until something else is written.

use wasm_bindgen::JsCast;
use web_sys::{Element, Event, HtmlElement};

use crate::view::{Slot, focus};

const MARKS: [&str; 2] = ["aria-invalid", "aria-describedby"];

pub(crate) fn mark(field: Slot, note: &str) {
    let Some(field) = field.get::<HtmlElement>() else { return };
    for (name, value) in MARKS.into_iter().zip(["true", note]) {
        // Fails only for names that are not names.
        let _ = field.set_attribute(name, value);
    }
    // It may be folded away.
    if let Ok(Some(details)) = field.closest("details") {
        let _ = details.set_attribute("open", "");
    }
    focus(field);
}

/// Something is written in the form, or it is submitted once more.
pub(crate) fn unmark(event: &Event) {
    let form = event.current_target().and_then(|form| form.dyn_into::<Element>().ok());
    if let Some(Ok(Some(field))) = form.map(|form| form.query_selector("[aria-invalid]")) {
        for name in MARKS {
            // As above.
            let _ = field.remove_attribute(name);
        }
    }
}
