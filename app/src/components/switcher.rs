//! Going to another room with a few letters: a combobox over all rooms one could go to.

use common::korean::is_hangul;
use leptos::{ev, prelude::*};

use super::{
    dialog::use_dialogs,
    rooms::{reachable, watch_rooms},
};
use crate::{
    chat::use_chat,
    field::Field,
    handle::{find, provide},
    i18n::use_words,
    route::{Route, use_router},
    state::switcher::{Offer, offers, step},
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
        let move_by = match press.key().as_str() {
            "ArrowDown" => 1,
            "ArrowUp" => -1,
            "Enter" if confirms(&press) => {
                press.prevent_default();
                let chosen = typed.with_untracked(|typed| typed.chosen);
                if let Some(offer) = untrack(offered).into_iter().nth(chosen) {
                    go(offer);
                }
                return;
            }
            _ => return,
        };
        press.prevent_default();
        let count = untrack(offered).len();
        typed.update(|typed| typed.chosen = step(typed.chosen, count, move_by));
        show_marked(LIST);
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
        <ul id=LIST class="switcher" role="listbox" aria-label=words.rooms>
            {dynamic(list)}
        </ul>
    }
}

/// Whether this Enter is one's decision. While Hangul is being composed it is, for what is typed is in
/// the field already; kana and pinyin are only confirmed by it.
fn confirms(press: &ev::KeyboardEvent) -> bool {
    let composing = press.is_composing() || press.key_code() == 229;
    !composing || event_target_value(press).chars().last().is_some_and(is_hangul)
}
