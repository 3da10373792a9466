//! The names and emoji that can be taken for the word being written, above the text.
//!
//! The focus stays in the textarea, which tells readers aloud which of them is marked: a listbox as
//! the ARIA practices have it. A textarea is no `combobox` by their rules, because it has lines.

use leptos::{ev, prelude::*};

use super::desk::Desk;
use crate::{
    components::face::Face,
    state::completion::{Choice, Choices},
    view::{dynamic, each},
};

pub(super) const ID: &str = "suggestions";

/// The id of the option that is marked.
pub(super) fn marked(desk: Desk) -> Option<String> {
    desk.shown.choices.with(|choices| (!choices.is_empty()).then(|| id(choices.place())))
}

#[component]
pub(super) fn Suggestions(desk: Desk) -> impl IntoView {
    let choices = desk.shown.choices;
    let words = desk.words;
    let options = move || {
        let all: Vec<_> =
            choices.with(|choices| choices.iter().map(|(choice, marked)| (choice.clone(), marked)).collect());
        let options = all.into_iter().enumerate();
        each(options.map(|(place, (choice, marked))| option(desk, place, choice, marked)))
    };
    let count = move || match choices.with(|choices| choices.iter().count()) {
        0 => String::new(),
        count => (words.suggested)(count),
    };
    // The textarea keeps the focus, and the keyboard of a phone stays.
    let keep_focus = |press: ev::PointerEvent| press.prevent_default();
    view! {
        <ul
            id=ID
            class="suggestions"
            role="listbox"
            aria-label=words.suggestions
            hidden=move || choices.with(Choices::is_empty)
            on:pointerdown=keep_focus
        >
            {dynamic(options)}
        </ul>
        <p class="visually-hidden" role="status">
            {dynamic(count)}
        </p>
    }
}

fn option(desk: Desk, place: usize, choice: Choice, marked: bool) -> AnyView {
    let take = move |_: ev::MouseEvent| {
        desk.shown.choices.update(|choices| choices.mark(place));
        desk.choose();
    };
    let face = match choice.person {
        Some(person) => view! { <Face person/> }.into_any(),
        None => view! { <span class="glyph" aria-hidden="true">{choice.text}</span> }.into_any(),
    };
    view! {
        <li id=id(place) role="option" aria-selected=marked.to_string() on:click=take>
            {face}
            <span>{choice.name}</span>
        </li>
    }
    .into_any()
}

fn id(place: usize) -> String {
    format!("suggestion-{place}")
}
