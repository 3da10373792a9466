//! The list of the room's members: a panel beside the timeline, or a sheet over it on narrow screens. The
//! room's owner can kick members.

use leptos::{ev, prelude::*};
use wasm_bindgen::JsCast;
use web_sys::HtmlDialogElement;

use super::{
    avatar::Avatar,
    badges::badges,
    dialog::{DialogKind, use_dialogs},
    icon::Icon,
};
use crate::{
    chat::use_chat,
    device::is_wide,
    i18n::use_texts,
    view::{collect_views, reactive},
};

const ID: &str = "people";

/// Opens or closes the list; returns whether it is open now.
pub(crate) fn set_people_open(open: bool) -> bool {
    let dialog =
        document().get_element_by_id(ID).and_then(|dialog| dialog.dyn_into::<HtmlDialogElement>().ok());
    let Some(dialog) = dialog else { return false };
    match (open, dialog.open()) {
        (true, false) if is_wide() => dialog.show(),
        // Fails only when it is open already.
        (true, false) => drop(dialog.show_modal()),
        (false, true) => dialog.close(),
        _ => {}
    }
    open
}

/// `open` is set to false when the dialog is closed, in whatever way.
#[component]
pub(crate) fn People(open: RwSignal<bool>) -> impl IntoView {
    let chat = use_chat();
    let dialogs = use_dialogs();
    let texts = use_texts();
    let close_beside = |click: ev::MouseEvent| {
        if click.target() == click.current_target() {
            set_people_open(false);
        }
    };
    let people = move || {
        let me = chat.me().map(|me| me.id);
        let owns_room = chat.owns_room();
        let mut people = Vec::new();
        let mut unnamed = 0;
        chat.current_room.roster.with(|roster| {
            unnamed = roster.count() - roster.people().len();
            for away in [false, true] {
                let members = roster.people().iter().filter(|person| roster.is_away(person.id) == away);
                people.extend(members.map(|person| (away, person.clone())));
            }
        });
        let named = collect_views(people.into_iter().map(|(away, person)| {
            let (id, name) = (person.id, person.name.to_string());
            let is_own = me == Some(id);
            let badges = badges(&person, true, texts);
            let kick_button = (owns_room && !is_own).then(|| {
                view! {
                    <button
                        class="kick-button"
                        aria-label=format!("{}: {}", person.marked_name(), texts.kick)
                        aria-haspopup="dialog"
                        on:click=move |_| dialogs.open(DialogKind::ConfirmKick(id))
                    >
                        {texts.kick}
                    </button>
                }
            });
            view! {
                <li data-away=away.then_some("")>
                    <Avatar person/>
                    <span class="name">{name}</span>
                    {badges}
                    {is_own.then(|| view! { <span class="muted">{texts.you}</span> })}
                    {away.then(|| view! { <span class="muted">{texts.away}</span> })}
                    {kick_button}
                </li>
            }
        }));
        let more = (unnamed > 0).then(|| view! { <li class="muted">{format!("+{unnamed}")}</li> });
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
            <div class="people-content">
                <header>
                    <h2 id="people-title">{texts.people}</h2>
                    <button
                        class="icon-button"
                        aria-label=texts.close
                        on:click=|_| {
                            set_people_open(false);
                        }
                    >
                        <Icon name="close"/>
                    </button>
                </header>
                <ul>{reactive(people)}</ul>
            </div>
        </dialog>
    }
}
