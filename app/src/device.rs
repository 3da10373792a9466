//! What the device is like: its screen by the media queries the style sheets use too, its keyboard.

use leptos::prelude::window;
use web_sys::KeyboardEvent;

use crate::state::composer_keys::{Key, Press};

/// The keyboard is on the screen, and fingers do what a mouse does elsewhere.
pub(crate) fn is_touch() -> bool {
    is("(hover: none) and (pointer: coarse)")
}

/// Wide enough for three columns; the same line as in `style/room.css`.
pub(crate) fn is_wide() -> bool {
    is("(width >= 64rem)")
}

/// A Mac's keyboard: ⌘ is what Ctrl is elsewhere, and Ctrl moves the caret in every text.
pub(crate) fn is_mac() -> bool {
    window().navigator().platform().is_ok_and(|platform| platform.starts_with("Mac"))
}

/// Whether the key that commands is down.
pub(crate) fn is_command(press: &KeyboardEvent) -> bool {
    press.meta_key() || (press.ctrl_key() && !is_mac())
}

/// Windows calls every key that an input method takes "Process"; its place on the keyboard is
/// still told.
pub(crate) fn key_name(event: &KeyboardEvent) -> String {
    let name = Some(event.key()).filter(|key| key != "Process" && key != "Unidentified");
    name.unwrap_or_else(|| event.code())
}

/// The press that a browser tells of.
pub(crate) fn press(event: &KeyboardEvent) -> Press {
    let key = match key_name(event).as_str() {
        "Enter" | "NumpadEnter" => Key::Enter,
        "Tab" => Key::Tab,
        "ArrowUp" => Key::Up,
        "ArrowDown" => Key::Down,
        "Escape" => Key::Escape,
        "HanjaMode" => Key::Hanja,
        _ => Key::Other,
    };
    Press {
        key,
        shift: event.shift_key(),
        command: event.ctrl_key() || event.meta_key(),
        alt: event.alt_key(),
        composing: event.is_composing(),
        taken: event.key_code() == 229,
        repeat: event.repeat(),
    }
}

fn is(query: &str) -> bool {
    window().match_media(query).ok().flatten().is_some_and(|query| query.matches())
}
