//! Creates elements without `view!`, where there are too many kinds or too many of them: the text of a
//! message, and the emoji picker.
//!
//! The names of elements and attributes are constants; user input is only ever a text node or the value
//! of an attribute.

use leptos::prelude::document;
use web_sys::Element;

/// Appends an element to `parent`; `fill` adds its children.
pub(crate) fn add(
    parent: &Element,
    name: &'static str,
    attributes: &[(&'static str, &str)],
    fill: &mut dyn FnMut(&Element),
) {
    // These calls fail only for invalid names.
    let Ok(element) = document().create_element(name) else { return };
    for (name, value) in attributes {
        let _ = element.set_attribute(name, value);
    }
    fill(&element);
    let _ = parent.append_child(&element);
}

pub(crate) fn add_text(parent: &Element, text: &str) {
    // Fails only for nodes that can not have children.
    let _ = parent.append_with_str_1(text);
}
