//! Going to another room with a few letters: a combobox over all rooms one could go to.

use leptos::{ev, prelude::*};

use super::{
    dialog::use_dialogs,
    rooms::{reachable, watch_rooms},
};
use crate::{
    chat::use_chat,
    device,
    field::Field,
    handle::{find, provide},
    i18n::use_words,
    route::{Route, use_router},
    state::{
        composer_keys::Key,
        switcher::{Offer, offers, step},
    },
    view::{dynamic, each, show_marked},
};

const LIST: &str = "switcher-list";

/// What is typed, and which of the offers is chosen.
#[derive(Default)]
struct Typed {
    text: String,
    chosen: usize,
}

#[derive(Clone, Copy)]
pub(crate) struct Switching(Field<Typed>);

pub(crate) fn provide_switcher() {
    provide(Switching(Field::new(Typed::default())));
}

#[component]
pub(crate) fn Switcher() -> impl IntoView {
    let chat = use_chat();
    let words = use_words();
    let dialogs = use_dialogs();
    let router = use_router();
    let Switching(typed) = find();
    let rooms = watch_rooms();
    typed.set(Typed::default());
    let offered = move || typed.with(|typed| offers(&typed.text, reachable(chat, rooms).into_iter()));
    let go = move |offer: Offer| {
        dialogs.close();
        router.go(Route::Room(offer.room().clone()));
    };
    let key_down = move |press: ev::KeyboardEvent| {
        let move_by = match device::press(&press).key {
            Key::Down => 1,
            Key::Up => -1,
            _ => return,
        };
        press.prevent_default();
        let count = untrack(offered).len();
        typed.update(|typed| typed.chosen = step(typed.chosen, count, move_by));
        show_marked(LIST);
    };
    let submit = move |submit: ev::SubmitEvent| {
        submit.prevent_default();
        let chosen = typed.with_untracked(|typed| typed.chosen);
        if let Some(offer) = untrack(offered).into_iter().nth(chosen) {
            go(offer);
        }
    };
    let list = move || {
        let chosen = typed.with(|typed| typed.chosen);
        let options = offered().into_iter().enumerate().map(|(place, offer)| {
            let name = match &offer {
                Offer::Room(room) => room.to_string(),
                Offer::New(room) => (words.open_new)(room.as_str()),
            };
            view! {
                <li
                    id=format!("{LIST}-{place}")
                    role="option"
                    aria-selected=(place == chosen).to_string()
                    on:click=move |_| go(offer.clone())
                >
                    {name}
                </li>
            }
        });
        each(options)
    };
    view! {
        <form on:submit=submit>
            <input
                class="dialog-field"
                // The dialog gives it the focus, whenever that opens.
                autofocus
                role="combobox"
                autocomplete="off"
                autocapitalize="off"
                enterkeyhint="go"
                aria-label=words.switch_room
                placeholder=words.room_name
                aria-expanded="true"
                aria-controls=LIST
                aria-activedescendant=move || typed.with(|typed| format!("{LIST}-{}", typed.chosen))
                on:keydown=key_down
                on:input=move |input| {
                    typed.set(Typed { text: event_target_value(&input), chosen: 0 });
                }
            />
        </form>
        <ul id=LIST class="switcher" role="listbox" aria-label=words.rooms>
            {dynamic(list)}
        </ul>
    }
}
