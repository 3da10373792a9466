//! What the device is like, by the media queries the style sheets use too.

use leptos::prelude::window;

/// The keyboard is on the screen, and fingers do what a mouse does elsewhere.
pub(crate) fn is_touch() -> bool {
    is("(hover: none) and (pointer: coarse)")
}

/// Wide enough for three columns; the same line as in `style/room.css`.
pub(crate) fn is_wide() -> bool {
    is("(width >= 64rem)")
}

fn is(query: &str) -> bool {
    window().match_media(query).ok().flatten().is_some_and(|query| query.matches())
}
