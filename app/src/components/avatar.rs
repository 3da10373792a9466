//! A person as a coloured initial, and a row of several.

use common::person::{Person, PersonId};
use leptos::prelude::*;

use crate::view::collect_views;

/// The number of hues in `style/tokens.css`.
const HUES: u64 = 12;

/// Returns the hue of a person, the same on every device.
pub(crate) fn hue(id: PersonId) -> u64 {
    id.0 % HUES
}

/// Decoration beside a name, hidden from screen readers.
#[component]
pub(crate) fn Avatar(person: Person) -> impl IntoView {
    let initial: String =
        person.name.as_str().chars().next().into_iter().flat_map(char::to_uppercase).collect();
    view! {
        <span class="avatar" data-hue=hue(person.id).to_string() aria-hidden="true">
            {initial}
        </span>
    }
}

/// The maximum in a row.
const MAX_SHOWN: usize = 4;

/// Renders the first few of `people` and how many more there are of `count`.
#[component]
pub(crate) fn Avatars(people: Vec<Person>, count: usize) -> impl IntoView {
    let more = count.saturating_sub(people.len().min(MAX_SHOWN));
    let avatars = collect_views(people.into_iter().take(MAX_SHOWN).map(|person| view! { <Avatar person/> }));
    view! {
        <span class="avatars" aria-hidden="true">
            {avatars} {(more > 0).then(|| view! { <span class="avatar more">{format!("+{more}")}</span> })}
        </span>
    }
}
