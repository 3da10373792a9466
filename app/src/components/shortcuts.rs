//! The keys that work everywhere, and the list of all keys there are.

use leptos::{ev, prelude::*};
use wasm_bindgen::JsCast;
use web_sys::HtmlElement;

use super::dialog::{Topic, use_dialogs};
use crate::{
    chat::{MyRoom, use_chat},
    device::{is_command, is_mac},
    i18n::use_words,
    route::{Route, use_router},
    settings::use_settings,
    state::{
        keys::{Key, Order},
        switcher::beside,
    },
    view::{each, listen},
};

/// Something that can be done with keys alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shortcut {
    Send,
    Break,
    SendAlways,
    EditLast,
    Escape,
    Complete,
    Bold,
    Italic,
    Strike,
    Code,
    Messages,
    Reply,
    FirstUnread,
    Switch,
    Move,
    MoveUnread,
    Help,
}

impl Shortcut {
    /// All of them, in the order of the list, each with its keys; ⌘ stands for Ctrl elsewhere.
    const ALL: [(Shortcut, &str); 17] = [
        (Shortcut::Send, "Enter"),
        (Shortcut::Break, "Shift Enter"),
        (Shortcut::SendAlways, "⌘ Enter"),
        (Shortcut::EditLast, "↑"),
        (Shortcut::Escape, "Esc"),
        (Shortcut::Complete, "@ :"),
        (Shortcut::Bold, "⌘ B"),
        (Shortcut::Italic, "⌘ I"),
        (Shortcut::Strike, "⌘ Shift X"),
        (Shortcut::Code, "⌘ E"),
        (Shortcut::Messages, "↑↓ Enter"),
        (Shortcut::Reply, "R"),
        (Shortcut::FirstUnread, "Shift PgUp"),
        (Shortcut::Switch, "⌘ K"),
        (Shortcut::Move, "Alt ↑↓"),
        (Shortcut::MoveUnread, "Alt Shift ↑↓"),
        (Shortcut::Help, "?"),
    ];
}

#[component]
pub(crate) fn Shortcuts() -> impl IntoView {
    let words = use_words();
    let mac = is_mac();
    // Made anew each time it is opened.
    let enter_sends = untrack(|| use_settings().enter_sends());
    let listed = Shortcut::ALL.into_iter().filter(|listed| enter_sends || listed.0 != Shortcut::SendAlways);
    let rows = listed.map(|(shortcut, keys)| {
        let keys = match shortcut {
            Shortcut::Send if !enter_sends => "⌘ Enter",
            Shortcut::Break if !enter_sends => "Enter",
            _ => keys,
        };
        let keys = keys.split(' ').map(|key| {
            let key = if key == "⌘" && !mac { "Ctrl" } else { key };
            view! { <kbd>{key}</kbd> }
        });
        view! {
            <div>
                <dt>{(words.shortcut)(shortcut)}</dt>
                <dd>{each(keys)}</dd>
            </div>
        }
    });
    view! { <dl class="shortcuts">{each(rows)}</dl> }
}

/// Listens for the keys of `state::keys` as long as the page lives.
pub(crate) fn listen_for_keys() {
    let (chat, dialogs, router) = (use_chat(), use_dialogs(), use_router());
    let obey = move |order| match order {
        Order::Switch => dialogs.open(Topic::Switcher),
        Order::Help => dialogs.open(Topic::Shortcuts),
        // These are for the page, and something lies over it.
        Order::FirstUnread | Order::Move { .. } if dialogs.is_open() => {}
        Order::FirstUnread => chat.jump_to_unread(),
        Order::Move { by, unread } => {
            let named = |room: &MyRoom| (room.room.clone(), room.unread > 0);
            let rooms: Vec<_> = chat.my_rooms.with_untracked(|rooms| rooms.iter().map(named).collect());
            let here = chat.visit.room.get_untracked();
            if let Some(room) = beside(&rooms, here.as_ref(), by, unread) {
                router.go(Route::Room(room));
            }
        }
    };
    listen(ev::keydown, move |press| {
        let (key, code) = (press.key(), press.code());
        let key = Key {
            key: &key,
            code: &code,
            command: is_command(&press),
            alt: press.alt_key(),
            shift: press.shift_key(),
            writing: is_writing(),
        };
        if let Some(order) = key.order() {
            press.prevent_default();
            obey(order);
        }
    });
}

/// Whether what has the focus takes text.
fn is_writing() -> bool {
    let focused = document().active_element().and_then(|element| element.dyn_into::<HtmlElement>().ok());
    focused.is_some_and(|element| ["INPUT", "TEXTAREA", "SELECT"].contains(&element.tag_name().as_str()))
}
