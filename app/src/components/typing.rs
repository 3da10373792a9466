//! Who is writing just now, in the line above the composer. The line is there when nobody writes, so
//! that nothing moves when somebody does.

use leptos::prelude::*;

use crate::{chat::use_chat, i18n::use_words, view::dynamic};

#[component]
pub(crate) fn TypingLine() -> impl IntoView {
    let chat = use_chat();
    let words = use_words();
    let said = move || {
        let me = chat.me().map(|me| me.id);
        let typing: Vec<_> = chat.visit.typing.with(|typing| typing.people().collect());
        let names: Vec<String> = chat.visit.roster.with(|roster| {
            let others = roster.people().iter().filter(|person| Some(person.id) != me);
            others
                .filter(|person| typing.contains(&person.id))
                .map(|person| person.name.to_string())
                .collect()
        });
        if names.is_empty() { String::new() } else { (words.typing)(&names) }
    };
    view! { <p class="typing">{dynamic(said)}</p> }
}
