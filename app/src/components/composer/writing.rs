//! The text that is being written: the textarea's own, read and changed here, so that the browser
//! can undo every change.
//!
//! The browser counts in UTF-16; everything else here in bytes.

use std::ops::Range;

use leptos::prelude::document;
use wasm_bindgen::JsCast;
use web_sys::{HtmlDocument, HtmlElement, HtmlTextAreaElement};

use crate::state::marks::Change;

/// Lets the textarea be as tall as its text where the browser knows how; `style/composer.css` stops
/// it at eight lines.
pub(super) fn let_grow(textarea: &HtmlTextAreaElement) {
    // Unknown properties are left out.
    let _ = HtmlElement::style(textarea).set_property("field-sizing", "content");
    fit(textarea);
}

/// Makes it as tall as its text where the browser does not.
pub(super) fn fit(textarea: &HtmlTextAreaElement) {
    let style = HtmlElement::style(textarea);
    if style.get_property_value("field-sizing").is_ok_and(|value| !value.is_empty()) {
        return;
    }
    // These can only fail for names that are not properties.
    let _ = style.set_property("height", "auto");
    let _ = style.set_property("height", &format!("{}px", textarea.scroll_height()));
}

/// Puts a text where the caret is. There is one composer at a time.
pub(crate) fn insert(text: &str) {
    let found = document().query_selector(".composer textarea").ok().flatten();
    if let Some(textarea) = found.and_then(|element| element.dyn_into::<HtmlTextAreaElement>().ok()) {
        let before = textarea.value();
        let place = selected(&textarea, &before);
        let end = place.start + text.len();
        change(&textarea, &before, &Change { place, text: text.to_owned(), selected: end..end });
    }
}

/// What is selected in `text`, which is the textarea's.
pub(super) fn selected(textarea: &HtmlTextAreaElement, text: &str) -> Range<usize> {
    let place = |utf16: Option<u32>| byte_at(text, utf16.unwrap_or_default());
    let (start, end) = (textarea.selection_start(), textarea.selection_end());
    place(start.ok().flatten())..place(end.ok().flatten())
}

/// Carries a change out as if it had been typed: it is told as input, and can be undone.
pub(super) fn change(textarea: &HtmlTextAreaElement, text: &str, change: &Change) {
    // The command is for whatever has the focus.
    let _ = textarea.focus();
    select(textarea, text, &change.place);
    let typed = document().dyn_ref::<HtmlDocument>().is_some_and(|document| {
        let command = if change.text.is_empty() { "delete" } else { "insertText" };
        document.exec_command_with_show_ui_and_value(command, false, &change.text).unwrap_or_default()
    });
    if !typed {
        // Without the command it can not be undone, but it is done.
        let _ = textarea.set_range_text(&change.text);
    }
    select(textarea, &textarea.value(), &change.selected);
}

fn select(textarea: &HtmlTextAreaElement, text: &str, place: &Range<usize>) {
    let [start, end] = [place.start, place.end].map(|end| utf16_len(&text[..end.min(text.len())]));
    // Fails for inputs without a selection only.
    let _ = textarea.set_selection_range(start, end);
}

fn utf16_len(text: &str) -> u32 {
    text.chars().map(|c| c.len_utf16() as u32).sum()
}

fn byte_at(text: &str, utf16: u32) -> usize {
    let mut left = utf16 as usize;
    let before = text.chars().take_while(|c| {
        let fits = left >= c.len_utf16();
        left = left.saturating_sub(c.len_utf16());
        fits
    });
    before.map(char::len_utf8).sum()
}
