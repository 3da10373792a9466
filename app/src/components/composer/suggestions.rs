//! The suggestions for names and emoji, above the text.
//!
//! The focus stays in the textarea, whose `aria-activedescendant` names the selected option, as the ARIA
//! practices describe a listbox. A textarea must not be a `combobox`, because it is multiline.

use leptos::{ev, prelude::*};

use super::editor::{Editor, SUGGESTIONS_ID};
use crate::{
    components::avatar::Avatar,
    state::completion::{Suggestion, SuggestionList},
    view::{collect_views, reactive},
};

/// The id of the selected option.
pub(super) fn selected_id(editor: Editor) -> Option<String> {
    editor
        .state
        .suggestions
        .with(|suggestions| (!suggestions.is_empty()).then(|| option_id(suggestions.selected_index())))
}

#[component]
pub(super) fn Suggestions(editor: Editor) -> impl IntoView {
    let suggestions = editor.state.suggestions;
    let texts = editor.texts;
    let options = move || {
        let all: Vec<_> = suggestions.with(|suggestions| {
            suggestions.iter().map(|(suggestion, is_selected)| (suggestion.clone(), is_selected)).collect()
        });
        let options = all.into_iter().enumerate();
        collect_views(
            options.map(|(index, (suggestion, is_selected))| {
                render_option(editor, index, suggestion, is_selected)
            }),
        )
    };
    let count = move || match suggestions.with(|suggestions| suggestions.iter().count()) {
        0 => String::new(),
        count => (texts.suggestion_count)(count),
    };
    // Keeps the focus in the textarea, and the on-screen keyboard open.
    let keep_focus = |press: ev::PointerEvent| press.prevent_default();
    view! {
        <ul
            id=SUGGESTIONS_ID
            class="suggestions"
            role="listbox"
            aria-label=texts.suggestions
            hidden=move || suggestions.with(SuggestionList::is_empty)
            on:pointerdown=keep_focus
        >
            {reactive(options)}
        </ul>
        <p class="visually-hidden" role="status">
            {reactive(count)}
        </p>
    }
}

fn render_option(editor: Editor, index: usize, suggestion: Suggestion, is_selected: bool) -> AnyView {
    let accept = move |_: ev::MouseEvent| {
        editor.state.suggestions.update(|suggestions| suggestions.select(index));
        editor.accept_suggestion();
    };
    let icon = match suggestion.person {
        Some(person) => view! { <Avatar person/> }.into_any(),
        None => {
            view! { <span class="suggestion-emoji" aria-hidden="true">{suggestion.text}</span> }.into_any()
        }
    };
    view! {
        <li id=option_id(index) role="option" aria-selected=is_selected.to_string() on:click=accept>
            {icon}
            <span>{suggestion.name}</span>
        </li>
    }
    .into_any()
}

fn option_id(index: usize) -> String {
    format!("suggestion-{index}")
}
