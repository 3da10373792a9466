//! The names of the people who are typing, above the composer. Rendered when nobody is typing as well, so
//! that the layout does not shift.

use common::person::Person;
use leptos::prelude::*;

use crate::{chat::use_chat, i18n::use_texts, view::reactive};

#[component]
pub(crate) fn TypingIndicator() -> impl IntoView {
    let chat = use_chat();
    let texts = use_texts();
    let text = move || {
        let me = chat.me().map(|me| me.id);
        let typing: Vec<_> = chat.current_room.typing.with(|typing| typing.people().collect());
        let names: Vec<String> = chat.current_room.roster.with(|roster| {
            let others = roster.people().iter().filter(|person| Some(person.id) != me);
            others.filter(|person| typing.contains(&person.id)).map(Person::marked_name).collect()
        });
        if names.is_empty() { String::new() } else { (texts.people_typing)(&names) }
    };
    view! { <p class="typing">{reactive(text)}</p> }
}
