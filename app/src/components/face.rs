//! A person as a coloured initial, and several of them side by side.

use common::person::{Person, PersonId};
use leptos::prelude::*;

use crate::view::each;

/// The hues of `style/tokens.css`.
const HUES: u64 = 12;

/// Which of the hues is this person's, on every screen and for ever.
pub(crate) fn hue(id: PersonId) -> u64 {
    id.0 % HUES
}

/// Decoration beside a name: never read out.
#[component]
pub(crate) fn Face(person: Person) -> impl IntoView {
    let initial: String =
        person.name.as_str().chars().next().into_iter().flat_map(char::to_uppercase).collect();
    view! {
        <span class="face" data-hue=hue(person.id).to_string() aria-hidden="true">
            {initial}
        </span>
    }
}

/// At most this many stand side by side.
const IN_A_ROW: usize = 4;

/// The first few of `people`, and how many more there are.
#[component]
pub(crate) fn Faces(people: Vec<Person>, count: usize) -> impl IntoView {
    let more = count.saturating_sub(people.len().min(IN_A_ROW));
    let faces = each(people.into_iter().take(IN_A_ROW).map(|person| view! { <Face person/> }));
    view! {
        <span class="faces" aria-hidden="true">
            {faces} {(more > 0).then(|| view! { <span class="face more">{format!("+{more}")}</span> })}
        </span>
    }
}
