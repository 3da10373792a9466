//! What the device is like: its screen by the media queries the style sheets use too, its keyboard.

use leptos::prelude::window;
use web_sys::KeyboardEvent;

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

fn is(query: &str) -> bool {
    window().match_media(query).ok().flatten().is_some_and(|query| query.matches())
}
