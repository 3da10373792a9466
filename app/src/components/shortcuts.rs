//! The global keyboard shortcuts, and the list of all shortcuts.

use leptos::{ev, prelude::*};
use wasm_bindgen::JsCast;
use web_sys::HtmlElement;

use super::dialog::{DialogKind, use_dialogs};
use crate::{
    chat::{RoomListItem, use_chat},
    device::{has_command_key, is_mac},
    i18n::use_texts,
    route::{Route, use_router},
    settings::use_settings,
    state::{
        shortcuts::{KeyPress, Shortcut, ShortcutAction},
        switcher::neighbor_room,
    },
    view::{collect_views, listen_on_window},
};

#[component]
pub(crate) fn Shortcuts() -> impl IntoView {
    let texts = use_texts();
    let mac = is_mac();
    // Untracked: the list is rendered each time it is opened.
    let enter_sends = untrack(|| use_settings().enter_sends());
    let listed = Shortcut::ALL.into_iter().filter(|listed| enter_sends || listed.0 != Shortcut::SendAlways);
    let rows = listed.map(|(shortcut, keys)| {
        let keys = match shortcut {
            Shortcut::Send if !enter_sends => "⌘ Enter",
            Shortcut::NewLine if !enter_sends => "Enter",
            _ => keys,
        };
        let keys = keys.split(' ').map(|key| {
            let key = if key == "⌘" && !mac { "Ctrl" } else { key };
            view! { <kbd>{key}</kbd> }
        });
        view! {
            <div>
                <dt>{(texts.shortcut)(shortcut)}</dt>
                <dd>{collect_views(keys)}</dd>
            </div>
        }
    });
    view! { <dl class="shortcuts">{collect_views(rows)}</dl> }
}

/// Listens for the keys of `state::shortcuts` as long as the page lives.
pub(crate) fn listen_for_shortcuts() {
    let (chat, dialogs, router) = (use_chat(), use_dialogs(), use_router());
    let run = move |action| match action {
        ShortcutAction::OpenSwitcher => dialogs.open(DialogKind::Switcher),
        ShortcutAction::OpenHelp => dialogs.open(DialogKind::Shortcuts),
        // Ignored while a dialog is open.
        ShortcutAction::JumpToUnread | ShortcutAction::SwitchRoom { .. } if dialogs.is_open() => {}
        ShortcutAction::JumpToUnread => chat.jump_to_unread(),
        ShortcutAction::SwitchRoom { step, unread_only } => {
            let named = |room: &RoomListItem| (room.room.clone(), room.unread > 0);
            let rooms: Vec<_> = chat.room_list.with_untracked(|rooms| rooms.iter().map(named).collect());
            let here = chat.current_room.name.get_untracked();
            if let Some(room) = neighbor_room(&rooms, here.as_ref(), step, unread_only) {
                router.navigate(Route::Room(room));
            }
        }
    };
    listen_on_window(ev::keydown, move |press| {
        let (key, code) = (press.key(), press.code());
        let key = KeyPress {
            key: &key,
            code: &code,
            command: has_command_key(&press),
            alt: press.alt_key(),
            shift: press.shift_key(),
            is_typing: is_text_focused(),
        };
        if let Some(action) = key.action() {
            press.prevent_default();
            run(action);
        }
    });
}

/// Whether a text input has the focus.
fn is_text_focused() -> bool {
    let focused = document().active_element().and_then(|element| element.dyn_into::<HtmlElement>().ok());
    focused.is_some_and(|element| ["INPUT", "TEXTAREA", "SELECT"].contains(&element.tag_name().as_str()))
}
