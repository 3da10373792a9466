//! Properties of the device: the screen, by the same media queries as the style sheets, and the keyboard.

use leptos::prelude::window;
use web_sys::KeyboardEvent;

use crate::state::ime_keys::{Key, KeyPress};

/// Whether the device has a touch screen and an on-screen keyboard.
pub(crate) fn is_touch() -> bool {
    matches_media("(hover: none) and (pointer: coarse)")
}

/// Whether the screen is wide enough for three columns; the same breakpoint as in `style/room.css`.
pub(crate) fn is_wide() -> bool {
    matches_media("(width >= 64rem)")
}

/// Whether shortcuts use ⌘ instead of Ctrl; on a Mac, Ctrl moves the caret in every text field.
pub(crate) fn is_mac() -> bool {
    window().navigator().platform().is_ok_and(|platform| platform.starts_with("Mac"))
}

/// Whether ⌘, or Ctrl except on a Mac, is held.
pub(crate) fn has_command_key(press: &KeyboardEvent) -> bool {
    press.meta_key() || (press.ctrl_key() && !is_mac())
}

/// The name of a key. Windows reports every key that an input method handles as "Process"; the
/// physical key's code is still right.
pub(crate) fn key_name(event: &KeyboardEvent) -> String {
    let name = Some(event.key()).filter(|key| key != "Process" && key != "Unidentified");
    name.unwrap_or_else(|| event.code())
}

/// Converts a browser event.
pub(crate) fn key_press(event: &KeyboardEvent) -> KeyPress {
    let key = match key_name(event).as_str() {
        "Enter" | "NumpadEnter" => Key::Enter,
        "Tab" => Key::Tab,
        "ArrowUp" => Key::Up,
        "ArrowDown" => Key::Down,
        "Escape" => Key::Escape,
        "HanjaMode" => Key::Hanja,
        _ => Key::Other,
    };
    KeyPress {
        key,
        shift: event.shift_key(),
        command: event.ctrl_key() || event.meta_key(),
        alt: event.alt_key(),
        composing: event.is_composing(),
        by_ime: event.key_code() == 229,
        repeat: event.repeat(),
    }
}

fn matches_media(query: &str) -> bool {
    window().match_media(query).ok().flatten().is_some_and(|query| query.matches())
}
