//! Elements made one by one, where there are too many kinds or too many of them for `view!`: the
//! text of a message, the emoji to pick from.
//!
//! Names and attributes are written in the source; what comes from people is only ever a text or
//! the value of an attribute.

use leptos::prelude::document;
use web_sys::Element;

/// Adds an element to `parent` and lets `fill` put something into it.
pub(crate) fn add(
    parent: &Element,
    name: &'static str,
    attributes: &[(&'static str, &str)],
    fill: &mut dyn FnMut(&Element),
) {
    // This and what follows fails only for names that are not names.
    let Ok(element) = document().create_element(name) else { return };
    for (name, value) in attributes {
        let _ = element.set_attribute(name, value);
    }
    fill(&element);
    let _ = parent.append_child(&element);
}

pub(crate) fn add_text(parent: &Element, text: &str) {
    // Fails only where nothing can stand.
    let _ = parent.append_with_str_1(text);
}
