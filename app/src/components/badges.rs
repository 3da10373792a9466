//! What is known about a person, behind their name: the mark that tells namesakes apart, and the roles.

use common::person::Person;
use leptos::prelude::*;

use crate::i18n::Texts;

/// Renders the mark and the roles. `with_roles` is false where a message says more about its origin.
pub(crate) fn badges(person: &Person, with_roles: bool, texts: &'static Texts) -> impl IntoView + use<> {
    let mark = person.mark.as_ref().map(|mark| {
        view! {
            <span class="mark" title=texts.mark_hint>
                <span class="visually-hidden">{texts.mark}</span>
                {mark.to_string()}
            </span>
        }
    });
    let roles = person.roles;
    let names = [
        (roles.owner, texts.role_owner),
        (roles.guest, texts.role_guest),
        (roles.program, texts.role_program),
    ];
    let names: Vec<&str> =
        names.into_iter().filter(|(has_role, _)| *has_role).map(|(_, name)| name).collect();
    let roles =
        (with_roles && !names.is_empty()).then(|| view! { <span class="role">{names.join(" · ")}</span> });
    view! { {mark} {roles} }
}
