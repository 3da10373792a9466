//! What this browser remembers in passing: drafts, our name, the language, the theme.
//!
//! Everything is under `madang/`. A browser may forbid storage (private windows, policies); then
//! nothing is remembered and nothing breaks. The last seconds before a crash may be missing: what
//! must not be lost is in `indexed_db`.

use common::{person::Person, room::RoomName};
use leptos::prelude::window;
use web_sys::Storage;

use crate::route::encode;

pub(crate) const LANGUAGE: &str = "madang/language";

/// Read by `public/boot.js` too, before the first paint.
pub(crate) const THEME: &str = "madang/theme";

const ME: &str = "madang/me";

pub(crate) fn read(key: &str) -> Option<String> {
    storage()?.get_item(key).ok()?
}

/// Remembers `value`, or forgets it when it is `None`.
pub(crate) fn write(key: &str, value: Option<&str>) {
    let Some(storage) = storage() else { return };
    // Full or forbidden: then it is simply not remembered.
    let _ = match value {
        Some(value) => storage.set_item(key, value),
        None => storage.remove_item(key),
    };
}

/// Who we were when the server last said so: for showing what is ours while it can not be asked.
pub(crate) fn me() -> Option<Person> {
    serde_json::from_str(&read(ME)?).ok()
}

pub(crate) fn remember_me(me: &Person) {
    if let Ok(json) = serde_json::to_string(me) {
        write(ME, Some(&json));
    }
}

pub(crate) fn draft(room: &RoomName) -> String {
    read(&draft_key(room)).unwrap_or_default()
}

pub(crate) fn keep_draft(room: &RoomName, text: &str) {
    write(&draft_key(room), (!text.is_empty()).then_some(text));
}

fn draft_key(room: &RoomName) -> String {
    format!("madang/draft/{}", encode(room.as_str()))
}

fn storage() -> Option<Storage> {
    window().local_storage().ok().flatten()
}
