//! Who is here, in full: a panel beside the conversation, a sheet over it where there is no room. The
//! room's owner can show somebody the door.

use leptos::{ev, prelude::*};
use wasm_bindgen::JsCast;
use web_sys::HtmlDialogElement;

use super::{
    dialog::{Topic, use_dialogs},
    face::Face,
    icon::Icon,
};
use crate::{
    chat::use_chat,
    device::is_wide,
    i18n::use_words,
    view::{dynamic, each},
};

const ID: &str = "people";

/// Opens or closes the list; says whether it is open now.
pub(crate) fn show_people(open: bool) -> bool {
    let dialog =
        document().get_element_by_id(ID).and_then(|dialog| dialog.dyn_into::<HtmlDialogElement>().ok());
    let Some(dialog) = dialog else { return false };
    match (open, dialog.open()) {
        (true, false) if is_wide() => dialog.show(),
        // Refused only when it is open already.
        (true, false) => drop(dialog.show_modal()),
        (false, true) => dialog.close(),
        _ => {}
    }
    open
}

/// `open` follows what happens to it.
#[component]
pub(crate) fn People(open: RwSignal<bool>) -> impl IntoView {
    let chat = use_chat();
    let dialogs = use_dialogs();
    let words = use_words();
    let close_beside = |click: ev::MouseEvent| {
        if click.target() == click.current_target() {
            show_people(false);
        }
    };
    let people = move || {
        let me = chat.me().map(|me| me.id);
        let owns_room = chat.owns_room();
        let mut people = Vec::new();
        let mut unnamed = 0;
        chat.visit.roster.with(|roster| {
            unnamed = roster.count() - roster.people().len();
            for away in [false, true] {
                let these = roster.people().iter().filter(|person| roster.is_away(person.id) == away);
                people.extend(these.map(|person| (away, person.clone())));
            }
        });
        let named = each(people.into_iter().map(|(away, person)| {
            let (id, name) = (person.id, person.name.to_string());
            let own = me == Some(id);
            let remove = (owns_room && !own).then(|| {
                view! {
                    <button
                        class="remove"
                        aria-label=format!("{name}: {}", words.remove)
                        aria-haspopup="dialog"
                        on:click=move |_| dialogs.open(Topic::Remove(id))
                    >
                        {words.remove}
                    </button>
                }
            });
            view! {
                <li data-away=away.then_some("")>
                    <Face person/>
                    <span class="name">{name}</span>
                    {own.then(|| view! { <span class="quiet">{words.you}</span> })}
                    {away.then(|| view! { <span class="quiet">{words.away}</span> })}
                    {remove}
                </li>
            }
        }));
        let more = (unnamed > 0).then(|| view! { <li class="quiet">{format!("+{unnamed}")}</li> });
        view! { {named} {more} }
    };
    view! {
        <dialog
            id=ID
            class="people"
            aria-labelledby="people-title"
            on:close=move |_| open.set(false)
            on:click=close_beside
        >
            <div class="people-inside">
                <header>
                    <h2 id="people-title">{words.people}</h2>
                    <button
                        class="icon-button"
                        aria-label=words.close
                        on:click=|_| {
                            show_people(false);
                        }
                    >
                        <Icon name="close"/>
                    </button>
                </header>
                <ul>{dynamic(people)}</ul>
            </div>
        </dialog>
    }
}
