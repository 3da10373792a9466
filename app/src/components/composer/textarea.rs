//! Reads and changes the text of the textarea, in a way that the browser can undo.
//!
//! The browser's offsets are in UTF-16 units; all others here are in bytes.

use std::ops::Range;

use leptos::prelude::document;
use wasm_bindgen::JsCast;
use web_sys::{HtmlDocument, HtmlElement, HtmlTextAreaElement};

use crate::state::format_commands::TextEdit;

/// Lets the textarea grow with its text, up to the eight lines of `style/composer.css`.
pub(super) fn enable_autosize(textarea: &HtmlTextAreaElement) {
    // Browsers ignore unknown properties.
    let _ = HtmlElement::style(textarea).set_property("field-sizing", "content");
    fit_height(textarea);
}

/// Sets the height to that of the text, in browsers without `field-sizing`.
pub(super) fn fit_height(textarea: &HtmlTextAreaElement) {
    let style = HtmlElement::style(textarea);
    if style.get_property_value("field-sizing").is_ok_and(|value| !value.is_empty()) {
        return;
    }
    // These fail only for invalid property names.
    let _ = style.set_property("height", "auto");
    let _ = style.set_property("height", &format!("{}px", textarea.scroll_height()));
}

/// Inserts a text at the caret. There is one composer at a time.
pub(crate) fn insert_at_caret(text: &str) {
    let found = document().query_selector(".composer textarea").ok().flatten();
    if let Some(textarea) = found.and_then(|element| element.dyn_into::<HtmlTextAreaElement>().ok()) {
        let value = textarea.value();
        let range = selection(&textarea, &value);
        let end = range.start + text.len();
        apply_edit(&textarea, &value, &TextEdit { range, replacement: text.to_owned(), selection: end..end });
    }
}

/// The selected range of `text`, the value of the textarea.
pub(super) fn selection(textarea: &HtmlTextAreaElement, text: &str) -> Range<usize> {
    let offset = |utf16: Option<u32>| byte_offset(text, utf16.unwrap_or_default());
    let (start, end) = (textarea.selection_start(), textarea.selection_end());
    offset(start.ok().flatten())..offset(end.ok().flatten())
}

/// Applies an edit as if it had been typed: it dispatches an input event and can be undone.
pub(super) fn apply_edit(textarea: &HtmlTextAreaElement, text: &str, edit: &TextEdit) {
    // `execCommand` works on the focused element.
    let _ = textarea.focus();
    set_selection(textarea, text, &edit.range);
    let typed = document().dyn_ref::<HtmlDocument>().is_some_and(|document| {
        let command = if edit.replacement.is_empty() { "delete" } else { "insertText" };
        document.exec_command_with_show_ui_and_value(command, false, &edit.replacement).unwrap_or_default()
    });
    if !typed {
        // Without the command the change can not be undone.
        let _ = textarea.set_range_text(&edit.replacement);
    }
    set_selection(textarea, &textarea.value(), &edit.selection);
}

fn set_selection(textarea: &HtmlTextAreaElement, text: &str, range: &Range<usize>) {
    let [start, end] = [range.start, range.end].map(|end| utf16_len(&text[..end.min(text.len())]));
    // Fails only for inputs without a selection.
    let _ = textarea.set_selection_range(start, end);
}

fn utf16_len(text: &str) -> u32 {
    text.chars().map(|c| c.len_utf16() as u32).sum()
}

fn byte_offset(text: &str, utf16: u32) -> usize {
    let mut left = utf16 as usize;
    let before = text.chars().take_while(|c| {
        let fits = left >= c.len_utf16();
        left = left.saturating_sub(c.len_utf16());
        fits
    });
    before.map(char::len_utf8).sum()
}
